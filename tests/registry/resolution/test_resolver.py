"""Choosing versions: what is chosen, what is not, and how a contradiction is told."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.names import LibraryName
from registry.resolution.errors import ResolutionError
from registry.resolution.provider import Wanted, preferred
from registry.resolution.resolver import resolve
from registry.versions import Dependency, Version, parse_dependency, parse_version


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Libraries → versions → what each needs, as text."""

    libraries: Mapping[str, Mapping[str, Sequence[str]]]

    def versions(self, name: LibraryName) -> Collection[Version]:
        return [parse_version(text) for text in self.libraries.get(name, {})]

    def requirements(self, name: LibraryName, version: Version) -> Sequence[Dependency]:
        return [parse_dependency(text) for text in self.libraries[name][str(version)]]


def chosen(libraries: Mapping[str, Mapping[str, Sequence[str]]], *wanted: str) -> dict[str, str]:
    asked = [Wanted(dependency=parse_dependency(text)) for text in wanted]
    found = resolve(asked, Shelf(libraries=libraries))
    return {name: str(version) for name, version in found.items()}


def contradiction(libraries: Mapping[str, Mapping[str, Sequence[str]]], *wanted: str) -> str:
    with pytest.raises(ResolutionError) as caught:
        chosen(libraries, *wanted)
    assert caught.value.next_step
    return str(caught.value)


Libraries = Mapping[str, Mapping[str, Sequence[str]]]
BASE: Libraries = {"base-tools": {"1.0.0": (), "1.5.0": (), "2.0.0": (), "3.0.0-rc.1": ()}}


def test_the_greatest_stable_version_is_chosen() -> None:
    assert chosen(BASE, "base-tools") == {"base-tools": "2.0.0"}
    assert chosen(BASE, "base-tools<2") == {"base-tools": "1.5.0"}


def test_a_pre_release_is_chosen_only_when_it_is_asked_for() -> None:
    assert chosen(BASE, "base-tools>=3.0.0rc1") == {"base-tools": "3.0.0-rc.1"}
    assert "no base-tools>=2.5; the newest is 2.0.0" in contradiction(BASE, "base-tools>=2.5")
    assert "base-tools>2 is asked for" in contradiction(
        BASE, "base-tools>=3.0.0rc1", "base-tools>2"
    )


def test_a_diamond_takes_what_both_sides_allow() -> None:
    libraries: Libraries = {
        **BASE,
        "left-tools": {"1.0.0": ("base-tools>=1.2",)},
        "right-tools": {"1.0.0": ("base-tools<2",)},
    }
    assert chosen(libraries, "left-tools", "right-tools") == {
        "base-tools": "1.5.0",
        "left-tools": "1.0.0",
        "right-tools": "1.0.0",
    }


def test_an_older_release_is_taken_where_the_newest_cannot_be() -> None:
    libraries: Libraries = {
        **BASE,
        "user-tools": {"1.0.0": ("base-tools<2",), "2.0.0": ("base-tools>=7",)},
    }
    assert chosen(libraries, "user-tools") == {"base-tools": "1.5.0", "user-tools": "1.0.0"}


def test_a_contradiction_names_both_requesters() -> None:
    libraries: Libraries = {
        **BASE,
        "left-tools": {"1.0.0": ("base-tools>=2",)},
        "right-tools": {"1.2.0": ("base-tools<2",)},
    }
    told = contradiction(libraries, "left-tools", "right-tools")
    assert "left-tools 1.0.0 needs base-tools>=2" in told
    assert "right-tools 1.2.0 needs base-tools<2" in told
    assert "there is base-tools 2.0.0, 1.5.0, 1.0.0" in told


def test_a_library_that_is_not_there_is_named_with_who_needs_it() -> None:
    libraries = {"user-tools": {"1.0.0": ("lost-tools>=1",)}}
    told = contradiction(libraries, "user-tools")
    assert "user-tools 1.0.0 needs lost-tools>=1 (there is no lost-tools)" in told


def test_libraries_may_need_each_other() -> None:
    libraries: Libraries = {
        "left-tools": {"1.0.0": ("right-tools",)},
        "right-tools": {"1.0.0": ("left-tools",)},
    }
    assert set(chosen(libraries, "left-tools")) == {"left-tools", "right-tools"}


