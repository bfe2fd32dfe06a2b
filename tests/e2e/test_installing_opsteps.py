"""``ci/install-opsteps`` of a new registry, run as it is: from a wheel, from Git, and refused.

Packages come from where this machine's pip finds them; opsteps itself from a server of the
test's own.
"""

import hashlib
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.workflow_running import Event, GitHub, parse
from tests.installed import opsteps
from tests.registry.making import git

ROOT = Path(__file__).resolve().parents[2]


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called
        """Say nothing."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def address(wheel: Path) -> Iterator[str]:
    """Where the wheel is served."""
    files = partial(_Files, directory=str(wheel.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{wheel.name}"
        server.shutdown()


def hash_of(wheel: Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def install(registry: Path, into: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "ci/install-opsteps", str(into)],
        cwd=registry,
        capture_output=True,
        text=True,
        check=False,
    )


def made(root: Path, *arguments: object) -> Path:
    opsteps(root, "init", "steps", *arguments)
    return root / "steps"


def test_a_pull_request_is_checked_by_the_wheel_that_ci_installs(
    tmp_path: Path, wheel: Path, address: str
) -> None:
    """The whole job, word for word, on a machine that has no opsteps."""
    registry = made(tmp_path, "--tool", f"{address}#sha256={hash_of(wheel)}")
    opsteps(tmp_path, "new", "my-library")
    git(registry, "switch", "--quiet", "-c", "my-library")
    opsteps(tmp_path, "add", "my-library", "--registry", "steps", "--actor", "jane")
    commit = git(registry, "rev-parse", "HEAD")
    remote = tmp_path / "steps.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(registry), str(remote))
    workflow = parse((registry / ".github/workflows/registry.yml").read_text())
    event = Event(name="pull_request", commit=commit, account="jane")
    ran = GitHub(remote, tmp_path / "jobs", installs=True).run(workflow, "validate", event)
    assert ran.ok, ran.output
    assert "my-library" in ran.output
    assert (ran.temporary / "opsteps/bin/opsteps").exists()


def test_a_git_commit_is_built_with_what_is_locked_and_a_lock_of_another_version_is_named(
    tmp_path: Path,
) -> None:
    registry = made(tmp_path)
    source = tmp_path / "source"
    git(tmp_path, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(source))
    commit = git(source, "rev-parse", "HEAD")
    with (registry / "ci/opsteps.txt").open("a") as file:
        file.write(f"git+file://{source}@{commit}\n")
    (registry / "ci/opsteps-dependencies.txt").write_text("")
    done = install(registry, tmp_path / "env")
    assert (tmp_path / "env/bin/opsteps").exists(), done.stderr
    assert done.returncode == 1
    assert "belongs to another version of opsteps" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "ci/opsteps.txt does not say yet where opsteps comes from"),
        ("a\nb\n", "names more than one source"),
    ],
)
def test_what_names_no_one_source_ends_in_a_sentence(tmp_path: Path, lines: str, said: str) -> None:
    registry = made(tmp_path)
    with (registry / "ci/opsteps.txt").open("a") as file:
        file.write(lines)
    done = install(registry, tmp_path / "env")
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "env").exists()


def test_another_file_under_the_same_address_is_not_installed(tmp_path: Path, address: str) -> None:
    registry = made(tmp_path, "--tool", f"{address}#sha256={'0' * 64}")
    for lock in ("dependencies", "build"):  # what they hold is checked in the same way
        (registry / f"ci/opsteps-{lock}.txt").write_text("")
    done = install(registry, tmp_path / "env")
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "env/bin/opsteps").exists()


def test_a_name_without_a_hash_is_not_installed(tmp_path: Path) -> None:
    registry = made(tmp_path)
    (registry / "ci/opsteps-dependencies.txt").write_text("")
    with (registry / "ci/opsteps.txt").open("a") as file:
        file.write("packaging==26.3\n")
    done = install(registry, tmp_path / "env")
    assert done.returncode == 1
    assert "--require-hashes" in done.stderr
