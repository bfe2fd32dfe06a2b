"""What is said where no release meets what is asked for, or what another library needs."""

from collections.abc import Mapping, Sequence

import pytest

from registry.names import LibraryName
from registry.resolution.errors import ResolutionError
from registry.resolution.provider import Wanted
from registry.resolution.resolver import resolve
from registry.versions import Dependency, Version, parse_dependency, parse_version

Needs = Mapping[str, Mapping[str, Sequence[str]]]


class Shelf:
    """Libraries by name and version, with what they need."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs

    def versions(self, name: LibraryName) -> list[Version]:
        return list(map(parse_version, self._needs.get(name, {})))

    def requirements(self, name: LibraryName, version: Version) -> list[Dependency]:
        return list(map(parse_dependency, self._needs[name][str(version)]))


def refusal(needs: Needs, *asked: str) -> ResolutionError:
    with pytest.raises(ResolutionError) as refused:
        resolve([Wanted(dependency=parse_dependency(text)) for text in asked], Shelf(needs))
    return refused.value


def test_a_range_that_nothing_is_in_names_the_newest() -> None:
    error = refusal({"x": {"1.0.0": [], "1.1.0": [], "2.0.0": []}}, "x>=9")
    assert error.message == "there is no x>=9; the newest is 2.0.0"
    assert error.next_step == "Ask for what there is: 2.0.0, 1.1.0, 1.0.0"


def test_what_another_library_needs_names_who_needs_it() -> None:
    error = refusal({"top": {"1.0.0": ["x>=9"]}, "x": {"2.0.0": []}}, "top")
    assert error.message == "top 1.0.0 needs x>=9 (there is x 2.0.0)"


def test_what_is_nowhere_says_so() -> None:
    error = refusal({"top": {"1.0.0": ["x>=9"]}}, "top")
    assert error.message == "top 1.0.0 needs x>=9 (there is no x)"


def test_a_conflict_names_what_is_asked_and_by_whom() -> None:
    shelf: Needs = {
        "x": {"1.0.0": [], "2.0.0": []},
        "a": {"1.0.0": ["x<2"]},
        "b": {"1.0.0": ["x>=2"]},
    }
    message = refusal(shelf, "a", "b").message
    assert "a 1.0.0 needs x<2" in message
    assert "b 1.0.0 needs x>=2" in message