def test_a_circle_that_nobody_needs_any_more_is_left_out() -> None:
    """Its greatest release leads into a circle that fails further down."""
    libraries: Libraries = {
        **BASE,
        "user-tools": {"1.0.0": (), "2.0.0": ("left-tools", "base-tools>=9")},
        "left-tools": {"1.0.0": ("right-tools",)},
        "right-tools": {"1.0.0": ("left-tools",)},
    }
    assert chosen(libraries, "user-tools") == {"user-tools": "1.0.0"}


def test_a_chain_may_be_longer_than_the_stack() -> None:
    chain: Libraries = {f"tools-{n}": {"1.0.0": (f"tools-{n + 1}",)} for n in range(1_200)}
    assert len(chosen({**chain, "tools-1200": {"1.0.0": ()}}, "tools-0")) == 1_201


def test_the_same_question_has_the_same_answer_in_any_order() -> None:
    libraries: Libraries = {
        "left-tools": {"1.0.0": (), "2.0.0": ("right-tools<2",)},
        "right-tools": {"1.0.0": (), "2.0.0": ("left-tools<2",)},
    }
    found = [chosen(libraries, *order) for order in itertools.permutations(libraries)]
    assert found[0] == found[1]


def test_a_choice_is_found_where_libraries_need_each_other_in_a_circle() -> None:
    libraries = {
        "aa-tools": {"1.0.0": ["bb-tools>=3"], "2.0.0": ["bb-tools"], "3.0.0": ["dd-tools"]},
        "bb-tools": {"1.0.0": [], "2.0.0": ["aa-tools==1.0.0"], "3.0.0": ["cc-tools"]},
        "cc-tools": {},
        "dd-tools": {"1.0.0": ["cc-tools"]},
    }
    assert chosen(libraries, "aa-tools") == {"aa-tools": "2.0.0", "bb-tools": "1.0.0"}


NAMES = ("aa-tools", "bb-tools", "cc-tools", "dd-tools")
RANGES = ("", ">=2", "<2", "==1.0.0", ">=1,<3", ">=3")
_needs = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(RANGES)).map("".join), max_size=2
)
_libraries = st.fixed_dictionaries(
    {
        name: st.dictionaries(st.sampled_from(("1.0.0", "2.0.0", "3.0.0")), _needs, max_size=3)
        for name in NAMES
    }
)


def holds(libraries: Mapping[str, Mapping[str, Sequence[str]]], choice: Mapping[str, str]) -> bool:
    needs = [
        parse_dependency(t) for name, version in choice.items() for t in libraries[name][version]
    ]
    return all(
        need.library in choice and need.allows(parse_version(choice[need.library]))
        for need in needs
    )


def by_trying_all(libraries: Mapping[str, Mapping[str, Sequence[str]]], wanted: Dependency) -> bool:
    """Whether any choice at all would do."""
    options = [[None, *libraries[name]] for name in NAMES]
    for versions in itertools.product(*options):
        choice = {n: v for n, v in zip(NAMES, versions, strict=True) if v is not None}
        root = choice.get(wanted.library)
        if root is not None and wanted.allows(parse_version(root)) and holds(libraries, choice):
            return True
    return False


@given(_libraries, st.sampled_from(NAMES), st.sampled_from(RANGES))
@settings(max_examples=300)
def test_a_choice_holds_and_is_found_whenever_there_is_one(
    libraries: dict[str, dict[str, list[str]]], name: str, range_: str
) -> None:
    try:
        choice = chosen(libraries, name + range_)
    except ResolutionError:
        assert not by_trying_all(libraries, parse_dependency(name + range_))
    else:
        assert name in choice
        assert holds(libraries, choice)


@given(st.permutations(["1.0.0", "2.0.0", "2.0.0-rc.1", "3.0.0-alpha.1", "0.9.0"]))
def test_versions_are_tried_stable_first(texts: list[str]) -> None:
    found = [str(version) for version in preferred(map(parse_version, texts))]
    assert found == ["2.0.0", "1.0.0", "0.9.0", "3.0.0-alpha.1", "2.0.0-rc.1"]
