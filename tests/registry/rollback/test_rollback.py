import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsteps import main
from registry.errors import ConflictError, InvalidNameError, NotFoundError
from registry.formats.instance_file import InstanceFile, changed_bytes, parse_instance_file
from registry.formats.model import Yank
from registry.formats.yaml_text import dump_yaml
from registry.history.audit_trail import read_audit_trail
from registry.library.release_state import ReleaseRecord, ReleaseState
from registry.names import CommitId, LibraryName, ObjectId
from registry.publishing.add import add_release
from registry.publishing.withdraw import unyank, yank
from registry.rollback.plan import RollbackPlan, plan_instance
from registry.rollback.rollback import (
    RolledBack,
    resolve_revision,
    roll_back_instance,
    roll_back_library,
    unpin_library,
)
from registry.snapshots.library_at_head import LibraryAtHead
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from registry.versions import Version
from tests.registry.making import NAME, files, git, new_registry, put, version

_BY = Actor(name="ann")
_OLD, _NEW = version("1.0.0"), version("1.1.0")
_OTHER = LibraryName("other")
_FILE = "instances/production/file-tools.yaml"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """One library with two releases."""
    with new_registry(tmp_path / "registry") as made:
        for content in (files(), files(version="1.1.0")):
            put(made, content)
        yield made


def active(registry: Registry, name: LibraryName = NAME) -> str | None:
    record = registry.snapshot().library(name).active
    return str(record.version) if record is not None else None


def instance_text(registry: Registry) -> str:
    return git(registry.path, "show", f"HEAD:{_FILE}")


def wish(registry: Registry, text: str, name: str = "file-tools") -> None:
    """What an operator writes by hand."""
    follow_head(registry)
    file = registry.path / f"instances/production/{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git(registry.path, "add", "-A")
    git(registry.path, "commit", "-q", "-m", "wish")


def uninstall(registry: Registry, name: str, release: str) -> None:
    follow_head(registry)
    git(registry.path, "rm", "-r", "-q", f"libraries/{name}/{release}")
    git(registry.path, "commit", "-q", "-m", "uninstall")


def tags(registry: Registry) -> list[str]:
    return git(registry.path, "tag", "--list", "rollback/*").split()


