"""Objects of a few hundred kilobytes in a pack that unpack to gigabytes: nobody reads them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.limits import BLOB_BYTES
from registry.transactions.transaction import follow_head
from tests.installed import command
from tests.registry.making import files, git, new_registry, put
from tests.server.real_server import keeper_of, serving

_SIZE = 300_000_000
# A command alone takes less than half of it.
_MOST_KILOBYTES = 250_000


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ran:
    """How a command ended, and the most memory that it or a process of its own held."""

    status: int
    kilobytes: int
    said: str


# A child's peak begins with what its parent had at the fork, so that a small process starts it.
_MEASURE = """
import os, sys
same = [(os.POSIX_SPAWN_DUP2, 1, 2)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=same)
_, status, usage = os.wait4(child, 0)
sys.stderr.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""


def _run(where: Path, *arguments: object) -> _Ran:
    with tempfile.TemporaryFile() as out:
        done = subprocess.run(
            [sys.executable, "-S", "-c", _MEASURE, *command(*arguments)],
            cwd=where,
            stdout=out,
            stderr=subprocess.PIPE,
            check=True,
        )
        out.seek(0)
        said = out.read().decode()
    status, kilobytes = map(int, done.stderr.split())
    return _Ran(status=status, kilobytes=kilobytes, said=said)


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry whose ``library.yaml`` has 300 MB of zeros, in a pack of 300 kB."""
    path = tmp_path_factory.mktemp("bomb") / "registry"
    with new_registry(path) as made:
        put(made, files())
        put(made, files("more-tools"))
        follow_head(made)
    facts = path / "libraries/file-tools/library.yaml"
    with facts.open("wb") as file:
        file.truncate(_SIZE)
    git(path, "-c", "core.compression=1", "-c", "core.bigFileThreshold=1m", "add", "libraries")
    git(path, "commit", "--quiet", "--no-verify", "-m", "Change the facts")
    facts.unlink()
    git(path, "update-index", "--assume-unchanged", "libraries/file-tools/library.yaml")
    return path


def test_verify_of_a_bomb_stays_small(bomb: Path) -> None:
    ran = _run(bomb, "verify")
    assert ran.status != 0
    assert ran.kilobytes < _MOST_KILOBYTES, ran.said
    assert "bytes" in ran.said


def test_a_bundle_with_a_bomb_is_refused_and_stays_small(bomb: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bomb.bundle"
    git(bomb, "bundle", "create", "--quiet", str(bundle), "HEAD", "main", "--tags")
    assert bundle.stat().st_size < _SIZE // 50
    ran = _run(tmp_path, "import", "bundle", bundle, tmp_path / "new")
    assert ran.status not in {0, 1}, ran.said
    assert not (tmp_path / "new").exists()
    assert ran.kilobytes < _MOST_KILOBYTES, ran.said


def test_the_others_are_shown_beside_a_bomb(bomb: Path) -> None:
    ran = _run(bomb, "show", "file-tools")
    assert ran.kilobytes < _MOST_KILOBYTES, ran.said
    assert f"more than {BLOB_BYTES:,} bytes" in ran.said
    assert _run(bomb, "show", "more-tools").status == 0


def test_a_server_serves_the_others_beside_a_bomb(bomb: Path) -> None:
    with serving(bomb) as client:
        assert client.get("/api/v1/libraries/more-tools").status == 200
        shown = str(client.get("/api/v1/libraries/file-tools").json())
        status = Path(f"/proc/{keeper_of(client)}/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert f"more than {BLOB_BYTES:,} bytes" in shown
    assert peak < _MOST_KILOBYTES
