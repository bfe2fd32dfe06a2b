import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry.formats.json_text import JsonTextError, Position
from registry.formats.yaml_text import dump_yaml, load_yaml
from tests.growth import LINEAR, growth
from tests.registry.formats.test_json_text import VALUES, assert_complete

DEPTH = 64


def fault(text: str | bytes) -> JsonTextError:
    with pytest.raises(JsonTextError) as caught:
        load_yaml(text.encode() if isinstance(text, str) else text, depth=DEPTH)
    return caught.value


def load(text: str) -> Any:
    return load_yaml(text.encode(), depth=DEPTH)[0]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_jsontexterror(raw: bytes) -> None:
    try:
        load_yaml(raw, depth=DEPTH)
    except JsonTextError as error:
        assert_complete(error)


@given(st.text(alphabet="-:?[]{}&*!|>'\"%@`#, \n\tab01.~<=\\ud8x", max_size=60))
def test_arbitrary_yaml_like_text_gives_json_or_jsontexterror(text: str) -> None:
    try:
        value, places = load_yaml(text.encode(), depth=DEPTH)
    except JsonTextError:
        return
    assert "" in places
    yaml.dump(value).encode()


def _is_plain(value: Any) -> bool:
    """Whether YAML holds it: PyYAML escapes some characters that libyaml then refuses."""
    if isinstance(value, str):
        return all(c.isprintable() or c in "\n\t" for c in value)
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, float)


@given(st.dictionaries(st.text(), VALUES, max_size=4).filter(_is_plain))
def test_what_is_dumped_loads_equal(value: dict[str, Any]) -> None:
    raw = dump_yaml(value)
    assert load_yaml(raw, depth=DEPTH)[0] == value
    assert dump_yaml(value) == raw


@given(st.text(alphabet="0123456789abcdef", min_size=64, max_size=64) | st.from_regex(r"\d{64}"))
def test_a_digest_stays_text(digest: str) -> None:
    assert (
        load_yaml(dump_yaml({"digest": digest.strip()}), depth=DEPTH)[0]["digest"] == digest.strip()
    )


def test_values_have_their_json_types() -> None:
    text = "a: 1\nb: -2.5\nc: true\nd: no\ne: ~\nf:\ng: text\nh: '1'\ni: [1, {j: k}]\n"
    assert load(text) == {
        "a": 1, "b": -2.5, "c": True, "d": False, "e": None, "f": None, "g": "text", "h": "1",
        "i": [1, {"j": "k"}],
    }  # fmt: skip


@pytest.mark.parametrize("text", ["2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05"])
def test_dates_stay_text(text: str) -> None:
    assert load(f"a: {text}") == {"a": text}


def test_keys_stay_text() -> None:
    assert load("1.0.0: a\n1: b\nyes: c\n2024-01-01: d") == {
        "1.0.0": "a", "1": "b", "yes": "c", "2024-01-01": "d",
    }  # fmt: skip


def test_places_are_those_of_the_values() -> None:
    _, places = load_yaml(b"a: 1\nb:\n  - x\n  - c/d: y\n", depth=DEPTH)
    assert places["/b/1/c~1d"] == Position(line=4, column=10)
    assert places["/b/0"] == Position(line=3, column=5)


def test_empty_document_is_null() -> None:
    assert load_yaml(b"", depth=DEPTH) == (None, {"": Position(line=1, column=1)})


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: 1\na: 2", 2, 1),
        ("b:\n  a: 1\n  'a': 2", 3, 3),
        ("a: &x 1", 1, 4),
        ("a: &x [1]\nb: *x", 1, 4),
        ("b: *x", 1, 4),
        ("a: !!python/object:os.system x", 1, 4),
        ("a: !!str 1", 1, 4),
        ("a: !x {}", 1, 4),
        ("a: .nan", 1, 4),
        ("a: -.inf", 1, 4),
        ("a: 1.0e+400", 1, 4),
        ("a: 0x1f", 1, 4),
        ("a: 010", 1, 4),
        ("a: 1:30", 1, 4),
        ("a: 1_000", 1, 4),
        ("a: 99999999999999999999999", 1, 4),
        ("? [a]\n: b", 1, 3),
        ("? {a: b}\n: c", 1, 3),
        ("--- 1\n--- 2", 2, 1),
        ("a: [1", 2, 1),
        ("a: b: c", 1, 5),
        ("\ta: b", 1, 1),
    ],
)
def test_what_is_not_json_is_refused_at_its_place(text: str, line: int, column: int) -> None:
    error = fault(text)
    assert (error.place.line, error.place.column) == (line, column), error.message


def test_bytes_that_are_not_utf8_are_located() -> None:
    assert fault(b"a: 1\nb: \xff").place == Position(line=2, column=4)


def test_billion_laughs_is_refused_at_the_first_anchor() -> None:
    lines = ["a: &a [x, x]"] + [
        f"{c}: &{c} [*{p}, *{p}]" for p, c in zip("abcdefgh", "bcdefghi", strict=False)
    ]
    assert "anchor" in fault("\n".join(lines)).message


@pytest.mark.parametrize("opening", ["- ", "[", "{a: ", "? ", "a:\n ", "- - "])
def test_nesting_of_500000_ends_no_process(opening: str) -> None:
    code = (
        "import sys; from registry.formats.yaml_text import load_yaml\n"
        "from registry.formats.json_text import JsonTextError\n"
        "try: load_yaml(sys.stdin.buffer.read(), depth=64)\n"
        "except JsonTextError as error: print(error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=opening.encode() * 500_000, capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout


def test_nesting_of_exactly_the_limit_is_taken() -> None:
    load_yaml(b"[" * DEPTH + b"]" * DEPTH, depth=DEPTH)
    fault("[" * (DEPTH + 1) + "]" * (DEPTH + 1))


def test_many_keys_cost_linear_time() -> None:
    def load_keys(count: int) -> None:
        load("\n".join(f"k{number}: v" for number in range(count)))

    assert growth(load_keys, 1_000) < LINEAR
