"""Every way to tamper with a registry that we know, as data, and what each reader must say of it.

`Tampering.tamper` does it to a copy of the scene of `tests.registry.verifying.scene`: two libraries
with two releases each, one of them yanked, signed by all the keys that there can be. It writes as
somebody does who may push, or who may write to the disk; nothing of it asks for our permission.

`docs/trust.md` shows this list as a table, and a test compares the two.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from registry.formats.library_file import facts_bytes
from registry.formats.model import LedgerEntry, Yank
from registry.library.digest import release_digest
from registry.names import LibraryName
from tests.registry.making import EXECUTOR, files, git, loosened
from tests.registry.verifying.scene import OTHER, TOOLS, Scene, registry_yaml

YES = "yes"
NO_EFFECT = "no effect"
WHERE_TRUSTED = "yes, where an earlier head was trusted"
"""Whoever reads the registry for the first time has nothing to compare it with."""
UNREMEMBERED = "no: it keeps no tags to compare with"
ONLY_DEEP = "no: it reads no released file"
NOT_SERVED = "it is not served: whoever asks for it is refused"
"""Nothing of it reaches anybody, and nothing that is served is read again to find it."""
_FACTS = f"libraries/{TOOLS}/library.yaml"
_OTHER_FACTS = f"libraries/{OTHER}/library.yaml"
_EXECUTOR = f"libraries/{TOOLS}/1.0.0/executors/copy.py"
_EVIL = b"import os\n"


@dataclass(frozen=True, kw_only=True)
class Tampering:
    """One way to tamper, and what the three readers say once it was done.

    ``verify`` and ``deep`` are `opsteps verify` without and with ``--deep``; ``serve`` is a server
    that served the registry before, running or started again.
    """

    name: str
    tamper: Callable[[Scene], object]
    verify: str = YES
    deep: str = YES
    serve: str = YES


def table() -> str:
    """All of it as the table of ``docs/trust.md``."""
    rows = [("tampering", "`verify`", "`verify --deep`", "`serve`"), ("---",) * 4]
    rows += [(one.name, one.verify, one.deep, one.serve) for one in tamperings()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def tamperings() -> tuple[Tampering, ...]:
    """All of them, in the order of the table."""
    return (
        Tampering(
            name="edit a released file, in a new commit", tamper=lambda s: s.write(s.edited())
        ),
        Tampering(
            name="edit a released file, and make ledger and tag agree", tamper=_edited_in_all_places
        ),
        Tampering(
            name="edit a released file and put it back",
            tamper=lambda s: (s.write(s.edited()), s.write(s.original())),
        ),
        Tampering(
            name="move a tag to a descendant",
            tamper=lambda s: s.tag(f"{TOOLS}/v1.0.0"),
        ),
        Tampering(
            name="make a tag again with other notes",
            tamper=_tag_with_other_notes,
            verify=UNREMEMBERED,
            deep=UNREMEMBERED,
        ),
        Tampering(
            name="delete a tag", tamper=lambda s: git(s.path, "tag", "-d", f"{TOOLS}/v1.0.0")
        ),
        Tampering(
            name="tag other content with the same digest",
            tamper=lambda s: s.tag(
                f"{TOOLS}/v1.0.0", tree=git(s.path, "rev-parse", f"HEAD:libraries/{TOOLS}/1.1.0")
            ),
        ),
        Tampering(name="tag off the history", tamper=_tag_off_the_history),
        Tampering(
            name="edit a digest in a ledger",
            tamper=lambda s: s.edit_entry("1.0.0", digest="a" * 64),
        ),
        Tampering(
            name="edit a date in a ledger",
            tamper=lambda s: s.edit_entry("1.0.0", date="2020-01-01T00:00:00Z"),
        ),
        Tampering(name="enter a directory that nobody released into a ledger", tamper=_entered),
        Tampering(name="remove an entry from a ledger", tamper=_without_entry),
        Tampering(name="remove a version and put other bytes in its place", tamper=_other_bytes),
        Tampering(
            name="the same, with the library uninstalled in between",
            tamper=_other_bytes_after_uninstalling,
        ),
        Tampering(
            name="remove a version's directory",
            tamper=lambda s: s.write({}, removed=(f"libraries/{TOOLS}/1.0.0",)),
        ),
        Tampering(
            name="delete a whole library",
            tamper=lambda s: s.write({}, removed=(f"libraries/{TOOLS}",)),
        ),
        Tampering(
            name="say `state: uninstalled`, remove one release, say `active` again",
            tamper=_through_uninstalled,
        ),
        Tampering(
            name="rewrite history without a yank",
            tamper=_rewritten,
            verify=WHERE_TRUSTED,
            deep=WHERE_TRUSTED,
        ),
        Tampering(
            name="replay an old head",
            tamper=lambda s: git(s.path, "update-ref", "HEAD", "HEAD~1"),
            verify=WHERE_TRUSTED,
            deep=WHERE_TRUSTED,
        ),
        Tampering(
            name="a lightweight tag",
            tamper=lambda s: git(
                s.path, "tag", "-f", f"{TOOLS}/v1.0.0", f"{TOOLS}/v1.0.0^{{commit}}"
            ),
        ),
        Tampering(
            name="a tag of a tag",
            tamper=lambda s: git(
                s.path, "tag", "-f", "-a", "-m", "x", f"{TOOLS}/v1.0.0", f"{TOOLS}/v1.0.0"
            ),
        ),
        Tampering(
            name="a tag of a tree",
            tamper=lambda s: git(
                s.path, "tag", "-f", "-a", "-m", "x", f"{TOOLS}/v1.0.0", "HEAD^{tree}"
            ),
        ),
        Tampering(
            name="a tag made under another name",
            tamper=lambda s: git(
                s.path, "update-ref", f"refs/tags/{OTHER}/v1.0.0", f"refs/tags/{TOOLS}/v1.0.0"
            ),
        ),
        Tampering(name="a tag that is a symbolic ref", tamper=_symbolic_tag),
        Tampering(
            name="a tag of an unknown version of a library",
            tamper=lambda s: s.tag(f"{TOOLS}/v9.9.9"),
        ),
        Tampering(
            name="a tag of an unknown library",
            tamper=lambda s: s.tag("nobodys-tools/v1.0.0"),
        ),
        Tampering(
            name="replacement refs",
            tamper=lambda s: git(s.path, "replace", f"HEAD:{_FACTS}", f"HEAD:{_OTHER_FACTS}"),
            verify=NO_EFFECT,
            deep=NO_EFFECT,
            serve=NO_EFFECT,
        ),
        Tampering(name="grafts", tamper=_grafts, verify=NO_EFFECT, deep=NO_EFFECT, serve=NO_EFFECT),
        Tampering(
            name="a list of shallow commits", tamper=_shallow, verify=NO_EFFECT, deep=NO_EFFECT
        ),
        Tampering(
            name="alternates elsewhere",
            tamper=_alternates,
            verify=NO_EFFECT,
            deep=NO_EFFECT,
            serve=NO_EFFECT,
        ),
        Tampering(
            name="a forged object under the id of a tree",
            tamper=lambda s: _forge(
                s, f"HEAD:libraries/{TOOLS}/1.0.0", f"HEAD:libraries/{TOOLS}/1.1.0"
            ),
            serve=NOT_SERVED,
        ),
        Tampering(
            name="a forged object under the id of a released file",
            tamper=lambda s: _forge(s, f"HEAD:{_EXECUTOR}"),
            verify=ONLY_DEEP,
            serve=NOT_SERVED,
        ),
        Tampering(name="drop a yank", tamper=lambda s: _with_facts(s, OTHER, yanked={})),
        Tampering(
            name="drop a yank with a typed `Operation: unyank`",
            tamper=lambda s: _with_facts(s, OTHER, operation="unyank", yanked={}),
        ),
        Tampering(name="drop a yank in a merge", tamper=_yank_lost_in_a_merge),
        Tampering(
            name="rewrite the reason and the replacement of a yank",
            tamper=lambda s: _with_facts(
                s, OTHER, yanked={"2.0.0": Yank(reason="use this", replacement="1.0.0")}
            ),
        ),
        Tampering(
            name="take a library's ownership",
            tamper=lambda s: _with_facts(s, TOOLS, owners=("mallory",)),
        ),
        Tampering(
            name="make a released file executable", tamper=lambda s: _entry(s, "100755", _EXECUTOR)
        ),
        Tampering(
            name="make a released file a symbolic link",
            tamper=lambda s: _entry(s, "120000", _EXECUTOR),
        ),
        Tampering(
            name="add a symbolic link to a release",
            tamper=lambda s: _entry(s, "120000", f"libraries/{TOOLS}/1.0.0/link"),
        ),
        Tampering(
            name="make a library's directory a submodule",
            tamper=lambda s: _entry(s, "160000", f"libraries/{TOOLS}"),
        ),
        Tampering(
            name="a new library that is a submodule",
            tamper=lambda s: _entry(s, "160000", "libraries/evil-tools"),
        ),
        Tampering(
            name="a new library that is a symbolic link",
            tamper=lambda s: _entry(s, "120000", "libraries/evil-tools"),
        ),
        Tampering(
            name="a new version that is a submodule",
            tamper=lambda s: _entry(s, "160000", f"libraries/{TOOLS}/9.0.0"),
        ),
        Tampering(
            name="a symbolic link in `instances/`",
            tamper=lambda s: _entry(s, "120000", f"instances/production/{TOOLS}.yaml"),
        ),
        Tampering(
            name="`.gitmodules` in `libraries/`",
            tamper=lambda s: s.write({"libraries/.gitmodules": b'[submodule "x"]\n'}),
        ),
        Tampering(name="`.GIT` in a tree", tamper=_git_name),
        Tampering(
            name="enable, disable or pin a library without an operation",
            tamper=lambda s: s.write({f"instances/production/{TOOLS}.yaml": b"enabled: false\n"}),
        ),
        Tampering(
            name="the same with a typed `Operation: disable`",
            tamper=lambda s: s.write(
                {f"instances/production/{TOOLS}.yaml": b"enabled: false\n"}, operation="disable"
            ),
        ),
        Tampering(name="take the instance keys away", tamper=_without_keys),
    )


def _with_facts(
    scene: Scene, name: LibraryName, *, operation: str = "", **changes: object
) -> object:
    facts = replace(scene.facts(name), **changes)  # type: ignore[arg-type]
    path = f"libraries/{name}/library.yaml"
    return scene.write({path: facts_bytes(facts)}, operation=operation)


def _edited_in_all_places(scene: Scene) -> None:
    scene.write(scene.edited())
    content = files(TOOLS, extra={"docs/CHANGELOG.md": b"# 1.0.0\n"})
    digest = release_digest({**content, "executors/copy.py": b"import os\n" + EXECUTOR})
    scene.edit_entry("1.0.0", digest=digest)
    scene.tag(f"{TOOLS}/v1.0.0", digest=digest)


def _tag_with_other_notes(scene: Scene) -> None:
    commit = git(scene.path, "rev-parse", f"{TOOLS}/v1.0.0^{{commit}}")
    scene.tag(f"{TOOLS}/v1.0.0", commit=commit)


def _tag_off_the_history(scene: Scene) -> None:
    head = scene.registry.head()
    scene.write({"x.md": b"x"})
    scene.tag(f"{TOOLS}/v1.0.0")
    git(scene.path, "update-ref", "HEAD", head)


def _symbolic_tag(scene: Scene) -> None:
    git(scene.path, "update-ref", "refs/other/moving", f"refs/tags/{TOOLS}/v1.0.0")
    moving = "refs/other/moving"
    git(scene.path, "update-ref", "-d", f"refs/tags/{TOOLS}/v1.0.0")
    git(scene.path, "symbolic-ref", f"refs/tags/{TOOLS}/v1.0.0", moving)


def _entered(scene: Scene) -> None:
    content = files(TOOLS, "9.0.0")
    facts = scene.facts()
    entry = LedgerEntry(digest=release_digest(content), date="2026-01-01T00:00:00Z")
    written = facts_bytes(replace(facts, ledger={**facts.ledger, "9.0.0": entry}))
    there = {f"libraries/{TOOLS}/9.0.0/{path}": raw for path, raw in content.items()}
    scene.write({**there, _FACTS: written})


def _without_entry(scene: Scene) -> None:
    facts = scene.facts()
    scene.write_facts(replace(facts, ledger={"1.1.0": facts.ledger["1.1.0"]}))


def _other_content() -> dict[str, bytes]:
    content = {**files(TOOLS), "executors/copy.py": b"import os\n" + EXECUTOR}
    return {f"libraries/{TOOLS}/1.0.0/{path}": raw for path, raw in content.items()}


def _other_bytes(scene: Scene) -> None:
    scene.write({}, removed=(f"libraries/{TOOLS}/1.0.0",))
    scene.write(_other_content())


def _other_bytes_after_uninstalling(scene: Scene) -> None:
    gone = (f"libraries/{TOOLS}/1.0.0", f"libraries/{TOOLS}/1.1.0")
    facts = facts_bytes(replace(scene.facts(), state="uninstalled"))
    scene.write({_FACTS: facts}, removed=gone, operation="uninstall")
    scene.write(_other_content())


def _through_uninstalled(scene: Scene) -> None:
    facts = scene.facts()
    gone = (f"libraries/{TOOLS}/1.0.0",)
    raw = facts_bytes(replace(facts, state="uninstalled"))
    scene.write({_FACTS: raw}, removed=gone, operation="uninstall")
    scene.write({_FACTS: facts_bytes(facts)}, operation="install")


def _rewritten(scene: Scene) -> None:
    git(scene.path, "update-ref", "HEAD", "HEAD~1")  # the yank is the last commit
    scene.write({"x.md": b"x"})


def _grafts(scene: Scene) -> None:
    info = scene.path / ".git" / "info"
    info.mkdir(exist_ok=True)
    first = git(scene.path, "rev-list", "--max-parents=0", "HEAD")
    (info / "grafts").write_text(f"{scene.registry.head()} {first}\n")


def _shallow(scene: Scene) -> None:
    (scene.path / ".git" / "shallow").write_text(f"{scene.registry.head()}\n")


def _alternates(scene: Scene) -> None:
    elsewhere = scene.path.parent / "elsewhere.git"
    git(scene.path, "init", "-q", "--bare", str(elsewhere))
    blob = git(elsewhere, "hash-object", "-w", "--stdin", stdin=_EVIL)
    path = scene.path / ".git" / "objects" / "info" / "alternates"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{elsewhere / 'objects'}\n")
    assert git(scene.path, "cat-file", "-t", blob) == "blob"


def _forge(scene: Scene, victim: str, other: str = "") -> None:
    """Another object's bytes where Git looks for this one: it compares ids only when it fetches."""
    object_id = git(scene.path, "rev-parse", victim)
    if other:
        raw = zlib.decompress(
            loosened(scene.path, git(scene.path, "rev-parse", other)).read_bytes()
        )
    else:
        raw = b"blob %d\0" % len(_EVIL) + _EVIL
    path = loosened(scene.path, object_id)
    path.chmod(0o644)
    path.write_bytes(zlib.compress(raw))
    scene.registry.close()  # what Git has read already is not read again


