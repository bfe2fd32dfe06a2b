"""Lines that are printed to be pasted stay one command, whatever a stranger named things."""

from pathlib import Path

import pytest

from registry.git.clone_state import CloneState
from registry.git.failures import partial_clone
from registry.served.held_releases import putting_back
from registry.served.memory import RememberedLibrary
from registry.snapshots.registry import Registry
from registry.terminal.pasting import git_line
from registry.trust.moved_head import look_at_head
from registry.trust.served_head import ServedHead
from server.following.remote_tags import RemoteTags
from tests.registry.making import files, git, new_registry, put

_NAME = "x;touch${IFS}evil;#"
_QUOTED = "'x;touch${IFS}evil;#'"


def test_words_of_strangers_are_quoted() -> None:
    assert git_line("fetch", "origin") == "git fetch origin"
    assert git_line("fetch", _NAME) == f"git fetch {_QUOTED}"
    assert git_line("fetch", "a\x1bb") == r"git fetch 'a\x1bb'"


def test_remotes_and_tags_of_strangers_are_quoted_in_advice() -> None:
    state = CloneState(is_shallow=True, lacks_tags=True, remote=_NAME)
    assert _QUOTED in state.next_step
    assert _QUOTED in partial_clone("here", _NAME).next_step
    assert _QUOTED in putting_back(_NAME, "0" * 40, commit="1" * 40, is_on_history=False)


def test_branches_of_strangers_are_quoted_in_advice(tmp_path: Path) -> None:
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        branch = "a;touch${IFS}evil"
        git(registry.path, "switch", "-q", "-c", branch)
        served = ServedHead(branch=registry.branch, head=registry.head())
        git(registry.path, "switch", "-q", "main")
        assert f"git switch '{branch}'" in look_at_head(registry, served).next_step
        git(registry.path, "branch", "-q", "-D", branch)
        assert f"git branch '{branch}'" in look_at_head(registry, served).next_step


def test_tags_that_differ_on_a_remote_are_quoted_in_advice(tmp_path: Path) -> None:
    with new_registry(tmp_path / "theirs") as theirs:
        put(theirs, files())
    git(tmp_path, "clone", "-q", "theirs", "ours")
    name = "file-tools/v;touch${IFS}evil"
    git(tmp_path / "theirs", "tag", name)
    with Registry.open(tmp_path / "ours", remote="origin") as registry:
        registry.remembers = True
        registry.memory.add([RememberedLibrary(name="file-tools")])
        tags = RemoteTags(registry, 0.001)
        for _ in range(2):
            tags.look()
        (alarm,) = tags.alarms
    assert f"git fetch origin '+refs/tags/{name}:refs/tags/{name}'" in alarm


@pytest.mark.parametrize("name", ["origin", "up-stream", "team/main"])
def test_plain_names_stay_plain(name: str) -> None:
    assert git_line(name) == f"git {name}"
