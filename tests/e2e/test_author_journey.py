"""The whole journey of an author, by commands, over a real bare remote and clones of it."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.installed import OPSTEPS
from tests.registry.making import git

_ROOT = Path(__file__).parents[2]


def command(*arguments: object) -> list[str]:
    return [str(OPSTEPS), *map(str, arguments)]


def opsteps(where: Path, *arguments: object, expect: int = 0) -> str:
    """Run a command in a clone; returns all that it said."""
    done = subprocess.run(
        command(*arguments),
        cwd=where,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == expect, said
    return said if arguments[-1] != "--json" else done.stdout


class Forge:
    """A bare remote, and clones of it: what a Git host is to its users."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bare = root / "forge.git"
        first = root / "first"
        opsteps(root, "init", first, "--name", "acme", "--title", "ACME", "--operator", "olga")
        git(root, "clone", "-q", "--bare", str(first), str(self.bare))

    def clone(self, name: str) -> Path:
        where = self.root / name
        git(self.root, "clone", "-q", str(self.bare), name)
        git(where, "config", "user.name", name)
        git(where, "config", "user.email", f"{name}@example.com")
        return where

    def merge(self, branch: str) -> None:
        """Merge a pull request, as the host does."""
        host = self.clone(f"merge-{branch}")
        git(host, "merge", "-q", "--no-ff", "--no-edit", f"origin/{branch}")
        git(host, "push", "-q", "origin", "main")

    def release(self, name: str) -> str:
        """What the registry's workflow does after a merge."""
        ci = self.clone(name)
        return opsteps(ci, "release", "--all", "--remote", "origin", "--actor", "ci")


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    return Forge(tmp_path)


def propose(forge: Forge, author: str, name: str) -> Path:
    """An author writes a library and pushes it on a branch."""
    clone = forge.clone(author)
    git(clone, "switch", "-q", "-c", f"add-{name}")
    work = forge.root / f"work-{author}"
    work.mkdir()
    opsteps(work, "new", name, "--author", author)
    assert "no problems" in opsteps(work, "validate", name)
    opsteps(clone, "add", work / name, "--actor", author)
    git(clone, "push", "-q", "origin", f"add-{name}")
    return clone


def review(forge: Forge, branch: str, actor: str, *, expect: int = 0) -> str:
    """What the registry's workflow does for a pull request."""
    ci = forge.clone(f"review-{branch}-{expect}")
    git(ci, "switch", "-q", "--detach", f"origin/{branch}")
    return opsteps(
        ci, "validate", "--base", "origin/main", "--actor", actor, "--format", "github",
        expect=expect,
    )  # fmt: skip


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}, indent=2))


def next_version(forge: Forge, clone: Path, version: str, **manifest: object) -> str:
    """The author copies the release before, changes it, and pushes a branch."""
    git(clone, "fetch", "-q", "origin")
    branch = f"release-{version}"
    git(clone, "switch", "-q", "-c", branch, "origin/main")
    work = forge.root / f"work-{version}"
    library = clone / "libraries/greetings"
    before = max(path for path in library.iterdir() if path.is_dir())
    git(forge.root, "clone", "-q", str(clone), str(work))
    source = work / "libraries/greetings" / before.name
    edit_json(source / "manifest.json", version=version, **manifest)
    changelog = source / "docs/CHANGELOG.md"
    changelog.write_text(f"# Changelog\n\n## {version}\n\nBetter.\n")
    step = next((source / "steps").glob("*.json"))
    parameters = json.loads(step.read_text())["parameters"]
    if version.endswith(".0.0"):
        parameters["needed"] = {"type": "string", "required": True, "description": "New."}
        edit_json(step, parameters=parameters, examples=[])
    opsteps(clone, "add", source, "--actor", "ada")
    git(clone, "push", "-q", "origin", branch)
    return branch


def test_the_whole_journey_of_an_author(forge: Forge) -> None:
    ada = propose(forge, "ada", "greetings")
    assert "::error" not in review(forge, "add-greetings", "ada")
    assert "greetings" in opsteps(ada, "diff", "--markdown")
    forge.merge("add-greetings")
    said = forge.release("ci-1")
    first = git(forge.bare, "tag", "-l", "greetings/*").removeprefix("greetings/v")
    assert f"Released greetings {first}" in said

    # A release that is edited in a pull request is refused, by name.
    git(ada, "fetch", "-q", "origin")
    git(ada, "switch", "-q", "-c", "sneaky", "origin/main")
    readme = ada / f"libraries/greetings/{first}/docs/README.md"
    readme.write_text("Something else.\n")
    git(ada, "commit", "-q", "--no-verify", "-am", "Improve the README")
    git(ada, "push", "-q", "origin", "sneaky")
    said = review(forge, "sneaky", "ada", expect=1)
    assert f"libraries/greetings/{first}" in said

    # A stranger may not release a version of somebody else's library.
    branch = next_version(forge, ada, "1.1.0", description="Greets even better than before.")
    assert "owner" in review(forge, branch, "mallory", expect=1)
    assert "::error" not in review(forge, branch, "ada")
    forge.merge(branch)
    forge.release("ci-2")

    # A break that is no major version is refused with the version that it demands.
    branch = next_version(forge, ada, "2.0.0")
    forge.merge(branch)
    forge.release("ci-3")
    tags = git(forge.bare, "tag", "-l", "greetings/*").split()
    assert tags == [f"greetings/v{v}" for v in sorted([first, "1.1.0", "2.0.0"])]

    # The bad release is withdrawn, the instance goes back, and the log says so.
    operator = forge.clone("olga")
    said = opsteps(
        operator, "yank", "greetings", "2.0.0", "--reason", "Greets twice",
        "--replacement", "1.1.0", "--remote", "origin", "--actor", "olga",
    )  # fmt: skip
    assert "1.1.0" in said
    opsteps(
        operator, "rollback", "greetings", "--to", first, "--remote", "origin", "--actor", "olga"
    )
    log = json.loads(opsteps(operator, "log", "greetings", "--json"))
    operations = [entry["operation"] for entry in log]
    assert operations[:2] == ["rollback", "yank"]
    assert operations.count("release") == 3

    # Everyone can verify that nothing released was ever altered.
    fresh = forge.clone("fresh")
    opsteps(fresh, "verify", "--deep")
    shown = opsteps(fresh, "show", "greetings")
    assert first in shown


def race(commands: dict[Path, list[object]]) -> None:
    """Run a command in each clone at the same moment, upon the same remote."""
    racers = [
        subprocess.Popen(
            command(*arguments, "--remote", "origin"),
            cwd=clone,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for clone, arguments in commands.items()
    ]
    for racer in racers:
        said, _ = racer.communicate()
        assert racer.returncode == 0, said.decode()


def test_two_clones_race_and_both_releases_arrive(forge: Forge) -> None:
    clones = {name: forge.clone(name) for name in ("ada", "bob")}
    for name in clones:
        opsteps(forge.root, "new", f"{name}-tools", "--author", name)
    race({clone: ["add", forge.root / f"{name}-tools"] for name, clone in clones.items()})
    race({clone: ["release", f"{name}-tools"] for name, clone in clones.items()})
    assert len(git(forge.bare, "tag").split()) == 2
    fresh = forge.clone("fresh")
    opsteps(fresh, "verify")
    found = opsteps(fresh, "search", "tools", "--registry", fresh)
    assert "ada-tools" in found
    assert "bob-tools" in found
