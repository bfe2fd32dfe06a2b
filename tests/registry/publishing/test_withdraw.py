import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsteps import main
from registry.errors import ConflictError, LimitError, NotFoundError
from registry.history.audit_trail import read_audit_trail
from registry.names import LibraryName
from registry.publishing.add import add_release
from registry.publishing.withdraw import ReasonError, deprecate, undeprecate, unyank, yank
from registry.rollback.rollback import roll_back_library
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import NAME, files, git, new_registry, put, version

_BY = Actor(name="ann")
_OLD, _NEW = version("1.0.0"), version("1.1.0")
_OTHER = LibraryName("other")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """One library with two releases, and another one."""
    with new_registry(tmp_path / "registry") as made:
        for content in (files(), files(version="1.1.0"), files(name="other")):
            put(made, content)
        yield made


def run(registry: Registry, *arguments: str) -> None:
    try:
        main([*arguments, "-r", str(registry.path)])
    except SystemExit as ended:
        if ended.code:
            raise


class TestYank:
    def test_callers_get_the_greatest_that_is_left(self, registry: Registry) -> None:
        done = yank(registry, NAME, _NEW, reason="It loses files", replacement=_OLD, by=_BY)
        assert (done.active, done.pinned) == (_OLD, None)
        library = registry.snapshot().library(NAME)
        assert library.active is not None
        assert library.active.version == _OLD
        withdrawn = library.release(_NEW)
        assert withdrawn is not None
        assert withdrawn.is_served
        assert withdrawn.yank is not None
        assert (withdrawn.yank.reason, withdrawn.yank.replacement) == ("It loses files", "1.0.0")

    def test_nothing_is_active_when_all_are_yanked(self, registry: Registry) -> None:
        yank(registry, NAME, _NEW, reason="bad", by=_BY)
        assert yank(registry, NAME, _OLD, reason="bad too", by=_BY).active is None

    def test_whoever_pinned_it_keeps_it(self, registry: Registry) -> None:
        roll_back_library(registry, NAME, _OLD, by=_BY)
        done = yank(registry, NAME, _OLD, reason="bad", by=_BY)
        assert (done.active, done.pinned) == (_NEW, _OLD)

    def test_ledger_owners_and_files_stay(self, registry: Registry) -> None:
        before = read_library(registry, NAME)
        yank(registry, NAME, _NEW, reason="bad", by=_BY)
        after = read_library(registry, NAME)
        assert (after.facts.ledger, after.facts.owners) == (
            before.facts.ledger,
            before.facts.owners,
        )
        assert after.entries["1.1.0"] == before.entries["1.1.0"]

    def test_history_says_who_and_why(self, registry: Registry) -> None:
        done = yank(registry, NAME, _NEW, reason="It loses\nfiles", by=_BY)
        entry = next(read_audit_trail(registry))
        assert (entry.commit, entry.operation, entry.actor) == (done.commit, "yank", "ann")
        assert (entry.summary, entry.reason) == ("Yank file-tools 1.1.0", "It loses files")

    def test_twice_is_refused(self, registry: Registry) -> None:
        yank(registry, NAME, _NEW, reason="bad \x1b[2J", by=_BY)
        with pytest.raises(ConflictError, match=r"yanked already: bad \\x1b\[2J"):
            yank(registry, NAME, _NEW, reason="again", by=_BY)

    @pytest.mark.parametrize("reason", ["", " \n\t"])
    def test_without_a_reason_is_refused(self, registry: Registry, reason: str) -> None:
        with pytest.raises(ReasonError, match="--reason"):
            yank(registry, NAME, _NEW, reason=reason, by=_BY)

    def test_reason_may_have_4000_characters_and_no_more(self, registry: Registry) -> None:
        with pytest.raises(LimitError, match="4,000"):
            yank(registry, NAME, _NEW, reason="x" * 4_001, by=_BY)
        yank(registry, NAME, _NEW, reason="x" * 4_000, by=_BY)
        assert registry.snapshot().library(NAME).has_facts

    @pytest.mark.parametrize("reason", ["a: b # c", "'\"\x1b[2J\u2028.", "\udce9", "- |\n x: &a"])
    def test_hostile_reason_leaves_the_facts_readable(
        self, registry: Registry, reason: str
    ) -> None:
        yank(registry, NAME, _NEW, reason=reason, by=_BY)
        facts = read_library(registry, NAME).facts
        assert facts.yanked["1.1.0"].reason == reason.replace("\udce9", "?")

    @pytest.mark.parametrize("replacement", ["1.1.0", "3.0.0", "2.0.0", "0.9.0"])
    def test_replacement_that_could_not_serve_is_refused_and_others_named(
        self, registry: Registry, replacement: str
    ) -> None:
        put(registry, files(version="0.9.0"))
        yank(registry, NAME, version("0.9.0"), reason="bad", by=_BY)
        add_release(registry, files(version="2.0.0"), by=_BY)
        with pytest.raises(ConflictError, match=r"Name one of 1\.0\.0$"):
            yank(registry, NAME, _NEW, reason="bad", replacement=version(replacement), by=_BY)

    def test_what_was_never_released_is_refused(self, registry: Registry) -> None:
        add_release(registry, files(version="2.0.0"), by=_BY)
        with pytest.raises(NotFoundError, match="not released yet"):
            yank(registry, NAME, version("2.0.0"), reason="bad", by=_BY)
        with pytest.raises(NotFoundError, match="never released"):
            yank(registry, NAME, version("3.0.0"), reason="bad", by=_BY)
        with pytest.raises(NotFoundError, match="no library"):
            yank(registry, LibraryName("nothing"), _NEW, reason="bad", by=_BY)


