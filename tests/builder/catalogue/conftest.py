"""A real registry that a test changes, and what a built site holds."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from benchmarks import content
from registry.formats.library_file import facts_bytes
from registry.formats.model import LedgerEntry, LibraryFacts
from registry.git.object_ids import tree_id
from registry.git.repository import isolated_environment
from registry.library.digest import release_digest
from registry.library.release_tag import tag_message, tag_name
from registry.names import parse_library_name
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.versions import parse_version


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """A registry, and the ways in which people change one."""

    registry: Registry
    path: Path

    def release(self, files: Mapping[str, bytes]) -> str:
        """Add and release a library; returns its name."""
        manifest = orjson.loads(files["manifest.json"])
        name = parse_library_name(manifest["name"])
        add_release(self.registry, files, by=Actor(name="author"))
        release(self.registry, name, parse_version(manifest["version"]), by=Actor(name="author"))
        return name

    def release_synthetic(self, number: int, version: str = "1.0.0", steps: int = 2) -> str:
        """Release a made-up library; the same number is the same library."""
        return self.release(content.library(number, steps=steps, version=version).files)

    def force(self, files: Mapping[str, bytes]) -> str:
        """Release what no validation would let through, as somebody with Git alone could."""
        manifest = orjson.loads(files["manifest.json"])
        name, version = parse_library_name(manifest["name"]), parse_version(manifest["version"])
        digest = release_digest(files)
        known = self.registry.snapshot()
        ledger = known.library(name).facts.ledger if name in known.names else {}
        entry = LedgerEntry(digest=digest, date="2026-01-01T00:00:00Z")
        facts = LibraryFacts(ledger={**ledger, str(version): entry})
        root = f"libraries/{name}"
        self.commit(
            {
                f"{root}/library.yaml": facts_bytes(facts),
                **{f"{root}/{version}/{path}": raw for path, raw in files.items()},
            }
        )
        message = tag_message(name, version, digest=digest, tree=tree_id(files)).encode()
        tag = tag_name(name, version).encode()
        self._import(
            b"tag %b\nfrom refs/heads/main^0\ntagger A <a@example.com> now\ndata %d\n%b\n"
            % (tag, len(message), message)
        )
        return name

    def commit(self, files: Mapping[str, bytes | None], when: int | None = None) -> None:
        """Commit files as anyone with Git can, now or at a second; None removes one."""
        head = b"commit refs/heads/main\ncommitter A <a@example.com> %b\ndata 0\n"
        lines = [head % (b"now" if when is None else b"%d +0000" % when)]
        lines.append(b"from refs/heads/main^0\n")
        for name, raw in files.items():
            if raw is None:
                lines.append(b"D %b\n" % name.encode())
            else:
                lines.append(b"M 100644 inline %b\ndata %d\n%b\n" % (name.encode(), len(raw), raw))
        self._import(b"".join(lines), date_format="now" if when is None else "raw")

    def empty_commits(self, amount: int) -> None:
        """Commits that change nothing."""
        one = b"commit refs/heads/main\ncommitter A <a@example.com> now\ndata 0\n"
        self._import(one + b"from refs/heads/main^0\n" + one * (amount - 1))

    def _import(self, stream: bytes, date_format: str = "now") -> None:
        subprocess.run(
            ["git", "-C", str(self.path), "fast-import", "--quiet", f"--date-format={date_format}"],
            input=stream,
            env=isolated_environment(),
            check=True,
        )


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A registry without libraries."""
    path = tmp_path / "registry"
    registry = init_registry(
        path,
        name="demo",
        title="Demo registry",
        url="https://steps.example.com",
        by=Actor(name="author"),
    )
    yield Workshop(registry=registry, path=path)
    registry.close()


def site_files(site: Path) -> dict[str, bytes]:
    """Every file of a site by its path."""
    root = site.resolve()
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