class TestLibrary:
    def test_it_is_pinned_and_the_commit_tagged(self, registry: Registry) -> None:
        done = roll_back_library(registry, NAME, _OLD, by=_BY)
        assert active(registry) == "1.0.0"
        assert instance_text(registry) == "active: 1.0.0"
        assert (done.tag, done.commit) == ("rollback/1", registry.head())
        assert git(registry.path, "rev-parse", "rollback/1^{commit}") == registry.head()
        message = git(registry.path, "tag", "--list", "--format=%(contents)", "rollback/1")
        assert message.splitlines() == [
            "Roll file-tools back to 1.0.0 in production",
            "",
            "file-tools: 1.1.0 → 1.0.0",
        ]
        entry = next(read_audit_trail(registry))
        assert (entry.operation, entry.actor) == ("rollback", "ann")
        assert entry.reason == "file-tools: 1.1.0 → 1.0.0"

    def test_a_new_release_does_not_move_it_until_it_is_unpinned(self, registry: Registry) -> None:
        roll_back_library(registry, NAME, _OLD, by=_BY)
        put(registry, files(version="1.2.0"))
        assert active(registry) == "1.0.0"
        unpin_library(registry, NAME, by=_BY)
        assert active(registry) == "1.2.0"
        assert "instances" not in git(registry.path, "ls-tree", "--name-only", "HEAD").split()
        assert tags(registry) == ["rollback/1"]

    def test_pinned_already_writes_nothing(self, registry: Registry) -> None:
        roll_back_library(registry, NAME, _OLD, by=_BY)
        head = registry.head()
        again = roll_back_library(registry, NAME, _OLD, by=_BY)
        assert (again.commit, again.tag, again.plan.differences) == (None, None, ())
        assert registry.head() == head
        assert tags(registry) == ["rollback/1"]

    def test_unpinned_already_writes_nothing(self, registry: Registry) -> None:
        head = registry.head()
        assert unpin_library(registry, NAME, by=_BY).commit is None
        assert registry.head() == head

    def test_active_version_may_be_pinned(self, registry: Registry) -> None:
        roll_back_library(registry, NAME, _NEW, by=_BY)
        put(registry, files(version="1.2.0"))
        assert active(registry) == "1.1.0"

    def test_all_else_in_the_operators_file_stays(self, registry: Registry) -> None:
        wish(
            registry, "$schema: x\nenabled: false\ngrants: {network: [a:1]}\nupstream: hub\nnew: 7"
        )
        before = parse_instance_file(instance_text(registry).encode(), file=_FILE)
        roll_back_library(registry, NAME, _OLD, by=_BY)
        after = parse_instance_file(instance_text(registry).encode(), file=_FILE)
        assert after.content == {**before.content, "active": "1.0.0"}
        unpin_library(registry, NAME, by=_BY)
        assert parse_instance_file(instance_text(registry).encode(), file=_FILE) == before

    @pytest.mark.parametrize("text", ["3.0.0", "2.0.0", "1.1.0"])
    def test_what_is_not_served_is_refused_and_what_is_named(
        self, registry: Registry, text: str
    ) -> None:
        add_release(registry, files(version="2.0.0"), by=_BY)
        git(registry.path, "tag", "-d", "file-tools/v1.1.0")
        head = registry.head()
        with pytest.raises((NotFoundError, ConflictError), match=r"Choose one of 1\.0\.0$"):
            roll_back_library(registry, NAME, version(text), by=_BY)
        assert (registry.head(), tags(registry)) == (head, [])

    def test_release_with_altered_files_is_refused(self, registry: Registry) -> None:
        follow_head(registry)
        (registry.path / "libraries/file-tools/1.0.0/docs/README.md").write_text("altered")
        git(registry.path, "commit", "-q", "-a", "-m", "edit")
        with pytest.raises(ConflictError, match="differ from those that were tagged"):
            roll_back_library(registry, NAME, _OLD, by=_BY)

    def test_tag_outside_the_history_is_refused(self, registry: Registry) -> None:
        where, tag = registry.path, "file-tools/v1.0.0"
        message = git(where, "tag", "--list", "--format=%(contents)", tag)
        stray = git(where, "commit-tree", "HEAD^{tree}", "-m", "stray")
        git(where, "tag", "-f", "-a", "-m", message, tag, stray)
        with pytest.raises(ConflictError, match="not on an ancestor of the head"):
            roll_back_library(registry, NAME, _OLD, by=_BY)

    def test_removed_release_is_refused(self, registry: Registry) -> None:
        uninstall(registry, "file-tools", "1.0.0")
        with pytest.raises(ConflictError, match="was removed"):
            roll_back_library(registry, NAME, _OLD, by=_BY)

    def test_yanked_one_is_allowed_with_a_warning(self, registry: Registry) -> None:
        yank(registry, NAME, _OLD, reason="leaks", replacement=_NEW, by=_BY)
        done = roll_back_library(registry, NAME, _OLD, by=_BY)
        assert done.plan.warnings == (
            "file-tools: 1.0.0 is yanked: leaks; its replacement is 1.1.0",
        )
        assert active(registry) == "1.0.0"

    def test_no_such_library(self, registry: Registry) -> None:
        with pytest.raises(NotFoundError, match="no library"):
            roll_back_library(registry, LibraryName("nothing"), _OLD, by=_BY)

    @pytest.mark.parametrize("name", ["../x", "", "a/b", "-x", "A", "x" * 70, ".git"])
    def test_hostile_name_of_an_instance(self, registry: Registry, name: str) -> None:
        registry.instance = name
        with pytest.raises(InvalidNameError, match="instance"):
            roll_back_library(registry, NAME, _OLD, by=_BY)

    def test_instances_do_not_share_a_pin(self, registry: Registry) -> None:
        with Registry.open(registry.path, instance="staging") as staging:
            roll_back_library(staging, NAME, _OLD, by=_BY)
            assert active(staging) == "1.0.0"
        assert active(registry) == "1.1.0"

    def test_dry_run_writes_nothing(self, registry: Registry) -> None:
        head = registry.head()
        done = roll_back_library(registry, NAME, _OLD, by=_BY, dry_run=True)
        (difference,) = done.plan.differences
        assert (difference.active_before, difference.active_after) == (_NEW, _OLD)
        assert (registry.head(), tags(registry), done.commit) == (head, [], None)


