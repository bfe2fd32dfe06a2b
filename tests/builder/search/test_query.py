from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.search.query import DEFAULT_SEARCH, parse_query
from builder.search.words import STOP_WORDS, WORD_LENGTH, fold, name_words, words
from tests.growth import LINEAR, growth


def test_words_are_wanted_and_the_last_may_be_unfinished() -> None:
    parsed = parse_query("Copy fil")
    assert (parsed.words, parsed.unfinished) == (("copy",), "fil")


def test_a_space_finishes_the_last_word() -> None:
    parsed = parse_query("copy file ")
    assert (parsed.words, parsed.unfinished) == (("copy", "file"), None)


def test_without_prefix_no_word_is_unfinished() -> None:
    assert parse_query("copy fil", prefix=False).words == ("copy", "fil")


def test_quotes_ask_for_an_order_and_a_hyphen_excludes() -> None:
    parsed = parse_query('"copy a file" -network move ')
    assert parsed.phrases == (("copy", "a", "file"),)
    assert parsed.excluded == ("network",)
    assert parsed.words == ("move",)


def test_stop_words_are_not_wanted_beside_others() -> None:
    assert parse_query("copy of the file ").words == ("copy", "file")


def test_a_quote_without_a_partner_is_a_phrase_to_the_end() -> None:
    assert parse_query('move "copy file').phrases == (("copy", "file"),)


@pytest.mark.parametrize(
    "text",
    [
        "*" * 10_000,
        "(" * 5_000,
        '"' * 5_001,
        "-" * 5_000,
        "a" * 100_000,
        "(a+)+$" * 1_000,
        "title:[* TO *] AND NOT ((",
        "\x00\ud800 \u202e",
        " ".join(f"-w{n}" for n in range(5_000)),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_questions_are_few_words(text: str) -> None:
    parsed = parse_query(text)
    assert len(parsed.words) <= DEFAULT_SEARCH.query_words
    assert len(parsed.excluded) <= DEFAULT_SEARCH.query_words


@pytest.mark.parametrize("again", ["*", "(", '"', "-", "a", "(a+)+$", " -w", "a "])
def test_questions_cost_linear_time(again: str) -> None:
    assert growth(lambda count: parse_query(again * count), 5_000) < LINEAR


@given(st.text(max_size=800), st.booleans())
def test_any_text_is_a_question_within_the_limits(text: str, prefix: bool) -> None:
    parsed = parse_query(text, prefix=prefix)
    found = [*parsed.words, *parsed.excluded, *(w for p in parsed.phrases for w in p)]
    assert len(parsed.words) + bool(parsed.unfinished) <= DEFAULT_SEARCH.query_words
    assert all(0 < len(word) <= WORD_LENGTH for word in found)
    assert prefix or parsed.unfinished is None


@given(st.text(max_size=300))
def test_words_are_the_same_however_they_are_written(text: str) -> None:
    once = list(words(text))
    assert list(words(" ".join(once))) == once
    assert fold(fold(text)) == fold(text)


def test_every_letter_is_folded_once_and_for_all() -> None:
    assert list(words("\U0001d54aearch \u03d2")) == ["search", "\u03c5"]
    letters = map(chr, range(128, 0x20000))
    assert not [letter for letter in letters if fold(fold(letter)) != fold(letter)]


@given(st.lists(st.sampled_from(["git", "clone", "file", "x86", "copy"]), min_size=1, max_size=4))
def test_a_name_gives_its_parts_whatever_joins_them(parts: list[str]) -> None:
    expected = set(parts) | ({"".join(parts)} if len(parts) > 1 else set())
    for joint in ("-", "_", ".", " "):
        assert set(name_words(joint.join(parts))) == expected


def test_capitals_inside_a_name_begin_a_part() -> None:
    assert list(name_words("XcodeArchive")) == ["xcode", "archive", "xcodearchive"]


def test_stop_words_are_folded_words() -> None:
    assert all(list(words(word)) == [word] for word in STOP_WORDS)
