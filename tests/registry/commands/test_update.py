import subprocess
from pathlib import Path

from tests.installed import OPSTEPS
from tests.registry.making import git, new_registry


def test_where_nothing_is_to_be_updated_nothing_is_said_of_the_branch(tmp_path: Path) -> None:
    """The note is about what was done: on a branch of one's own it holds on that alone."""
    with new_registry(tmp_path / "registry") as registry:
        place = registry.path
    git(place, "checkout", "-q", "-b", "aside")
    done = subprocess.run(
        [OPSTEPS, "update", "--offline", "--actor", "x", "--registry", str(place)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "Everything is up to date\n"
    assert done.stderr == ""