class TestNumbers:
    def test_racing_rollbacks_get_a_number_each(self, registry: Registry) -> None:
        put(registry, files(name="other"))
        put(registry, files(name="other", version="1.1.0"))
        done: list[RolledBack] = []

        def roll(name: LibraryName) -> None:
            with Registry.open(registry.path) as opened:
                done.append(roll_back_library(opened, name, _OLD, by=_BY))

        threads = [Thread(target=roll, args=(name,)) for name in (NAME, _OTHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {item.tag for item in done} == {"rollback/1", "rollback/2"}
        assert (active(registry), active(registry, _OTHER)) == ("1.0.0", "1.0.0")

    def test_number_that_is_taken_on_the_remote_only_is_passed_over(
        self, registry: Registry, tmp_path: Path
    ) -> None:
        follow_head(registry)
        hub = tmp_path / "hub.git"
        git(tmp_path, "clone", "-q", "--bare", str(registry.path), str(hub))
        git(registry.path, "remote", "add", "hub", str(hub))
        stray = git(hub, "commit-tree", "HEAD^{tree}", "-m", "stray")
        git(hub, "tag", "rollback/1", stray)
        with Registry.open(registry.path, remote="hub") as opened:
            assert roll_back_library(opened, NAME, _OLD, by=_BY).tag == "rollback/2"
        assert git(hub, "rev-parse", "main") == registry.head()
        assert git(hub, "rev-parse", "rollback/1") == stray

    def test_tags_that_are_no_number_do_not_count(self, registry: Registry) -> None:
        for name in ("rollback/x", "rollback/007", "rollback/7/8", "rollback/3"):
            git(registry.path, "tag", name)
        assert roll_back_library(registry, NAME, _OLD, by=_BY).tag == "rollback/4"


class TestInstance:
    def test_what_was_active_and_enabled_comes_back(self, registry: Registry) -> None:
        put(registry, files(name="other"))
        target = registry.head()
        put(registry, files(version="1.2.0"))
        put(registry, files(name="third"))
        wish(registry, "enabled: false\n", "other")
        done = roll_back_instance(registry, target, by=_BY)
        snapshot = registry.snapshot()
        assert active(registry) == "1.1.0"
        assert snapshot.library(_OTHER).is_enabled
        assert not snapshot.library(LibraryName("third")).is_enabled
        assert done.target == target
        summary = next(read_audit_trail(registry)).summary
        assert summary == f"Roll production back to {target[:12]}"
        message = git(registry.path, "tag", "--list", "--format=%(contents)", "rollback/1")
        assert message.splitlines()[2:] == [
            "file-tools: 1.2.0 → 1.1.0",
            "other: enabled",
            "third: disabled",
        ]

    def test_pin_goes_where_the_default_is_what_it_was(self, registry: Registry) -> None:
        roll_back_library(registry, NAME, _OLD, by=_BY)
        done = roll_back_instance(registry, "HEAD~1", by=_BY)
        assert done.plan.differences[0].pin_after is None
        assert active(registry) == "1.1.0"

    def test_rollback_of_a_rollback_by_its_tag(self, registry: Registry) -> None:
        roll_back_library(registry, NAME, _OLD, by=_BY)
        unpin_library(registry, NAME, by=_BY)
        done = roll_back_instance(registry, "rollback/1", by=_BY)
        summary = next(read_audit_trail(registry)).summary
        assert summary == f"Roll production back to rollback/1 ({done.target[:12]})"
        assert (active(registry), tags(registry)) == ("1.0.0", ["rollback/1", "rollback/2"])

    def test_present_head_is_no_change(self, registry: Registry) -> None:
        wish(registry, "enabled: false\nactive: 1.0.0\n")
        head = registry.head()
        assert roll_back_instance(registry, "HEAD", by=_BY).commit is None
        assert registry.head() == head

    def test_yanks_stay_and_the_yanked_release_is_pinned_with_a_warning(
        self, registry: Registry
    ) -> None:
        target = registry.head()
        yank(registry, NAME, _NEW, reason="bad", by=_BY)
        facts = git(registry.path, "rev-parse", "HEAD:libraries/file-tools")
        done = roll_back_instance(registry, target, by=_BY)
        assert done.plan.warnings == ("file-tools: 1.1.0 is yanked: bad",)
        assert active(registry) == "1.1.0"
        assert git(registry.path, "rev-parse", "HEAD:libraries/file-tools") == facts

    def test_grants_stay(self, registry: Registry) -> None:
        target = registry.head()
        wish(registry, "enabled: false\ngrants: {network: [a]}\n")
        roll_back_instance(registry, target, by=_BY)
        assert instance_text(registry).replace("\n", "") == "grants:  network:  - a"

    def test_library_without_a_release_then_is_disabled(self, registry: Registry) -> None:
        add_release(registry, files(name="other"), by=_BY)
        target = registry.head()
        put(registry, files(name="other"))
        roll_back_instance(registry, target, by=_BY)
        assert not registry.snapshot().library(_OTHER).is_enabled

    def test_releases_that_are_gone_are_all_listed(self, registry: Registry) -> None:
        put(registry, files(name="other"))
        target = registry.head()
        put(registry, files(name="third"))
        uninstall(registry, "file-tools", "1.1.0")
        uninstall(registry, "other", "1.0.0")
        head = registry.head()
        with pytest.raises(ConflictError, match=r"file-tools 1\.1\.0.*other 1\.0\.0.*--skip"):
            roll_back_instance(registry, target, by=_BY)
        assert registry.head() == head
        preview = roll_back_instance(registry, target, by=_BY, dry_run=True)
        assert [item.library for item in preview.plan.missing] == ["file-tools", "other"]
        done = roll_back_instance(registry, target, by=_BY, skip_missing=True)
        assert [d.library for d in done.plan.differences] == ["third"]
        assert active(registry) == "1.0.0"

    def test_gone_and_disabled_then_is_no_obstacle(self, registry: Registry) -> None:
        wish(registry, "enabled: false\n")
        target = registry.head()
        wish(registry, "enabled: true\n")
        uninstall(registry, "file-tools", "1.1.0")
        done = roll_back_instance(registry, target, by=_BY)
        assert not registry.snapshot().library(NAME).is_enabled
        assert "1.1.0, which was active and disabled then" in done.plan.warnings[0]

    def test_only_this_instance_goes_back(self, registry: Registry) -> None:
        target = registry.head()
        put(registry, files(version="1.2.0"))
        with Registry.open(registry.path, instance="staging") as staging:
            roll_back_instance(staging, target, by=_BY)
            assert active(staging) == "1.1.0"
        assert active(registry) == "1.2.0"

    @pytest.mark.parametrize(
        "revision",
        ["--help", "-h", "", "no-such-tag", "HEAD~99", "a..b", "HEAD:registry.yaml", "HEAD\n",
         "--output=x", ":/x", "^HEAD", "\x00", "x" * 300, "HEAD^{tree}", "0" * 40],
    )  # fmt: skip
    def test_text_that_names_no_commit(self, registry: Registry, revision: str) -> None:
        with pytest.raises(NotFoundError, match="no commit"):
            resolve_revision(registry.repository, revision)

    def test_commit_of_another_history_is_refused(self, registry: Registry) -> None:
        git(
            registry.path,
            "tag",
            "side",
            git(registry.path, "commit-tree", "HEAD^{tree}", "-m", "x"),
        )
        with pytest.raises(ConflictError, match="not in the history"):
            roll_back_instance(registry, "side", by=_BY)


class TestCommand:
    def run(self, registry: Registry, *arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["rollback", *arguments, "-r", str(registry.path)])
        return int(ended.value.code or 0)

    def test_library_and_unpin(
        self, registry: Registry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run(registry, "file-tools", "--to", "1.0.0") == 0
        assert capsys.readouterr().out.splitlines() == [
            "file-tools: 1.1.0 → 1.0.0",
            "Changed production, tagged rollback/1",
        ]
        assert git(registry.path, "status", "--porcelain") == ""
        assert self.run(registry, "file-tools", "--to", "1.0.0") == 0
        assert "like that already" in capsys.readouterr().out
        assert self.run(registry, "file-tools", "--unpin") == 0
        assert active(registry) == "1.1.0"

    def test_dry_run_as_json(self, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
        yank(registry, NAME, _OLD, reason="bad", by=_BY)
        head = registry.head()
        assert self.run(registry, "file-tools", "--to", "1.0.0", "--dry-run", "--json") == 0
        answer = json.loads(capsys.readouterr().out)
        (change,) = answer["changes"]
        assert change == {
            "library": "file-tools",
            "enabled_before": True,
            "enabled_after": True,
            "active_before": "1.1.0",
            "active_after": "1.0.0",
            "pin_before": None,
            "pin_after": "1.0.0",
            "warnings": ["1.0.0 is yanked: bad"],
        }
        assert (answer["commit"], answer["dry_run"], registry.head()) == (None, True, head)

    def test_dry_run_of_an_instance_that_cannot_go_back_fails(
        self, registry: Registry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        target = registry.head()
        uninstall(registry, "file-tools", "1.1.0")
        assert self.run(registry, "--to", target, "--dry-run") == 1
        assert "Missing: file-tools 1.1.0" in capsys.readouterr().err
        assert self.run(registry, "--to", target, "--dry-run", "--skip-missing") == 0

    @pytest.mark.parametrize(
        "arguments",
        [[], ["x"], ["x", "--to", "1.0.0", "--unpin"], ["--unpin"],
         ["x", "--to", "1.0.0", "--skip-missing"]],
    )  # fmt: skip
    def test_options_that_say_no_one_thing(self, registry: Registry, arguments: list[str]) -> None:
        assert self.run(registry, *arguments) == 2


_VERSIONS = [version(text) for text in ("1.0.0", "1.1.0", "2.0.0", "2.1.0-rc.1")]
_NAMES = [LibraryName(name) for name in ("a", "b", "c")]


@st.composite
def _states(draw: st.DrawFn, released: frozenset[Version] | None = None) -> LibraryAtHead:
    """A library; with ``released`` a later state of it: what was released may be gone, not back."""
    if released is None and not draw(st.booleans()):
        return LibraryAtHead()
    known = (released or frozenset()) | draw(st.frozensets(st.sampled_from(_VERSIONS)))
    records = [
        ReleaseRecord(
            version=item,
            state=draw(st.sampled_from([*[ReleaseState.RELEASED] * 4, *ReleaseState])),
            tree=ObjectId(""),
            yank=draw(st.sampled_from([None, None, Yank(reason="bad")])),
        )
        for item in sorted(known, reverse=True)
    ]
    pin = draw(st.sampled_from([None, None, *_VERSIONS]))
    content: dict[str, object] = draw(st.sampled_from([{}, {"upstream": "hub"}]))
    if pin is not None:
        content = {**content, "active": str(pin)}
    if draw(st.booleans()):
        content = {**content, "enabled": False}
    instance = parse_instance_file(dump_yaml(content), file="x")
    return LibraryAtHead(exists=True, instance=instance, releases=tuple(records))


@st.composite
def _pasts(
    draw: st.DrawFn,
) -> tuple[dict[LibraryName, LibraryAtHead], dict[LibraryName, LibraryAtHead]]:
    then = {name: draw(_states()) for name in _NAMES}
    now = {
        name: draw(_states(frozenset(record.version for record in state.releases)))
        if state.exists
        else draw(_states())
        for name, state in then.items()
    }
    return then, now


def applied(
    plan: RollbackPlan, now: Mapping[LibraryName, LibraryAtHead]
) -> dict[LibraryName, LibraryAtHead]:
    after = dict(now)
    for change in plan.differences:
        file = now[change.library].instance
        raw = changed_bytes(file, enabled=change.enabled_after, pin=change.pin_after)
        instance = InstanceFile() if raw is None else parse_instance_file(raw, file="x")
        after[change.library] = replace(now[change.library], instance=instance)
    return after


def answered(state: LibraryAtHead) -> Version | None:
    return state.active if state.is_enabled else None


class TestProperties:
    @given(_pasts())
    def test_afterwards_callers_get_what_they_got_then(
        self,
        past: tuple[dict[LibraryName, LibraryAtHead], dict[LibraryName, LibraryAtHead]],
    ) -> None:
        then, now = past
        plan = plan_instance(then, now)
        after = applied(plan, now)
        missing = {item.library for item in plan.missing}
        for name in _NAMES:
            before, wanted = then[name], then[name].active
            if name in missing:
                assert after[name] == now[name]
                continue
            assert answered(after[name]) == answered(before)
            record = now[name].release(wanted) if wanted is not None else None
            if record is not None and record.is_served:
                assert (after[name].is_enabled, after[name].active) == (before.is_enabled, wanted)
            if not before.exists and now[name].exists:
                assert not after[name].is_enabled

    @given(_pasts())
    def test_only_what_is_gone_is_missing(
        self,
        past: tuple[dict[LibraryName, LibraryAtHead], dict[LibraryName, LibraryAtHead]],
    ) -> None:
        then, now = past
        for item in plan_instance(then, now).missing:
            record = now[item.library].release(item.version)
            assert record is None or not record.is_served
            assert answered(then[item.library]) == item.version

    @given(_pasts())
    def test_twice_is_once_and_what_is_not_decided_stays(
        self,
        past: tuple[dict[LibraryName, LibraryAtHead], dict[LibraryName, LibraryAtHead]],
    ) -> None:
        then, now = past
        after = applied(plan_instance(then, now), now)
        assert plan_instance(then, after).differences == ()
        for name in _NAMES:
            assert after[name].instance.facts.upstream == now[name].instance.facts.upstream

    @given(_pasts())
    def test_the_present_is_no_change(
        self,
        past: tuple[dict[LibraryName, LibraryAtHead], dict[LibraryName, LibraryAtHead]],
    ) -> None:
        _, now = past
        assert plan_instance(now, now) == RollbackPlan(differences=())

    @pytest.mark.parametrize("seed", range(4))
    def test_real_histories_go_back_to_each_of_their_commits(
        self, tmp_path: Path, seed: int
    ) -> None:
        random_ = random.Random(seed)
        with new_registry(tmp_path / "registry") as registry:
            commits = [_random_operation(registry, random_) for _ in range(8)]
            for target in random_.sample(commits, 4):
                facts = git(registry.path, "rev-parse", "HEAD:libraries")
                roll_back_instance(registry, target, by=_BY)
                assert git(registry.path, "rev-parse", "HEAD:libraries") == facts
                assert _answers(registry, registry.head()) == _answers(registry, target)
                assert roll_back_instance(registry, target, by=_BY).commit is None


def _random_operation(registry: Registry, random_: random.Random) -> CommitId:
    name = LibraryName(random_.choice(["alpha", "beta"]))
    snapshot = registry.snapshot()
    known = snapshot.library(name).releases if name in snapshot.names else ()
    chosen = random_.choice(known) if known else None
    match random_.choice(["release", "release", "yank", "pin", "unpin", "toggle"]):
        case "yank" if chosen is not None:
            if chosen.yank is None:
                yank(registry, name, chosen.version, reason="bad", by=_BY)
            else:
                unyank(registry, name, chosen.version, by=_BY)
        case "pin" if chosen is not None:
            roll_back_library(registry, name, chosen.version, by=_BY)
        case "unpin" if known:
            unpin_library(registry, name, by=_BY)
        case "toggle" if known:
            is_enabled = snapshot.library(name).is_enabled
            wish(registry, "enabled: false\n" if is_enabled else "{}\n", name)
        case _:
            put(registry, files(name=name, version=f"1.{len(known)}.0"))
    return registry.head()


def _answers(registry: Registry, commit: CommitId) -> dict[str, str]:
    """What callers without a version get."""
    return {
        library.name: str(library.active.version)
        for library in registry.snapshot(commit).libraries()
        if library.is_enabled and library.active is not None
    }
