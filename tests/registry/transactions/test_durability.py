"""Each object, ref and directory is synced before the answer: seen in the system calls."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from registry.publishing.add import add_release
from registry.transactions.transaction import Actor
from scripts.system_packages import find_program
from tests.registry.making import files, new_registry

pytestmark = pytest.mark.needs_strace

_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
_TRACED = "openat,fsync,fdatasync,rename,renameat,renameat2,mkdir,write"
_ANSWER = "ANSWERED"
# Unbuffered: the answer is one write, right when the operation has returned.
_RELEASE = f"""
import os, sys
from pathlib import Path
from registry.names import LibraryName
from registry.transactions.transaction import Actor, follow_head
from registry.publishing.release import release
from registry.snapshots.registry import Registry
with Registry.open(Path(sys.argv[1])) as registry:
    release(registry, LibraryName("file-tools"), by=Actor(name="tester"))
    os.write(1, b"{_ANSWER}")
    follow_head(registry)
"""
_NO_SYNC = "import os\nos.fsync = lambda descriptor: None\n"
_GIT_NO_SYNC = """
from registry.git import repository as git
git._OVERRIDES = tuple(x.replace("committed,reference", "none") for x in git._OVERRIDES)
"""


@dataclass
class Trace:
    """The system calls up to the answer, in their order."""

    synced: dict[str, int] = field(default_factory=dict)
    """Path → when it was synced last."""
    renamed: dict[str, tuple[str, int]] = field(default_factory=dict)
    """New path → old path, and when."""
    made: dict[str, int] = field(default_factory=dict)
    """Directory → when."""

    def unsynced(self, root: Path) -> list[str]:
        """What of a repository would not survive a power cut right after the answer."""
        kept = [str(root / ".git" / name) for name in ("objects", "refs", "packed-refs")]
        found = []
        for new, (old, when) in self.renamed.items():
            if not new.startswith(tuple(kept)):
                continue
            if self.synced.get(old, when) >= when:
                found.append(f"content of {new}")
            if self.synced.get(str(Path(new).parent), -1) < when:
                found.append(f"name of {new}")
        for directory, when in self.made.items():
            is_kept = directory.startswith(tuple(kept))
            if is_kept and self.synced.get(str(Path(directory).parent), -1) < when:
                found.append(f"name of {directory}")
        return found


def whole_calls(text: str) -> Iterator[str]:
    """Each call as one line, at the moment of its end: those of several threads interleave."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        process, _, call = line.partition(" ")
        if call.endswith("<unfinished ...>"):
            begun[process] = call.removesuffix("<unfinished ...>").strip()
        elif " resumed>" in call:
            yield f"{process} {begun.pop(process)}{call.partition(' resumed>')[2]}"
        else:
            yield line


def read_trace(text: str) -> Trace:
    trace = Trace()
    for number, line in enumerate(whole_calls(text)):
        found = _CALL.match(line)
        if found is None or found[3].startswith("-"):
            continue
        call, arguments = found[1], found[2]
        paths = re.findall(r'"([^"]*)"', arguments)
        if call == "write" and _ANSWER in arguments:
            return trace
        if call in {"fsync", "fdatasync"}:
            target = re.search(r"<([^>]*)>", arguments)
            assert target is not None
            trace.synced[target[1]] = number
        elif call.startswith("rename"):
            trace.renamed[paths[1]] = (paths[0], number)
        elif call == "mkdir":
            trace.made[paths[0]] = number
    pytest.fail("the operation did not answer")


def traced_release(tmp_path: Path, before: str) -> tuple[Path, Trace]:
    with new_registry(tmp_path / "registry") as registry:
        add_release(registry, files(), by=Actor(name="tester"))
        root = registry.path
    strace = find_program("strace")
    assert strace is not None
    log = tmp_path / "trace"
    command = [strace, "-f", "-y", "-s", "400", "-e", f"trace={_TRACED}", "-o", str(log)]
    program = [sys.executable, "-c", before + _RELEASE, str(root)]
    done = subprocess.run([*command, *program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root, read_trace(log.read_text(errors="replace"))


def test_all_that_is_acknowledged_is_on_the_disk(tmp_path: Path) -> None:
    root, trace = traced_release(tmp_path, "")
    written = [path for path in trace.renamed if path.startswith(f"{root}/.git/")]
    objects = [path for path in written if "/objects/" in path]
    # One pack with its index, which gets its name last; then the tag's ref and the branch.
    assert [Path(path).suffix for path in objects] == [".pack", ".idx"]
    assert f"{root}/.git/refs/tags/file-tools/v1.0.0" in written
    assert f"{root}/.git/refs/heads/main" in written
    assert trace.unsynced(root) == []


@pytest.mark.parametrize("switched_off", [_NO_SYNC, _GIT_NO_SYNC], ids=["ours", "git's"])
def test_the_trace_notices_when_syncing_is_off(tmp_path: Path, switched_off: str) -> None:
    root, trace = traced_release(tmp_path, switched_off)
    assert trace.unsynced(root) != []