def _yank_lost_in_a_merge(scene: Scene) -> None:
    head = scene.registry.head()
    stale = f"{head}~1"
    merge = git(
        scene.path, "commit-tree", f"{stale}^{{tree}}", "-p", head, "-p", stale, "-m", "Merge"
    )
    git(scene.path, "update-ref", "HEAD", merge)


def _entry(scene: Scene, mode: str, path: str) -> None:
    """A commit in which this path is an entry of another mode."""
    if mode == "160000":
        target = str(scene.registry.head())
    elif mode == "100755":
        target = git(scene.path, "rev-parse", f"HEAD:{path}")
    else:
        target = git(scene.path, "hash-object", "-w", "--stdin", stdin=b"/etc")
    git(scene.path, "read-tree", "HEAD")
    git(scene.path, "rm", "-q", "-r", "-f", "--cached", "--ignore-unmatch", path)
    git(scene.path, "update-index", "--add", "--cacheinfo", f"{mode},{target},{path}")
    git(scene.path, "commit", "-q", "-m", "x")


def _git_name(scene: Scene) -> None:
    blob = git(scene.path, "hash-object", "-w", "--stdin", stdin=b"[core]\n")
    inner = git(scene.path, "mktree", stdin=f"100644 blob {blob}\t.GIT\n".encode())
    listing = git(scene.path, "ls-tree", "HEAD")
    root = git(scene.path, "mktree", stdin=f"{listing}\n040000 tree {inner}\tzzz\n".encode())
    commit = git(scene.path, "commit-tree", root, "-p", "HEAD", "-m", "x")
    git(scene.path, "update-ref", "HEAD", commit)


def _without_keys(scene: Scene) -> None:
    raw = registry_yaml(scene.keys)
    kept = b"".join(
        line
        for line in raw.splitlines(keepends=True)
        if b"instance_keys" not in line and str(scene.keys.instance.public).encode() not in line
    )
    scene.write({"registry.yaml": kept, "registry.yaml.sig": b"x\n"})
