"""The next state is what a state made from nothing would be, whatever comes, goes or changes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.names import CommitId, LibraryName, library_id
from server.readmodel.long_lists import LongList
from server.readmodel.records import ServedLibrary, ServedStep
from server.readmodel.served import Served, make_served, next_served

_NAMES = [f"lib-{number:03d}" for number in range(150)]
_LIMIT = 4_000


def library(
    name: str,
    *,
    steps: int = 1,
    enabled: bool = True,
    version: str = "1.0.0",
    hidden: bool = False,
    category: str = "file",
) -> ServedLibrary:
    found = tuple(
        ServedStep(
            id=f"{name}.step-{number}",
            body=f'{{"id":"{name}.{number}.{version}"}}'.encode(),
            etag=b'"e"',
            category=category,
            platforms=(),
        )
        for number in range(steps)
    )
    return ServedLibrary(
        name=name,
        id=library_id(LibraryName(name)),
        key=f"{name}{version}{steps}{enabled}",
        version=version,
        is_enabled=enabled,
        is_premium=False,
        status="enabled" if enabled else "disabled",
        summary=f'{{"name":"{name}","version":"{version}"}}'.encode(),
        detail_head=b"{",
        detail_tail=b"}",
        detail_etag=b'"d"',
        detail_length=2,
        steps=found,
        categories=(category,) if steps else (),
        problems=(),
        awaits_tag=False,
        is_hidden=hidden,
    )


CORE = library("core", steps=2, category="flow")
_VERSIONS = st.builds(
    lambda name, steps, enabled, version, hidden, category: library(
        name, steps=steps, enabled=enabled, version=version, hidden=hidden, category=category
    ),
    st.sampled_from(_NAMES),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(["", "1.0.0", "2.0.0"]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from(["file", "network", "flow"]),
)
_CHANGES = st.lists(
    st.tuples(st.lists(_VERSIONS, max_size=4), st.lists(st.sampled_from(_NAMES), max_size=3)),
    max_size=8,
)


def _shape(listed: LongList) -> object:
    return (
        [[one.name for one in piece.members] for piece in listed.pieces],
        b"".join(listed.plain.pieces()),
        listed.plain.length,
        listed.plain.etag,
    )


def _shape_of(served: Served) -> object:
    lists = served.lists
    return (
        list(served.libraries),
        sorted(served.by_id),
        sorted(served.steps),
        *(_shape(one) for one in lists.all()),
        lists.totals.count,
        dict(lists.totals.categories),
        list(lists.totals.names),
    )


@given(start=st.lists(_VERSIONS, max_size=60, unique_by=lambda one: one.name), moves=_CHANGES)
@settings(max_examples=300, deadline=None)
def test_the_next_state_is_the_state_made_anew(
    start: list[ServedLibrary], moves: list[tuple[list[ServedLibrary], list[str]]]
) -> None:
    known = {one.name: one for one in start}
    kinds = {"committed_at": "2026-01-01T00:00:00Z", "contiguous_max_bytes": _LIMIT}
    served = make_served([CORE, *start], commit=CommitId("a"), **kinds)  # type: ignore[arg-type]
    for changed, removed in moves:
        now = {one.name: one for one in changed}
        gone = [name for name in removed if name not in now]
        known = {n: one for n, one in {**known, **now}.items() if n not in gone}
        served = next_served(served, now.values(), gone, commit=CommitId("b"), **kinds)  # type: ignore[arg-type]
        fresh = make_served([CORE, *known.values()], commit=CommitId("b"), **kinds)  # type: ignore[arg-type]
        assert _shape_of(served) == _shape_of(fresh)


def test_only_the_pieces_that_are_touched_are_made_anew() -> None:
    kinds = {"committed_at": "2026-01-01T00:00:00Z", "contiguous_max_bytes": 10}
    many = [library(f"lib-{number:05d}") for number in range(2_000)]
    served = make_served([CORE, *many], commit=CommitId("a"), **kinds)  # type: ignore[arg-type]
    after = next_served(
        served,
        [library("lib-01000x")],
        (),
        commit=CommitId("b"),
        **kinds,  # type: ignore[arg-type]
    )
    kept = {id(piece) for piece in served.lists.steps.pieces}
    new = [piece for piece in after.lists.steps.pieces if id(piece) not in kept]
    assert 1 <= len(new) <= 2
    assert len(served.lists.steps.pieces) > 20


def test_a_list_holds_the_bytes_of_its_libraries_and_no_copy() -> None:
    libraries = [CORE, *(library(name, steps=3) for name in _NAMES)]
    served = make_served(
        libraries, commit=CommitId("0" * 40), committed_at="", contiguous_max_bytes=_LIMIT
    )
    long = served.lists.steps
    assert long.plain.length > _LIMIT
    own = {id(step.body) for one in libraries for step in one.steps}
    assert {id(entry) for piece in long.pieces for entry in piece.entries} == own
    assert sum(len(part) for part in long.plain.parts if isinstance(part, bytes)) < _LIMIT
    assert sum(map(len, long.plain.pieces())) == long.plain.length
