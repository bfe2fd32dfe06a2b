"""Run commands as another user, who may read everything and write nothing that is not theirs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.conftest import cannot_run
from tests.installed import command

NOBODY = 65534
SECOND = 65533
_STARTS_ANOTHER = "import subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
_READS = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")


@cache
def _prefix(uid: int, group: int) -> list[str]:
    """How a program is started as this user; the interpreter may lie where only root may look.

    Then the user gets the right to read everything, which is what these tests are about; also
    where only the first program gets there, and none that it starts.
    """
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        cannot_run("tests with another user", "run them as root, with setpriv of util-linux")
    plain = ["setpriv", f"--reuid={uid}", f"--regid={group}", "--clear-groups"]
    for words in (plain, [*plain, *_READS, "--bounding-set=-all,+dac_read_search"]):
        if (
            subprocess.run(
                [*words, sys.executable, "-c", _STARTS_ANOTHER], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return words
    cannot_run("tests with another user", "let all users reach the interpreter")
    raise AssertionError


def run_as(
    uid: int,
    where: Path,
    *arguments: object,
    group: int = NOBODY,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The command ``opsteps`` as another user, with a home of their own beside the registry."""
    home = where.parent / f"home-{uid}"
    home.mkdir(exist_ok=True)
    os.chown(home, uid, group)
    own = {"HOME": str(home), "COLUMNS": "160", "NO_COLOR": "1", "USER": f"user{uid}"}
    own["GIT_AUTHOR_NAME"] = "Ada"  # else it is said that nobody is named
    dropped = ("COVERAGE", "OPSTEPS_CACHE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return subprocess.run(
        [*_prefix(uid, group), *command(*arguments)],
        cwd=where,
        env={**kept, "OPSTEPS_PORT": "0", **own, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def open_way(path: Path) -> None:
    """Let everybody come to a test's directory, whose parents pytest keeps to itself."""
    for parent in [path, *path.parents]:
        if parent == Path("/tmp") or parent == parent.parent:  # noqa: S108 - where pytest's are
            return
        parent.chmod(parent.stat().st_mode | 0o055)
