"""What people write instead of what is right: each gets what to write in the message."""

import json
from typing import Any

import pytest

from registry.checks.release import check_release
from registry.formats.json_text import locate
from registry.formats.parsing import check_json
from registry.formats.schema import Format
from registry.names import library_name_hint, step_name_hint
from registry.problems import Problem
from registry.versions import version_hint
from tests.registry.making import encode, files, manifest, step


def problems(kind: Format, text: str | bytes) -> tuple[Problem, ...]:
    raw = text.encode() if isinstance(text, str) else text
    return check_json(kind, raw, file="x.json", strict=True).problems


def one(kind: Format, **fields: Any) -> Problem:
    base = manifest if kind is Format.MANIFEST else step
    (found,) = problems(kind, encode(base(**fields)))
    return found


@pytest.mark.parametrize(
    ("slip", "right"),
    [
        ("v1.0.0", "1.0.0"), ("1.0", "1.0.0"), ("1", "1.0.0"), (" 1.0.0", "1.0.0"),
        ("1.0.0.0", "1.0.0"), ("01.0.0", "1.0.0"), ("V2.1", "2.1.0"), ("2026.01.05", "2026.1.5"),
        ("1.0.0-beta", "1.0.0-beta.1"), ("1.0.0b2", "1.0.0-beta.2"), ("1.0.0-RC1", "1.0.0-rc.1"),
        ("1.0.0+build.5", "1.0.0"),
    ],
)  # fmt: skip
def test_version_is_mended_in_the_message(slip: str, right: str) -> None:
    assert f"write {right!r}" in version_hint(slip)
    found = one(Format.MANIFEST, version=slip)
    assert found.message == f"{slip!r} is not a version"
    assert f"write {right!r}" in found.expected


@pytest.mark.parametrize(
    "slip", ["latest", "1.2.3.4", "1.0.0-SNAPSHOT", "", "1.0.0-pre.1", "9" * 300]
)
def test_version_that_may_mean_anything_gets_the_rule(slip: str) -> None:
    assert "MAJOR.MINOR.PATCH, optionally with -alpha.N, -beta.N or -rc.N" in version_hint(slip)


@pytest.mark.parametrize(
    ("slip", "right"),
    [
        ("greet_kit", "greet-kit"), ("Greet-Kit", "greet-kit"), ("My Library", "my-library"),
        ("-x", "x"), ("x--y", "x-y"), ("GreetKit", "greet-kit"), ("Über-Tools", "uber-tools"),
    ],
)  # fmt: skip
def test_library_name_is_mended_in_the_message(slip: str, right: str) -> None:
    found = one(Format.MANIFEST, name=slip)
    assert (found.message, found.expected) == (
        f"{slip!r} is not a library name",
        f"write {right!r}",
    )
    assert "^" not in str(found)


def test_name_that_is_too_long_says_how_long_it_may_be() -> None:
    assert library_name_hint("a" * 70) == "at most 64 characters; it has 70"
    found = one(Format.MANIFEST, name="a" * 70)
    assert (found.message, found.expected.partition(":")[0]) == (
        "it has 70 characters", "write at most 64 characters",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slip", "right"),
    [("Greet", "greet"), ("file copy", "file.copy"), ("File.Copy", "file.copy"), ("a..b", "a.b")],
)
def test_step_name_is_mended_in_the_message(slip: str, right: str) -> None:
    assert one(Format.STEP, name=slip).expected == f"write {right!r}"
    assert step_name_hint("json").startswith("use dotted lower-case words")


@pytest.mark.parametrize(
    ("fields", "message", "expected"),
    [
        ({"version": 1.0}, "this is a number (1.0), where a text is expected", "write '1.0.0'"),
        ({"price": "1"}, "a number is expected", "write 1, without quotation marks"),
        ({"is_premium": "yes"}, "true or false is expected", "write true, without quotation"),
        ({"tags": "a"}, "a list is expected", 'write ["a"]'),
        ({"author": None}, "this is null", "leave the field out"),
        ({"licence": "MIT"}, "the field 'licence' is not known", "did you mean 'license'?"),
        ({"platforms": []}, "the field 'platforms' is not known", "mean 'platform_support'?"),
        ({"zzz": 1}, "the field 'zzz' is not known", "tags, trial_days, version"),
        ({"platform_support": ["Windows"]}, "'Windows' is not one of", "write 'windows'"),
        ({"platform_support": ["darwin"]}, "'darwin' is not one of", "did you mean 'macos'?"),
        ({"tags": ["a", "a"]}, "'a' is in the list twice", "each once"),
        ({"homepage": "www.example.com"}, "cannot be the homepage", "'https://www.example.com'"),
        ({"trial_days": -1}, "-1 is out of range", "at least 0"),
        ({"steps": ["steps\\copy.json"]}, "an object is expected", '{"file": "steps/copy.json"}'),
        ({"steps": []}, "it is empty", "at least 1 element"),
        ({"steps": [{"file": "steps\\copy.json"}]}, "cannot be the file", "'steps/copy.json'"),
        (
            {"steps": [{"file": "steps/copy.json", "executor": ".\\executors\\copy.py"}]},
            "cannot be the executor",
            "write 'executors/copy.py'",
        ),
    ],
)  # fmt: skip
def test_slip_in_a_manifest(fields: dict[str, Any], message: str, expected: str) -> None:
    found = one(Format.MANIFEST, **fields)
    assert message in found.message
    assert expected in found.expected
    assert "…" not in found.expected
    assert found.line > 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"color": "#fff"}, "write '#ffffff'"),
        ({"color": "blue"}, "write '#0000ff'"),
        ({"color": "17a2b8"}, "write '#17a2b8'"),
        ({"color": "mauve"}, "a colour in six hexadecimal digits, such as #17a2b8"),
        ({"parameters": {"p": {"type": "text"}}}, "did you mean 'string'?"),
        ({"parameters": {"p": {"type": "String"}}}, "write 'string'"),
        ({"parameters": {"a b": {"type": "string"}}}, "a letter or _ first"),
        ({"inputs": 11}, "at most 10"),
        ({"inputs": 1.5}, "a whole number"),
    ],
)
def test_slip_in_a_step(fields: dict[str, Any], expected: str) -> None:
    assert expected in one(Format.STEP, **fields).expected


