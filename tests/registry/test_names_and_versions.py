from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from registry.errors import InvalidNameError
from registry.names import (
    CORE,
    LibraryName,
    library_id,
    parse_library_name,
    parse_step_name,
    same_id,
    step_id,
)
from registry.versions import Version, parse_dependency, parse_version

NUMBERS = st.integers(0, 999_999_999)
VERSIONS = st.builds(
    lambda a, b, c, pre: parse_version(f"{a}.{b}.{c}" + (f"-{pre[0]}.{pre[1]}" if pre else "")),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.none() | st.tuples(st.sampled_from(["alpha", "beta", "rc"]), NUMBERS),
)


@pytest.mark.parametrize("name", ["a", "file-operations-basic", "a1", "x" * 64, "a-1-b"])
def test_library_name_is_taken(name: str) -> None:
    assert parse_library_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "1a",
        "-a",
        "a-",
        "a--b",
        "a.b",
        "a_b",
        "a/b",
        "..",
        "a@{b",
        "-x",
        "a\n",
        "ä",
        "x" * 65,
        "core",
        "rollback",
        "install",
        "con",
        "nul",
        "com1",
        "lpt9",
        "ａ",
        "a b",
        "a\x00",
    ],
)
def test_library_name_is_refused_with_a_next_step(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        parse_library_name(name)
    assert caught.value.next_step


@pytest.mark.parametrize("name", ["copy", "file.copy", "my.custom.step", "a-b.c_d", "x.json.y"])
def test_step_name_is_taken(name: str) -> None:
    assert parse_step_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "json",
        "file.json",
        ".a",
        "a.",
        "a..b",
        "A",
        "1a",
        "a/b",
        "a@1",
        "x\n",
        "a.-b",
        "x" * 129,
    ],
)
def test_step_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_step_name(name)


def test_first_dot_of_a_step_id_ends_the_library() -> None:
    name = step_id(LibraryName("a-b"), parse_step_name("c.d"))
    assert name.partition(".") == ("a-b", ".", "c.d")


def test_library_id_vector() -> None:
    assert library_id(CORE) == 0x0D45F5FD462B8C70 >> 11
    assert library_id(CORE) == 467_012_189_472_113
    assert library_id(LibraryName("file-operations-basic")) == 3_689_118_149_239_199


@given(st.text(min_size=1))
def test_library_id_has_53_bits(name: str) -> None:
    assert 0 <= library_id(LibraryName(name)) < 2**53


def test_same_id_finds_only_another_name_of_the_same_id() -> None:
    assert same_id(LibraryName("a"), [b"a", b"b", b"\xff"]) is None


@given(VERSIONS)
def test_version_round_trips(version: Version) -> None:
    assert parse_version(str(version)) == version


@given(VERSIONS, VERSIONS, VERSIONS)
def test_order_of_versions_is_total(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert (a <= b) == (not b < a)
    if a <= b <= c:
        assert a <= c


@given(VERSIONS)
def test_prerelease_comes_before_its_release(version: Version) -> None:
    stable = parse_version(f"{version.major}.{version.minor}.{version.patch}")
    assert version == stable if version.is_stable else version < stable


def test_order_of_prereleases_is_semver() -> None:
    texts = ["1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0-beta.1", "1.0.0-rc.1", "1.0.0", "1.0.1"]
    assert sorted(texts, key=parse_version) == texts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "v1.0.0",
        "01.0.0",
        "1.0.0-rc",
        "1.0.0-rc.01",
        "1.0.0-dev.1",
        "1.0.0+x",
        "1.0.0\n",
        "1.0.0-",
        "-1.0.0",
        "1.0.0.0",
        "1.0.0rc1",
        "٣.0.0",
        "1.0.9999999999",
    ],
)
def test_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_version(text)


@given(st.text(max_size=30))
def test_parsers_raise_nothing_but_invalid_name(text: str) -> None:
    parsers: tuple[Any, ...] = (
        parse_library_name,
        parse_step_name,
        parse_version,
        parse_dependency,
    )
    for parse in parsers:
        with suppress(InvalidNameError):
            parse(text)


@pytest.mark.parametrize(
    ("requirement", "version", "allowed"),
    [
        ("core", "1.0.0", True),
        ("core", "2.0.0-alpha.1", False),
        ("core>=1.0,<2", "1.9.9", True),
        ("core>=1.0,<2", "2.0.0", False),
        ("core>=1.0,<2", "2.0.0-rc.1", False),
        ("core>=1.0", "1.1.0-rc.1", False),
        ("core<=2.0.0", "2.0.0-rc.1", False),
        ("core>=1.0.0-rc.1", "1.0.0-rc.1", True),
        ("core>=1.0.0-rc.1", "1.0.0-beta.9", False),
        ("core>=1.0.0-rc.2", "1.0.0-rc.10", True),
        ("core>=1.0.0-rc.1,<2", "1.0.0", True),
        ("core>=1.0.0-rc.1,<2", "2.0.0-rc.1", False),
        ("core==1.0.0-rc.1", "1.0.0-rc.1", True),
        ("core!=1.0.0-rc.1", "1.0.0-rc.2", False),
        ("core==1.*", "1.3.0", True),
        ("core~=1.2", "1.3.0", True),
        ("core~=1.2", "2.0.0", False),
    ],
)
def test_dependency_allows(requirement: str, version: str, allowed: bool) -> None:
    assert parse_dependency(requirement).allows(parse_version(version)) is allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Core>=1",
        "a_b",
        "core[x]",
        "core; python_version > '3'",
        "core @ https://x.example",
        ">=1",
    ],
)
def test_dependency_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_dependency(text)


@given(VERSIONS, VERSIONS)
def test_exact_dependency_allows_only_its_version(wanted: Version, other: Version) -> None:
    dependency = parse_dependency(f"core=={wanted}")
    assert dependency.allows(wanted)
    assert dependency.allows(other) is (other == wanted)


_NUMBERS = st.tuples(*[st.integers(min_value=0, max_value=3)] * 3)
_RANGES = st.lists(
    st.tuples(
        st.sampled_from([">=", ">", "<=", "<", "==", "!=", "~="]),
        st.lists(st.integers(min_value=0, max_value=3), min_size=2, max_size=3),
    ),
    max_size=4,
)


@given(_NUMBERS, _RANGES)
def test_a_range_takes_the_releases_that_packaging_takes(
    number: tuple[int, int, int], parts: list[tuple[str, list[int]]]
) -> None:
    text = ",".join(f"{sign}{'.'.join(map(str, bound))}" for sign, bound in parts)
    release = ".".join(map(str, number))
    dependency = parse_dependency(f"file-tools{text}")
    assert dependency.allows(parse_version(release)) == SpecifierSet(text).contains(release)


@given(
    name=st.sampled_from(["file-tools", "core", "a", "x1-y2"]),
    parts=_RANGES,
    version=VERSIONS,
    gap=st.sampled_from([",", ", "]),
)
def test_a_plain_requirement_is_read_as_packaging_reads_it(
    name: str, parts: list[tuple[str, list[int]]], version: Version, gap: str
) -> None:
    text = name + gap.join(f"{sign}{'.'.join(map(str, bound))}" for sign, bound in parts)
    dependency = parse_dependency(text)
    read = Requirement(text)
    assert (dependency.library, str(dependency.requirement)) == (read.name, str(read))
    # Nobody names a pre-release here, so none is taken.
    expected = version.is_stable and read.specifier.contains(str(version))
    assert dependency.allows(version) == expected
