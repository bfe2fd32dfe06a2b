import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats.model import Deprecation, InstanceFacts, LedgerEntry, LibraryFacts, Yank
from registry.library.core import core_library
from registry.library.release_state import (
    Library,
    LibraryStatus,
    ReleaseRecord,
    ReleaseState,
    TagFacts,
    choose_active,
    decide_release,
)
from registry.names import CommitId, Digest, LibraryName, ObjectId, library_id
from registry.problems import Problem
from registry.versions import Version, parse_version
from tests.registry.making import version

V1 = parse_version("1.0.0")
TREES = [ObjectId("1" * 40), ObjectId("2" * 40)]
DIGESTS = [Digest("a" * 64), Digest("b" * 64)]
COMMIT = CommitId("c" * 40)


def tag(
    *,
    commit: CommitId | None = COMMIT,
    digest: Digest | None = DIGESTS[0],
    tree: ObjectId | None = TREES[0],
    is_ancestor: bool = True,
) -> TagFacts:
    return TagFacts(
        object_id=ObjectId("d" * 40), commit=commit, digest=digest, tree=tree,
        is_ancestor=is_ancestor,
    )  # fmt: skip


def facts(digest: Digest | None = DIGESTS[0]) -> LibraryFacts:
    entry = LedgerEntry(digest=digest, date="2024-01-02T03:04:05Z") if digest else None
    return LibraryFacts(
        ledger={"1.0.0": entry} if entry else {}, yanked={"1.0.0": Yank(reason="broken")}
    )


@pytest.mark.parametrize(
    ("tree", "ledger", "tagged", "state", "alarm"),
    [
        (TREES[0], None, None, ReleaseState.CANDIDATE, ""),
        (TREES[0], DIGESTS[0], tag(), ReleaseState.RELEASED, ""),
        (None, DIGESTS[0], tag(), ReleaseState.WITHDRAWN, ""),
        (TREES[0], None, tag(), ReleaseState.ALARM, "no ledger entry"),
        (None, None, tag(), ReleaseState.ALARM, "no ledger entry"),
        (TREES[0], DIGESTS[0], None, ReleaseState.ALARM, "no tag"),
        (None, DIGESTS[0], None, ReleaseState.ALARM, "no tag"),
        (TREES[0], DIGESTS[0], tag(commit=None), ReleaseState.ALARM, "not an annotated"),
        (TREES[0], DIGESTS[0], tag(digest=None), ReleaseState.ALARM, "not an annotated"),
        (TREES[0], DIGESTS[0], tag(tree=None), ReleaseState.ALARM, "files differ"),
        (TREES[0], DIGESTS[1], tag(), ReleaseState.ALARM, "digests"),
        (TREES[0], DIGESTS[0], tag(is_ancestor=False), ReleaseState.ALARM, "ancestor"),
        (None, DIGESTS[0], tag(is_ancestor=False), ReleaseState.ALARM, "ancestor"),
        (TREES[1], DIGESTS[0], tag(), ReleaseState.ALARM, "files differ"),
    ],
)
def test_state_of_a_version(
    tree: ObjectId | None,
    ledger: Digest | None,
    tagged: TagFacts | None,
    state: ReleaseState,
    alarm: str,
) -> None:
    record = decide_release(V1, tree=tree, facts=facts(ledger), tag=tagged)
    assert record.state is state
    assert alarm in record.alarm
    assert bool(record.alarm) is (state is ReleaseState.ALARM)
    assert record.is_served is (state is ReleaseState.RELEASED)
    if ledger:
        assert (record.digest, record.date) == (ledger, "2024-01-02T03:04:05Z")
        assert record.yank == Yank(reason="broken")


def test_served_only_when_directory_ledger_and_tag_agree() -> None:
    """Every combination of what Git can hold, not only those that somebody thought of."""
    tags = [
        tag(commit=commit, digest=digest, tree=stated, is_ancestor=is_ancestor)
        for commit, digest, stated, is_ancestor in itertools.product(
            [COMMIT, None], [*DIGESTS, None], [*TREES, None], [True, False]
        )
    ]
    served = [
        (tree, ledger, tagged)
        for tree, ledger, tagged in itertools.product(
            [*TREES, None], [*DIGESTS, None], [*tags, None]
        )
        if decide_release(V1, tree=tree, facts=facts(ledger), tag=tagged).is_served
    ]
    assert len(served) == len(TREES) * len(DIGESTS)
    for tree, ledger, tagged in served:
        assert tagged is not None
        assert (tagged.tree, tagged.digest) == (tree, ledger)
        assert tagged.is_ancestor
        assert tagged.commit == COMMIT


VERSIONS = st.sampled_from(["1.0.0", "1.1.0", "2.0.0", "2.0.0-rc.1", "3.0.0-alpha.1", "0.1.0"])
RECORDS = st.lists(
    st.builds(
        lambda text, state, yanked: ReleaseRecord(
            version=parse_version(text),
            state=state,
            tree=TREES[0],
            yank=Yank(reason="x") if yanked else None,
        ),
        VERSIONS,
        st.sampled_from(ReleaseState),
        st.booleans(),
    ),
    unique_by=lambda record: record.version,
).map(tuple)


@given(RECORDS, st.none() | VERSIONS.map(parse_version))
def test_active_is_the_pin_else_the_greatest_stable_not_yanked(
    releases: tuple[ReleaseRecord, ...], pin: Version | None
) -> None:
    active = choose_active(releases, pin)
    if active is None:
        wanted = [r for r in releases if r.is_served and (r.version == pin if pin else not r.yank)]
        assert not wanted
        return
    assert active.is_served
    if pin is not None:
        assert active.version == pin
        return
    assert active.yank is None
    for other in releases:
        if other.is_served and other.yank is None and other.version > active.version:
            assert active.version.is_stable
            assert not other.version.is_stable


def record(text: str, state: ReleaseState = ReleaseState.RELEASED) -> ReleaseRecord:
    return ReleaseRecord(version=version(text), state=state, tree=TREES[0])


@pytest.mark.parametrize(
    ("alarmed", "broken", "enabled", "deprecated", "status"),
    [
        (True, False, False, True, LibraryStatus.ERROR),
        (False, True, False, True, LibraryStatus.ERROR),
        (False, False, False, True, LibraryStatus.DISABLED),
        (False, False, True, True, LibraryStatus.DEPRECATED),
        (False, False, True, False, LibraryStatus.ENABLED),
    ],
)
def test_status_is_the_first_that_applies(
    alarmed: bool, broken: bool, enabled: bool, deprecated: bool, status: LibraryStatus
) -> None:
    library = Library(
        name=LibraryName("a"),
        library_id=library_id(LibraryName("a")),
        facts=LibraryFacts(deprecated=Deprecation(reason="old") if deprecated else None),
        instance=InstanceFacts(enabled=enabled),
        releases=(record("1.0.0", ReleaseState.ALARM if alarmed else ReleaseState.RELEASED),),
        active=None,
        content=None,
        problems=(Problem(rule="x", file="x", message="x"),) if broken else (),
    )
    assert library.status is status
    assert library.is_listed is (status is LibraryStatus.ERROR)


def test_core_is_there_enabled_and_without_executors() -> None:
    core = core_library()
    assert core.status is LibraryStatus.ENABLED
    assert core.is_listed
    assert core.content is not None
    names = {step.name for step in core.content.steps}
    assert {"flow.start", "flow.end", "flow.failure", "target.assign"} <= names
    assert all(file.executor is None for file in core.content.manifest.steps)
    assert len(core.content.steps) == len(core.content.manifest.steps)