@pytest.mark.parametrize(
    ("text", "message", "expected", "line", "column"),
    [
        ('{"a": 1,\n}', "a comma after the last field", "remove it", 1, 8),
        ('{"a": [1,\n 2,\n]}', "a comma after the last element", "remove it", 2, 3),
        ("{'a': 1}", "stands between ' and '", "double quotation marks", 1, 2),
        ('{"a": “b”}', "stands between “ and ”", "double quotation marks", 1, 7),
        ('{"a": 1 // b\n}', "no comments", "remove this one", 1, 9),
        ('{\n# b\n"a": 1}', "no comments", "remove this one", 2, 1),
        ('{"a": /* b\n */ 1}', "no comments", "remove this one", 1, 7),
        ('{"a": 1', "the { is not closed", "a } at its end", 1, 1),
        ('{"a":\n [1}', "the [ of line 2 ends with }", "a ] before this", 2, 4),
        ('{"a": True}', "True is not JSON", "write true", 1, 7),
        ("{a: 1}", "a has no quotation marks", 'write "a"', 1, 2),
        ('{"a": 1\n "b": 2}', "a comma is missing", "a comma after", 2, 2),
        ('{"a" 1}', "a colon is missing", '"name": value', 1, 6),
        ('{"a": 1,, "b": 2}', "a comma too many", "remove it", 1, 9),
        ('{"a": 01}', "does not begin with 0", "remove the 0", 1, 7),
        ('{"a": .5}', "a digit before its point", "write 0 before", 1, 7),
        ('{"a": "b\n}', "does not end on its line", 'a " at its end', 1, 9),
        ('{"a": "C:\\Users"}', "begins no escape", "/ in a path", 1, 10),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice", "keep one", 1, 10),
        ('{"a": NaN}', "NaN is not JSON", "a number", 1, 7),
        ("", "the file is empty", "an object", 1, 1),
        ('{"a": 1}}', "more after the end", "nothing after it", 1, 9),
        ("[]", "this is a list, where an object is expected", "begins with {", 1, 1),
    ],
)
def test_slip_in_json(text: str, message: str, expected: str, line: int, column: int) -> None:
    found = next(p for p in problems(Format.MANIFEST, text) if message in p.message)
    assert expected in found.expected
    assert (found.line, found.column) == (line, column)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(encoding: str) -> None:
    (found,) = problems(Format.MANIFEST, '{"name": "x"}'.encode(encoding))
    assert (found.message, found.expected) == ("this is UTF-16, not UTF-8", "save it as UTF-8")


def test_all_slips_of_a_text_are_told_with_their_places() -> None:
    text = """{
  // who
  'name': 'x',
  version: "1.0",
  "tags": ["a", "b",],
  "tags": [],
  "is_premium": False
  "licence": "MIT",
  "steps": [{"file": "steps/a.json"}],
}"""
    found = {(p.line, p.column, p.rule) for p in problems(Format.MANIFEST, text)}
    syntax = {(2, 3), (3, 3), (3, 11), (4, 3), (5, 20), (6, 3), (7, 17), (8, 3), (9, 38)}
    assert {(line, column) for line, column, rule in found if rule == "json-syntax"} == syntax
    # Places are those of the text as it was written, also behind what was put in to read on.
    assert {(4, 12, "schema-pattern"), (8, 14, "schema-additionalProperties")} <= found


def test_byte_order_mark_and_crlf_are_taken() -> None:
    content = files()
    raw = content["manifest.json"].replace(b"\n", b"\r\n")
    content["manifest.json"] = b"\xef\xbb\xbf" + raw
    content["docs/README.md"] = b"\xef\xbb\xbf# File tools\r\n"
    checked = check_release(content, strict=True)
    assert [problem.rule for problem in checked.problems] == ["json-byte-order-mark"]
    assert checked.content is not None


def test_places_of_a_mended_text_never_leave_it() -> None:
    text = '{"a": 1 "b": 2 "c": [1 2 3], d: {e: "f}'
    lines = text.split("\n")
    for problem in problems(Format.MANIFEST, text):
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(text) + 1
    assert locate(json.dumps({"a": [1]}))["/a/0"].column == 8


def test_thousands_of_slips_end_soon() -> None:
    text = "{" + "'a': 1,\n" * 50_000 + "}"
    assert 20 <= len(problems(Format.MANIFEST, text)) <= 60
