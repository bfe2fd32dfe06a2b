from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.importers.plaintext_yaml import PlainYamlError, read_plain_yaml
from builder.importers.strangers_text import (
    clean,
    linked_address,
    name_for_library,
    parameter_name,
    plain_line,
    title_case,
    utc_time,
)
from registry.checks.hostile_text import text_problems
from registry.names import parse_library_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("deploygate--upload-app", "deploygate-upload-app"),
        ("Über Tool_2", "ber-tool-2"),
        ("123", "library-123"),
        ("core", "core-library"),
        ("---", "library"),
    ],
)
def test_library_names(text: str, name: str) -> None:
    assert name_for_library(text) == name


@given(st.text(max_size=200), st.sets(st.sampled_from(["library", "a", "library-2"])))
def test_any_text_gives_a_free_library_name(text: str, taken: set[str]) -> None:
    name = name_for_library(text, taken)
    assert parse_library_name(name) == name
    assert name not in taken
    assert name_for_library(text, taken) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CODECOV_TOKEN", "codecov_token"),
        ("appToken", "app_token"),
        ("IPA_path", "ipa_path"),
        ("HTTPServerURL", "http_server_url"),
        ("2fa", "p_2fa"),
    ],
)
def test_parameter_names(text: str, name: str) -> None:
    assert parameter_name(text) == name


@given(st.text(max_size=200), st.sets(st.sampled_from(["p", "a", "p_2"])))
def test_any_text_gives_a_free_parameter_name(text: str, taken: set[str]) -> None:
    name = parameter_name(text, taken)
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name)
    assert name not in taken


def test_a_tag_becomes_a_category() -> None:
    assert title_case("code-sign") == "Code Sign"
    assert title_case("HockeyApp") == "HockeyApp"
    assert title_case("iOS tools") == "iOS Tools"


hostile = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(
            [
                *("<script>", "javascript:", "JavaScript :", "<a onclick=", "\u200b", "\u202e"),
                *("data:text/html", "&#106;avascript:", "java\nscript:", "&lt;script&gt;", "("),
                *("\x00", "`", "```\n", "<", "< / style", "vbscript:", "\r\n", "["),
            ]
        ),
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(hostile)
def test_clean_text_passes_validation(text: str) -> None:
    cleaned = clean(text)
    assert not [p for p in text_problems(cleaned, "") if p.severity == "error"]
    assert clean(cleaned) == cleaned


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Use `a < b`, <https://example.com> and\n\n```\n<plist>\n```"
    assert clean(text) == text


@given(hostile, st.integers(1, 50))
def test_a_line_is_one_line(text: str, limit: int) -> None:
    line = plain_line(text, limit)
    assert len(line) <= limit
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-03-19T13:54:48.081077+01:00", "2024-03-19T12:54:48Z"),
        ("2015-09-08T12:21:29Z", "2015-09-08T12:21:29Z"),
        ("2022-01-31", "2022-01-31T00:00:00Z"),
        ("2025-09-31", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_are_utc(text: str | None, time: str | None) -> None:
    assert utc_time(text) == time


def test_only_web_addresses_are_addresses() -> None:
    assert linked_address(" https://example.com/a ") == "https://example.com/a"
    for text in (
        None,
        "",
        "javascript:alert(1)",
        "https://a b",
        "ftp://x",
        "https://x/" + "a" * 600,
    ):
        assert linked_address(text) is None


def test_yaml_scalars_stay_text() -> None:
    raw = b"a: yes\nb: 1.10\nc: 2019-02-29\nd: =\ne: ~\nf:\ng: [on, 0x1f]\na: again\n"
    document = read_plain_yaml(raw)
    assert document.value == {
        "a": "again", "b": "1.10", "c": "2019-02-29", "d": "=", "e": None, "f": None,
        "g": ["on", "0x1f"],
    }  # fmt: skip
    assert document.repeated == ["a"]


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff",
        b"a: [",
        b"a: &x [b]\nc: *x\n",
        b"[" * 40 + b"]" * 40,
        b"\ta: b",
        b"a: b\n--- \nc: d",
    ],
)
def test_yaml_that_cannot_be_read_is_said_so(raw: bytes) -> None:
    with pytest.raises(PlainYamlError):
        read_plain_yaml(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        read_plain_yaml(raw)
    except PlainYamlError:
        return
