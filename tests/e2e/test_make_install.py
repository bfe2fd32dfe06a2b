"""``make install``: from a checkout to the command, for a user without rights or a PATH for it."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make(home: Path, target: str, path: str = "/usr/local/bin:/usr/bin:/bin") -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = subprocess.run(
        ["make", "--no-print-directory", target],
        cwd=ROOT,
        env={**kept, "HOME": str(home), "PATH": path, "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_the_command_comes_works_away_from_the_checkout_and_goes(tmp_path: Path) -> None:
    link = tmp_path / ".local/bin/opsteps"
    code, said = make(tmp_path, "install")
    assert code == 0, said
    assert f'export PATH="{link.parent}:$PATH"' in said
    elsewhere = tmp_path / "empty"
    elsewhere.mkdir()
    for command in (["opsteps", "--version"], ["opsteps", "init", "steps"]):
        subprocess.run(
            command,
            cwd=elsewhere,
            env={"HOME": str(tmp_path), "PATH": f"{link.parent}:/usr/bin:/bin"},
            check=True,
            capture_output=True,
        )
    # What CI needs travels in the wheel.
    locked = (elsewhere / "steps/ci/opsteps-dependencies.txt").read_text()
    assert (ROOT / "requirements/run.txt").read_text() in locked
    code, said = make(tmp_path, "uninstall")
    assert code == 0, said
    assert not link.is_symlink()
    assert not (tmp_path / ".local/share/opsteps").exists()
    assert make(tmp_path, "uninstall") == (0, "[env] nothing was installed\n")


def _without_make() -> dict[str, str]:
    """The environment without what a ``make`` that runs the tests tells others of its kind."""
    return {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}


def test_the_demo_takes_a_port_that_is_typed_and_not_one_of_the_environment() -> None:
    for typed, wanted in ((["PORT=3411"], '.venv/bin/opsteps demo --port "3411"'), ([], "demo")):
        done = subprocess.run(
            ["make", "--dry-run", "demo", *typed],
            cwd=ROOT,
            env={**_without_make(), "PORT": "8080"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.rstrip().endswith(wanted)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_somebody_elses_opsteps_stays(tmp_path: Path, kind: str) -> None:
    link = tmp_path / ".local/bin/opsteps"
    link.parent.mkdir(parents=True)
    if kind == "file":
        link.write_text("mine")
    else:
        link.symlink_to("/opt/pipx/opsteps")
    for target, wanted in (("install", 2), ("uninstall", 0)):
        code, said = make(tmp_path, target)
        assert code == wanted, said
        assert f"{link} is something else" in said
        assert link.is_symlink() == (kind == "link")
        assert os.path.lexists(link)
