"""Find the libraries with a text in a manifest: Git looks, so that only those are loaded."""

from __future__ import annotations

from collections.abc import Collection

from registry.names import LibraryName
from registry.snapshots.registry import Registry, Snapshot

# JSON may write any character as \uXXXX: what does so may mean any text.
_ESCAPED = b"\\u"
_FACTS = "registry.yaml"
_MANIFESTS = ":(glob)libraries/*/*/manifest.json"


def libraries_mentioning(
    registry: Registry, snapshot: Snapshot, texts: Collection[str]
) -> frozenset[LibraryName]:
    """The libraries of which a manifest of any version has one of these texts, or may have it.

    Raises GitError.
    """
    # git grep fails alike when nothing is found and when something is wrong: one line is there.
    facts = registry.repository.object(f"{snapshot.commit}:{_FACTS}")
    known_line = max(facts.content.splitlines(), key=len) if facts is not None else b""
    patterns = [*(text.encode() for text in sorted(texts)), _ESCAPED, known_line]
    out = registry.repository.run(
        "grep", "-l", "-z", "-F", "--text", "--no-textconv", "-f", "-",
        snapshot.commit, "--", _MANIFESTS, _FACTS, stdin=b"\n".join(patterns),
    )  # fmt: skip
    # Each is <commit>:libraries/<name>/<version>/manifest.json.
    paths = (item.partition(":")[2].split("/") for item in out.decode(errors="replace").split("\0"))
    found = frozenset(LibraryName(parts[1]) for parts in paths if len(parts) > 1)
    return found.intersection(snapshot.names)
