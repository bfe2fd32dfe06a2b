import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats.json_text import JsonTextError, Position, escape_pointer, load_json, locate
from tests.growth import LINEAR, growth

DEPTH = 64
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
BLANKS = (" ", "\n", "\t", "\r\n", "  ", "\n\n", "")


class Writer:
    """Writes a value with arbitrary blanks, and notes where each value begins."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.text = ""
        self.places: dict[str, Position] = {}

    def write(self, value: Any, pointer: str = "") -> None:
        self._blank()
        line_start = self.text.rfind("\n") + 1
        line = self.text.count("\n") + 1
        self.places[pointer] = Position(line=line, column=len(self.text) - line_start + 1)
        if isinstance(value, dict):
            self._members("{}", [(key, inner, True) for key, inner in value.items()], pointer)
        elif isinstance(value, list):
            self._members("[]", [(str(i), x, False) for i, x in enumerate(value)], pointer)
        else:
            self.text += json.dumps(value, ensure_ascii=self._random.random() < 0.5)
        self._blank()

    def _members(self, ends: str, members: list[tuple[str, Any, bool]], pointer: str) -> None:
        self.text += ends[0]
        self._blank()
        for index, (key, inner, is_named) in enumerate(members):
            self.text += "," if index else ""
            self._blank()
            if is_named:
                self.text += json.dumps(key, ensure_ascii=self._random.random() < 0.5)
                self._blank()
                self.text += ":"
            self.write(inner, f"{pointer}/{escape_pointer(key)}")
        self.text += ends[1]

    def _blank(self) -> None:
        self.text += self._random.choice(BLANKS)


def assert_complete(error: JsonTextError) -> None:
    assert error.place.line >= 1
    assert error.place.column >= 1
    assert error.message


@given(VALUES, st.integers())
def test_any_value_in_any_layout_loads_equal_and_is_located(value: Any, seed: int) -> None:
    writer = Writer(seed)
    writer.write(value)
    assert load_json(writer.text.encode(), depth=DEPTH) == value
    assert locate(writer.text) == writer.places


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_jsontexterror(raw: bytes) -> None:
    try:
        load_json(raw, depth=DEPTH)
    except JsonTextError as error:
        assert_complete(error)


@given(st.text(alphabet='{}[]",:\\ \n0123456789eE+-.truefalsnNIiy\ud800u', max_size=60))
def test_arbitrary_json_like_text_raises_nothing_but_jsontexterror(text: str) -> None:
    try:
        load_json(text.encode(errors="surrogatepass"), depth=8)
    except JsonTextError as error:
        assert_complete(error)


@given(VALUES, st.data())
def test_truncated_text_is_refused_or_still_a_value(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text)))]
    try:
        load_json(cut.encode(), depth=DEPTH)
    except JsonTextError:
        return
    json.loads(cut)


def fault(text: str | bytes, depth: int = DEPTH) -> JsonTextError:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(JsonTextError) as caught:
        load_json(raw, depth=depth)
    return caught.value


def at(error: JsonTextError) -> tuple[int, int]:
    return error.place.line, error.place.column


def test_duplicate_key_is_located_at_the_second() -> None:
    error = fault('{\n  "a": {"name": 1},\n  "b": {"name": 1, "c": "\\"name\\":", "name": 2}\n}')
    assert at(error) == (3, 38)
    assert error.pointer == "/b/name"
    assert "'name'" in error.message


def test_duplicate_key_spelled_with_an_escape_is_located() -> None:
    assert at(fault('{"a": 1,\n "\\u0061": 2}')) == (2, 2)


def test_duplicate_key_before_broken_text_is_located() -> None:
    assert at(fault('[{"a": 1, "a": 2}, oops')) == (1, 11)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_constant_is_located_outside_of_strings(constant: str) -> None:
    error = fault(f'{{"{constant}": "{constant}",\n "b": [{constant}]}}')
    assert at(error) == (2, 8)
    assert error.pointer == "/b/0"


def test_nesting_of_10000_is_refused_quickly_with_its_place() -> None:
    assert at(fault("[" * 10_000 + "]" * 10_000)) == (1, DEPTH + 1)
    assert at(fault('{"a":' * 10_000)) == (1, 5 * DEPTH + 1)


def test_nesting_of_exactly_the_limit_is_taken_and_brackets_in_strings_do_not_count() -> None:
    load_json(b"[" * DEPTH + b"]" * DEPTH, depth=DEPTH)
    assert load_json(b'["[[[[\\"[[[{{{"]', depth=1) == ['[[[["[[[{{{']
    fault("[" * (DEPTH + 1) + "]" * (DEPTH + 1))


def test_depth_without_a_useful_limit_is_no_recursion_error() -> None:
    fault("[" * 100_000, depth=200_000)
    fault("[" * 100_000 + "]" * 100_000, depth=200_000)


def test_byte_order_mark_is_passed_by() -> None:
    assert load_json(b"\xef\xbb\xbf{}", depth=2) == {}
    assert locate("\ufeff[1]")["/0"] == Position(line=1, column=3)


def test_bytes_that_are_not_utf8_are_located() -> None:
    assert at(fault(b'{"a":\n "\xc3\xa4\xff"}')) == (2, 4)


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\udc00": 1}', '["\\ud83d\\u0041"]'])
def test_lone_surrogate_is_refused(text: str) -> None:
    assert "surrogate" in fault(text).message


@pytest.mark.parametrize("number", ["1" * 5000, str(2**64), str(-(2**63) - 1), "-" + "9" * 400])
def test_integer_beyond_64_bits_is_located(number: str) -> None:
    error = fault(f'{{"a": 1,\n"b": {number}}}')
    assert at(error) == (2, 6)
    assert error.pointer == "/b"


@pytest.mark.parametrize("number", ["1e400", "-1e999"])
def test_float_that_becomes_infinite_is_refused(number: str) -> None:
    fault(f"[{number}]")


@pytest.mark.parametrize("text", ["", " ", "{", "[1,", '{"a"', '{"a":}', "[1 2]", "{'a': 1}", "01"])
def test_broken_text_is_refused(text: str) -> None:
    fault(text)


@pytest.mark.parametrize(
    ("before", "again", "after"),
    [
        ('"', '\\"', ""),
        ('"', '\\"[', ""),
        ("[" * 70 + '"', '\\"', ""),
        ("", '"a', "[" * 70),
    ],
    ids=range(4),
)
def test_hostile_text_costs_linear_time(before: str, again: str, after: str) -> None:
    assert growth(lambda count: fault(before + again * count + after, depth=4), 30_000) < LINEAR


def test_locate_in_one_long_line_costs_linear_time() -> None:
    def locate_last(count: int) -> None:
        text = "[" + ",".join(["1"] * count) + "]"
        assert locate(text)[f"/{count - 1}"] == Position(line=1, column=2 * count)

    assert growth(locate_last, 10_000) < LINEAR