class TestUnyank:
    def test_it_may_be_chosen_again(self, registry: Registry) -> None:
        yank(registry, NAME, _NEW, reason="bad", by=_BY)
        assert unyank(registry, NAME, _NEW, by=_BY).active == _NEW
        assert read_library(registry, NAME).facts.yanked == {}
        assert next(read_audit_trail(registry)).operation == "unyank"

    def test_what_is_not_yanked_is_refused(self, registry: Registry) -> None:
        head = registry.head()
        with pytest.raises(ConflictError, match="not yanked"):
            unyank(registry, NAME, _NEW, by=_BY)
        assert registry.head() == head


class TestDeprecate:
    def test_library_says_why_and_what_instead(self, registry: Registry) -> None:
        deprecate(registry, NAME, reason="Use other", replacement=_OTHER, by=_BY)
        library = registry.snapshot().library(NAME)
        assert library.status == "deprecated"
        assert library.facts.deprecated is not None
        assert library.facts.deprecated.replacement == "other"

    def test_it_is_taken_back(self, registry: Registry) -> None:
        deprecate(registry, NAME, reason="Old", by=_BY)
        undeprecate(registry, NAME, by=_BY)
        assert registry.snapshot().library(NAME).status == "enabled"

    def test_twice_and_undone_twice_are_refused(self, registry: Registry) -> None:
        deprecate(registry, NAME, reason="Old", by=_BY)
        with pytest.raises(ConflictError, match="deprecated already: Old"):
            deprecate(registry, NAME, reason="Older", by=_BY)
        undeprecate(registry, NAME, by=_BY)
        with pytest.raises(ConflictError, match="not deprecated"):
            undeprecate(registry, NAME, by=_BY)

    def test_replacement_must_be_another_library_that_is_there(self, registry: Registry) -> None:
        with pytest.raises(NotFoundError, match="no library 'nothing'"):
            deprecate(registry, NAME, reason="Old", replacement=LibraryName("nothing"), by=_BY)
        with pytest.raises(ConflictError, match="itself"):
            deprecate(registry, NAME, reason="Old", replacement=NAME, by=_BY)


class TestCommands:
    def test_yank_and_unyank_say_what_callers_get(
        self, registry: Registry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(registry, "yank", "file-tools", "1.1.0", "--reason", "bad")
        assert "callers without a pin now get 1.0.0" in capsys.readouterr().out
        run(registry, "yank", "file-tools", "1.0.0", "--reason", "bad")
        assert "nothing is active any more" in capsys.readouterr().out
        run(registry, "unyank", "file-tools", "1.1.0", "--json")
        answer = json.loads(capsys.readouterr().out)
        assert (answer["active"], answer["pinned"]) == ("1.1.0", None)

    def test_working_tree_follows(self, registry: Registry) -> None:
        follow_head(registry)
        run(registry, "yank", "file-tools", "1.1.0", "--reason", "bad")
        assert git(registry.path, "status", "--porcelain") == ""

    def test_actor_and_request_are_kept(self, registry: Registry) -> None:
        run(registry, "deprecate", "file-tools", "--reason", "Old", "--actor", "bo",
            "--request", "42")  # fmt: skip
        entry = next(read_audit_trail(registry))
        assert (entry.actor, entry.request) == ("bo", "42")

    def test_deprecate_and_undo(
        self, registry: Registry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        run(registry, "deprecate", "file-tools", "--reason", "Old", "--replacement", "other")
        assert "use other" in capsys.readouterr().out
        run(registry, "deprecate", "file-tools", "--undo", "--json")
        assert json.loads(capsys.readouterr().out)["deprecated"] is False

    @pytest.mark.parametrize(
        "arguments", [["deprecate", "x"], ["deprecate", "x", "--undo", "--reason", "y"]]
    )
    def test_contradictory_options_are_refused(
        self, registry: Registry, arguments: list[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            run(registry, *arguments)
        assert ended.value.code == 2
