"""What a permission covers, and what asks for more."""

import pytest

from builder.diff import Bump
from builder.diff.permissions import (
    address_covers,
    command_covers,
    label_covers,
    path_covers,
    variable_covers,
)
from tests.builder.diff.releases import difference


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("/data", "/data"),
        ("/data", "/data/in/x"),
        ("/data/", "/data"),
        ("/", "/data"),
        ("{source}", "{source}"),
        ("{source}", "{source}/logs"),
        ("work", "work/in"),
        ("C:\\data", "C:\\data\\in"),
    ],
)
def test_a_path_covers_itself_and_what_is_below(known: str, asked: str) -> None:
    assert path_covers(known, asked)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("/data/in", "/data"),
        ("/data", "/database"),
        ("/data", "/data/../etc"),
        ("/data", "/data/{name}"),
        ("/data", "{name}"),
        ("{source}", "{destination}"),
        ("data", "/data"),
        ("/data", "data"),
        (".", "/etc"),
        (".", "work"),
    ],
)
def test_a_path_covers_nothing_else(known: str, asked: str) -> None:
    assert not path_covers(known, asked)


_WIDENING = ["api.example.com:443", "*.example.com:443", "*:443", "*"]


@pytest.mark.parametrize("index", range(len(_WIDENING)))
def test_addresses_widen_in_the_order_of_the_design(index: int) -> None:
    for other, address in enumerate(_WIDENING):
        assert address_covers(_WIDENING[index], address) is (other <= index)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("*.example.com:443", "example.com:443"),
        ("*.example.com:443", "badexample.com:443"),
        ("*.example.com:443", "{host}:443"),
        ("*.example.com:443", "{host}.example.com:443"),
        ("*.example.com:443", "api.example.com:80"),
        ("api.example.com:443", "api.example.com"),
        ("*:443", "api.example.com"),
        ("{host}:443", "{other}:443"),
        ("{url}", "api.example.com:443"),
    ],
)
def test_an_address_covers_nothing_else(known: str, asked: str) -> None:
    assert not address_covers(known, asked)


def test_addresses_are_compared_as_names_are() -> None:
    assert address_covers("API.example.com:443", "api.Example.com:443")
    assert address_covers("*.example.com:*", "a.b.example.com:8443")
    assert address_covers("*:443", "{host}:443")
    assert address_covers("*", "{url}")


def test_commands_variables_and_labels() -> None:
    assert command_covers("*", "ping")
    assert not command_covers("ping", "*")
    assert not command_covers("ping", "/usr/bin/ping")
    assert variable_covers("AWS_*", "AWS_REGION")
    assert not variable_covers("AWS_*", "HOME")
    assert not variable_covers("AWS_REGION", "AWS_*")
    assert label_covers("file_system", "file_read")
    assert not label_covers("file_read", "file_system")


@pytest.mark.parametrize(
    ("before", "after", "bump"),
    [
        (30, 60, Bump.MAJOR),
        (None, 30, Bump.MAJOR),
        (60, 30, Bump.PATCH),
        (30, None, Bump.PATCH),
    ],
)
def test_limits(before: int | None, after: int | None, bump: Bump) -> None:
    old, new = (
        {"permissions": {"limits": {} if value is None else {"memory_mb": value}}}
        for value in (before, after)
    )
    assert difference(old, new).bump is bump


def test_writing_is_not_covered_by_reading() -> None:
    old = {"permissions": {"filesystem": {"read": ["/data"]}}}
    new = {"permissions": {"filesystem": {"read": ["/data"], "write": ["/data/in"]}}}
    assert difference(old, new).bump is Bump.MAJOR


def test_one_wide_label_replaces_two() -> None:
    wide, narrow = ({"required_permissions": labels} for labels in (["file_system"], ["file_read"]))
    assert difference(wide, narrow).bump is Bump.PATCH
    assert difference(narrow, wide).bump is Bump.MAJOR
