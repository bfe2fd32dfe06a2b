"""Whom a name belongs to: the rules, and that no order of upstreams gets round them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import NotFoundError
from registry.names import LibraryName
from registry.upstreams.address import parse_address
from registry.upstreams.declaration import Declared, Upstream, UpstreamAlias
from registry.upstreams.errors import (
    OwnerError,
    UnknownUpstreamError,
    UnreachableUpstreamError,
)
from registry.upstreams.ownership import Here, owner, require_owner

NAME = LibraryName("acme-tools")
_NEW = Here()


def declared(
    prefixes: Mapping[str, tuple[str, ...]], own_prefixes: tuple[str, ...] = ()
) -> Declared:
    address = parse_address("https://git.example.com/x")
    return Declared(
        upstreams={
            UpstreamAlias(alias): Upstream(
                alias=UpstreamAlias(alias), address=address, prefixes=found
            )
            for alias, found in prefixes.items()
        },
        own_prefixes=own_prefixes,
    )


class _Having:
    """Which upstream has the name; asking one that is down is an error."""

    def __init__(self, having: Collection[str], down: Collection[str] = ()) -> None:
        self.asked: list[str] = []
        self._having = having
        self._down = down

    def __call__(self, upstream: Upstream, name: LibraryName) -> bool:
        assert name == NAME
        self.asked.append(upstream.alias)
        if upstream.alias in self._down:
            raise UnreachableUpstreamError(f"{upstream.alias} is down")
        return upstream.alias in self._having


def test_the_first_that_has_it_owns_it() -> None:
    found = owner(NAME, _NEW, declared({"a": (), "b": (), "c": ()}), _Having(["b", "c"]))
    assert found is not None
    assert found.alias == "b"


def test_a_library_that_is_here_stays_with_whom_it_came_from() -> None:
    found = owner(
        NAME, Here(is_known=True, upstream="b"), declared({"a": (), "b": ()}), _Having(["a"])
    )
    assert found is not None
    assert found.alias == "b"


def test_a_library_of_our_own_is_nobody_elses() -> None:
    asked = _Having(["a"])
    assert owner(NAME, Here(is_known=True), declared({"a": ()}), asked) is None
    assert not asked.asked


def test_an_upstream_that_is_not_declared_any_more_is_named() -> None:
    here = Here(is_known=True, upstream="gone")
    with pytest.raises(UnknownUpstreamError, match="gone"):
        owner(NAME, here, declared({"a": ()}), _Having(["a"]))


def test_a_prefix_rule_keeps_everybody_else_out_even_where_its_upstream_lacks_the_name() -> None:
    both = declared({"public": (), "private": ("acme",)})
    found = owner(NAME, _NEW, both, _Having(["public", "private"]))
    assert found is not None
    assert found.alias == "private"
    with pytest.raises(NotFoundError, match="would be of private"):
        owner(NAME, _NEW, both, _Having(["public"]))


def test_a_prefix_is_whole_words() -> None:
    found = owner(NAME, _NEW, declared({"public": (), "other": ("acm",)}), _Having(["public"]))
    assert found is not None
    assert found.alias == "public"


def test_an_upstream_with_prefixes_gives_nothing_else() -> None:
    asked = _Having(["beta"])
    with pytest.raises(NotFoundError, match="no upstream has"):
        owner(NAME, _NEW, declared({"beta": ("beta",)}), asked)
    assert not asked.asked


def test_the_longest_prefix_counts() -> None:
    found = owner(
        NAME, _NEW, declared({"wide": ("acme",), "narrow": ("acme-tools",)}), _Having(["narrow"])
    )
    assert found is not None
    assert found.alias == "narrow"


def test_a_prefix_of_our_own_keeps_all_upstreams_out() -> None:
    asked = _Having(["public"])
    with pytest.raises(NotFoundError, match="this registry's own"):
        owner(NAME, _NEW, declared({"public": ()}, own_prefixes=("acme",)), asked)
    assert not asked.asked


def test_who_might_own_it_and_is_down_is_an_error_not_a_reason_to_ask_the_next() -> None:
    asked = _Having(["b"], down=["a"])
    with pytest.raises(UnreachableUpstreamError, match="a is down"):
        owner(NAME, _NEW, declared({"a": (), "b": ()}), asked)
    assert asked.asked == ["a"]


def test_who_comes_after_the_owner_need_not_be_there() -> None:
    found = owner(NAME, _NEW, declared({"a": (), "b": ()}), _Having(["a"], down=["b"]))
    assert found is not None
    assert found.alias == "a"


def test_asking_somebody_else_for_it_names_the_owner() -> None:
    a = declared({"a": ()}).get("a")
    require_owner(NAME, a, "a")
    with pytest.raises(OwnerError, match="comes from the upstream 'a', not from 'b'"):
        require_owner(NAME, a, "b")
    with pytest.raises(OwnerError, match="this registry itself"):
        require_owner(NAME, None, "b")


@given(
    order=st.permutations(["a", "b", "c", "d"]),
    having=st.sets(st.sampled_from(["a", "b", "c", "d"])),
    down=st.sets(st.sampled_from(["a", "b", "c", "d"])),
)
def test_the_owner_is_never_behind_one_that_has_it_or_is_down(
    order: list[str], having: set[str], down: set[str]
) -> None:
    try:
        found = owner(NAME, _NEW, declared(dict.fromkeys(order, ())), _Having(having, down))
    except UnreachableUpstreamError:
        first_down = min(order.index(alias) for alias in down)
        assert all(order.index(alias) > first_down for alias in having - down)
        return
    except NotFoundError:
        assert not having and not down  # noqa: PT018 - both say the same
        return
    assert found is not None
    before = order[: order.index(found.alias)]
    assert not {*before} & (having | down)
