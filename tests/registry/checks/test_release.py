"""Every line of "Bad input": each a clear problem with its rule, file, pointer and place."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.checks.hostile_text import text_problems
from registry.checks.release import CheckedRelease, check_release
from registry.formats.parsing import parse_manifest, parse_step
from registry.formats.schema import Format, is_valid, schema_of
from registry.library.core import core_library
from registry.problems import Problem, Severity
from tests.registry.formats.test_json_text import VALUES
from tests.registry.making import encode, files, manifest, rules, step

MANIFEST, STEP = "manifest.json", "steps/copy.json"
NESTED = b"[" * 10_000 + b"]" * 10_000
Where = tuple[str, str, str, int, int]


def check(content: dict[str, bytes], *, strict: bool = True) -> CheckedRelease:
    return check_release(content, name="file-tools", version="1.0.0", strict=strict)


def raw(name: str, content: bytes) -> dict[str, bytes]:
    return {**files(), name: content}


def without(*names: str) -> dict[str, bytes]:
    return {name: content for name, content in files().items() if name not in names}


def text(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2)


def test_good_release_has_no_problem() -> None:
    found = check(files())
    assert found.problems == ()
    assert found.content is not None


DUPLICATE = text(manifest()).replace('"author"', '"name": "x",\n  "author"').encode()
NAN = text(step(inputs=1)).replace('"inputs": 1', '"inputs": NaN').encode()

BAD: dict[str, tuple[dict[str, bytes], Where]] = {
    "broken manifest": (raw(MANIFEST, b'{\n  "name": \n}'), ("json-syntax", MANIFEST, "", 3, 1)),
    "broken step": (raw(STEP, b"{]"), ("json-syntax", STEP, "", 1, 2)),
    "empty manifest": (raw(MANIFEST, b""), ("json-syntax", MANIFEST, "", 1, 1)),
    "duplicate key": (raw(MANIFEST, DUPLICATE), ("json-syntax", MANIFEST, "/name", 6, 3)),
    "NaN": (raw(STEP, NAN), ("json-syntax", STEP, "/inputs", 12, 13)),
    "deep nesting": (raw(STEP, NESTED), ("json-syntax", STEP, "", 1, 65)),
    "deep nesting in a default": (
        raw(STEP, b'{"parameters": {"a": {"default": ' + NESTED + b"}}}"),
        ("json-syntax", STEP, "", 1, 95),
    ),
    "wrong type": (files(step_fields={"inputs": "2"}), ("schema-type", STEP, "/inputs", 12, 13)),
    "wrong type at the root": (raw(STEP, b"\n []"), ("schema-type", STEP, "", 2, 2)),
    "missing field": (
        raw(STEP, text({k: v for k, v in step().items() if k != "name"}).encode()),
        ("schema-required", STEP, "", 1, 1),
    ),
    "unknown field": (
        files(step_fields={"colour": "#fff"}),
        ("schema-additionalProperties", STEP, "/colour", 12, 13),
    ),
    "field that ends in a line break": (
        files(display_name="File tools\n"),
        ("schema-pattern", MANIFEST, "/display_name", 4, 19),
    ),
    "missing manifest": (without(MANIFEST), ("manifest-missing", MANIFEST, "", 0, 0)),
    "missing step": (without(STEP), ("file-missing", MANIFEST, "/steps/0/file", 10, 15)),
    "missing executor": (
        without("executors/copy.py"),
        ("file-missing", MANIFEST, "/steps/0/executor", 11, 19),
    ),
    "executor without execute": (
        raw("executors/copy.py", b"def run(): pass\n"),
        ("executor-entry", "executors/copy.py", "", 1, 1),
    ),
    "executor with another signature": (
        raw("executors/copy.py", b"\ndef execute(parameters): pass\n"),
        ("executor-entry", "executors/copy.py", "", 2, 1),
    ),
    "executor that is asynchronous": (
        raw("executors/copy.py", b"async def execute(a, b): pass\n"),
        ("executor-entry", "executors/copy.py", "", 1, 1),
    ),
    "executor that is no Python": (
        raw("executors/copy.py", b"x = 1\ndef execute(:\n"),
        ("executor-syntax", "executors/copy.py", "", 2, 13),
    ),
    "executor with null bytes": (
        raw("executors/copy.py", b"\0"),
        ("executor-syntax", "executors/copy.py", "", 1, 1),
    ),
    "executor nested too deep": (
        raw("executors/copy.py", b"-" * 200_000 + b"1"),
        ("executor-syntax", "executors/copy.py", "", 1, 1),
    ),
    "two steps with one name": (
        files(
            steps=[{"file": STEP}, {"file": "steps/other.json"}],
            extra={"steps/other.json": encode(step())},
        ),
        ("duplicate-step", MANIFEST, "/steps", 8, 12),
    ),
    "other version": (
        files(version="1.0.1"),
        ("directory-mismatch", MANIFEST, "/version", 3, 14),
    ),
    "other name": (files("other"), ("directory-mismatch", MANIFEST, "/name", 2, 11)),
    "reserved name": (files("install"), ("name", MANIFEST, "/name", 2, 11)),
    "name with dots": (files("../evil"), ("schema-pattern", MANIFEST, "/name", 2, 11)),
    "name with @{": (files("a@{b"), ("schema-pattern", MANIFEST, "/name", 2, 11)),
    "name that is an option": (files("-x"), ("schema-pattern", MANIFEST, "/name", 2, 11)),
    "step name with dots": (
        files(step_fields={"name": "a..b"}),
        ("schema-pattern", STEP, "/name", 2, 11),
    ),
    "step name that ends in json": (
        files(step_fields={"name": "file.json"}),
        ("name", STEP, "/name", 2, 11),
    ),
    "step name json": (files(step_fields={"name": "json"}), ("name", STEP, "/name", 2, 11)),
    "step file outside": (
        files(steps=[{"file": "../x.json"}]),
        ("schema-pattern", MANIFEST, "/steps/0/file", 10, 15),
    ),
    "bad dependency": (
        files(dependencies=["core>=1", "not a requirement!"]),
        ("name", MANIFEST, "/dependencies/1", 16, 5),
    ),
    "script in README": (
        raw("docs/README.md", b"# T\n\nSome <script>alert(1)</script>\n"),
        ("text-active", "docs/README.md", "", 3, 6),
    ),
    "README of 50 MB": (
        raw("docs/README.md", b"x" * 50_000_000),
        ("limit-file-size", "docs/README.md", "", 0, 0),
    ),
    "README that is not UTF-8": (
        raw("docs/README.md", b"# T\n\xff"),
        ("text-encoding", "docs/README.md", "", 2, 1),
    ),
    "hidden direction in README": (
        raw("docs/README.md", "# T\nabc \u202e evil".encode()),
        ("text-invisible", "docs/README.md", "", 2, 5),
    ),
    "asset that is no image": (
        raw("assets/logo.svg", b"<svg/>"),
        ("asset-type", "assets/logo.svg", "", 0, 0),
    ),
    "option list missing": (
        files(step_fields={"parameters": {"p": {"type": "select"}}}),
        ("schema-required", STEP, "/parameters/p", 7, 10),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case: str) -> None:
    content, (rule, file, pointer, line, column) = BAD[case]
    found = check(content)
    assert found.content is None
    places = [(p.rule, p.file, p.pointer, p.line, p.column) for p in found.problems]
    assert (rule, file, pointer, line, column) in places, found.problems
    assert all(problem.expected and problem.message for problem in found.problems)
    assert all(str(problem).isprintable() for problem in found.problems)


PATHS = {
    "leads out": "docs/../../evil.md", "is absolute": "/etc/passwd", "has an empty part": "docs//a",
    "is a dot": "docs/./a.md", "begins with a hyphen": "docs/-rf.md", "is Git's": ".gitattributes",
    "is Git's in a folder": "docs/.git/config", "is Git's in capitals": "docs/.GIT/config",
    "is Git's short name": "docs/GIT~1/config", "is .gitmodules": ".gitmodules",
    "is Git's with a full-width letter": "docs/.\uff47it/x", "has a backslash": "docs\\a.md",
    "has a colon": "docs/a:b.md", "is a device": "docs/con.md",
    "is a device with a number": "docs/LPT1",
    "ends in a dot": "docs/a.", "ends in a blank": "docs/a ", "has a line break": "docs/a\nb.md",
    "has a null byte": "docs/a\0b", "has an escape": "docs/\x1b[31m.md", "has @{": "docs/a@{b.md",
    "has an invisible character": "docs/a\u200bb.md", "is not UTF-8": "docs/\udcff.md",
    "is not NFC": "docs/" + unicodedata.normalize("NFD", "ä") + ".md", "has a quote": 'docs/a"b',
    "is byte code": "executors/a.pyc", "is a native library": "executors/a.so",
    "is a path file": "executors/x.pth",
}  # fmt: skip


@pytest.mark.parametrize("case", PATHS)
def test_path_is_refused(case: str) -> None:
    found = check(files(extra={PATHS[case]: b"x"}))
    assert found.content is None
    assert any(p.rule == "path" and p.file == PATHS[case] and p.expected for p in found.problems)
    assert all(str(problem).isprintable() for problem in found.problems)


@pytest.mark.parametrize(
    "extra",
    [
        ["docs/readme.md"],
        ["docs/Straße.md", "docs/STRASSE.md"],
        ["Docs/other.md"],
        ["docs/ﬁle.md", "docs/file.md"],
        ["docs/README.md/x"],
        ["tests", "tests/a"],
    ],
)
def test_collision_of_case_unicode_or_kind_is_refused(extra: list[str]) -> None:
    found = check(files(extra=dict.fromkeys(extra, b"x")))
    assert found.content is None
    assert "path" in rules(found.problems)


def test_unexpected_places_are_only_a_warning() -> None:
    found = check(files(extra={"notes/x.txt": b"x", "Makefile": b"x"}))
    assert found.content is not None
    assert [p.rule for p in found.problems] == ["path-unexpected"] * 2


def test_unknown_field_is_a_warning_when_not_strict() -> None:
    found = check(files(colour="x"), strict=False)
    assert found.content is not None
    assert [p.severity for p in found.problems] == [Severity.WARNING]


# --- text in every field -----------------------------------------------------------------------


def text_fields(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The paths of all fields of a schema that hold free text; ``*`` stands for any name."""
    if "$ref" in schema:
        yield from text_fields(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
        return
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds:
        yield ()
    for name, inner in schema.get("properties", {}).items():
        yield from ((name, *rest) for rest in text_fields(inner, root))
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict):
        yield from (("*", *rest) for rest in text_fields(inner, root))
    if "items" in schema:
        yield from (("0", *rest) for rest in text_fields(schema["items"], root))
    if not kinds and not {"enum", "properties"} & set(schema):
        yield ()
    if kinds == ["object"] and "properties" not in schema and inner is None:
        yield ("*",)


def put(value: dict[str, Any], path: tuple[str, ...], content: str) -> dict[str, Any]:
    copy: Any = json.loads(json.dumps(value))
    here = copy
    for part, following in zip(path, (*path[1:], None), strict=True):
        key: Any = 0 if part == "0" else ("p" if part == "*" else part)
        is_last = following is None
        empty: Any = content if is_last else ([] if following == "0" else {})
        if isinstance(here, list):
            if not here:
                here.append(empty)
            key = 0
        elif is_last or not isinstance(here.get(key), dict | list):
            here[key] = empty
        if is_last:
            here[key] = content
        here = here[key]
    return copy  # type: ignore[no-any-return]


HTML = "<img src=x onerror=alert(1)>"
SCRIPT = "javascript:alert(1)"
FIELDS = [
    (kind, path)
    for kind in (Format.MANIFEST, Format.STEP)
    for path in text_fields(dict(schema_of(kind)), dict(schema_of(kind)))
]


@pytest.mark.parametrize("hostile", [HTML, SCRIPT, "<script>alert(1)</script>"])
@pytest.mark.parametrize(("kind", "path"), FIELDS, ids=[".".join((k, *p)) for k, p in FIELDS])
def test_html_and_javascript_are_problems_in_every_text_field(
    kind: Format, path: tuple[str, ...], hostile: str
) -> None:
    if kind is Format.MANIFEST:
        file, value = MANIFEST, put(manifest(), path, hostile)
    else:
        file, value = STEP, put(step(), path, hostile)
    found = check(raw(file, encode(value)))
    pointer = "/" + "/".join("p" if part == "*" else part for part in path)
    hits = [p for p in found.problems if p.rule == "text-active" and p.pointer == pointer]
    assert hits, found.problems
    assert hits[0].line > 1
    assert found.content is None


def test_fields_were_found() -> None:
    assert len(FIELDS) > 40
    assert (Format.STEP, ("parameters", "*", "description")) in FIELDS
    assert (Format.STEP, ("returns", "*")) in FIELDS
    assert (Format.STEP, ("parameters", "*", "default")) in FIELDS


def test_names_of_fields_are_text_too() -> None:
    found = check(files(step_fields={"returns": {"properties": {SCRIPT: {}}}}))
    assert [p.pointer for p in found.problems] == [f"/returns/properties/{SCRIPT}"]


def active(value: str) -> set[str]:
    return rules(tuple(text_problems(value, "x")))


@pytest.mark.parametrize(
    "prose",
    [
        "JavaScript: the language of the web", "Written in javascript: fast and small",
        "**JavaScript:** see below", "JavaScript:\nan introduction", "TypeScript/JavaScript: both",
        "JavaScript: arrays (lists) and objects", "VBScript: not supported", "a < b and c > d",
        "x <- y", "if a<b: pass", "I <3 this", "Use `<script>` to load it",
        "e.g. `javascript:void(0)`",
        "```html\n<script>alert(1)</script>\n```\n", "~~~\n<iframe>\n~~~", "&lt;script&gt;",
        "The metadata: text/html is the type", "one = 1; onclick = 2", "Zeile 1\n\tZeile 2\r\n",
        "👩‍💻 and 🏳️‍🌈", "AT&T; R&D",
    ],
)  # fmt: skip
def test_ordinary_prose_is_no_problem(prose: str) -> None:
    assert active(prose) == set()


@pytest.mark.parametrize(
    "hostile",
    [
        SCRIPT, "JaVaScRiPt:alert(1)", "see javascript:alert(1)", "javascript :alert(1)",
        "javascript: alert(1)", "javascript:%61lert(1)", "javascript://x%0aalert(1)",
        "[x](javascript: y)", "[x](<javascript: y>)", "[x]: javascript: y", "<javascript: y>",
        "<a href=' javascript: y'>", "[x](java\nscript:alert(1))", "[x](java\tscript:alert(1))",
        "[x](java&#115;cript:alert(1))", "javascript&colon;alert(1)", "vbscript:msgbox(1)",
        "data:text/html,<b>", "data:image/svg+xml,<svg>", "<script>", "</script>", "<SCRIPT SRC=x>",
        "<script\n>", "<script/x>", "<iframe src=x>", "<svg/onload=alert(1)>", "<object data=x>",
        "<img src=x onerror=alert(1)>", "<img/onerror=alert(1)>",
        "<b onmouseover = 'x'>", "<style>",
        "<base href=x>", "<meta http-equiv=refresh>", "<form action=x>", "<math>", "<link rel=x>",
        "```a`b\n<script>\n```", "`a\n<script>\n`",
    ],
)  # fmt: skip
def test_active_content_is_an_error(hostile: str) -> None:
    assert "text-active" in active(hostile)


def test_other_html_is_a_warning() -> None:
    (problem,) = text_problems("a <b>bold</b> word", "x")
    assert (problem.rule, problem.severity) == ("text-html", Severity.WARNING)


def test_each_place_of_active_content_is_reported() -> None:
    found = check(raw("docs/README.md", b"<script>\n\n <iframe>\n`<script>`\n<object>\n"))
    assert [(p.line, p.column) for p in found.problems] == [(1, 1), (3, 2), (5, 1)]


@given(st.text(alphabet="<>`~javscript:onerd=\n\t &#;()[]\"'/", max_size=300))
def test_any_text_is_checked_without_an_error(value: str) -> None:
    for problem in text_problems(value, "x"):
        assert problem.expected


# --- all at once -------------------------------------------------------------------------------


def test_all_problems_are_found_at_once() -> None:
    broken = manifest(
        version="1.0.1",
        description=SCRIPT,
        homepage="ftp://x",
        steps=[
            {"file": STEP, "executor": "executors/copy.py"},
            {"file": "steps/gone.json"},
            {"file": "steps/other.json", "executor": "executors/gone.py"},
        ],
        colour=1,
    )
    del broken["name"]
    content = {
        **files(),
        MANIFEST: encode(broken),
        STEP: encode(step(inputs=11, description="<script>")),
        "steps/other.json": encode(step(parameters={"p": {"type": "string", "default": 1}})),
        "executors/copy.py": b"def (",
        "docs/README.md": b"<iframe>",
        ".gitmodules": b"x",
        "docs/a.md": b"",
        "docs/A.md": b"",
    }
    found = {(p.rule, p.file, p.pointer) for p in check(content).problems}
    assert found >= {
        ("schema-required", MANIFEST, ""),
        ("schema-pattern", MANIFEST, "/homepage"),
        ("schema-additionalProperties", MANIFEST, "/colour"),
        ("directory-mismatch", MANIFEST, "/version"),
        ("text-active", MANIFEST, "/description"),
        ("file-missing", MANIFEST, "/steps/1/file"),
        ("file-missing", MANIFEST, "/steps/2/executor"),
        ("schema-maximum", STEP, "/inputs"),
        ("text-active", STEP, "/description"),
        ("step-meaning", "steps/other.json", "/parameters/p/default"),
        ("executor-syntax", "executors/copy.py", ""),
        ("text-active", "docs/README.md", ""),
        ("path", ".gitmodules", ""),
        ("path", "docs/A.md", ""),
    }


def test_steps_are_checked_though_the_manifest_cannot_be_read() -> None:
    content = {**files(), MANIFEST: b"{", STEP: b"["}
    assert {p.file for p in check(content).problems} == {MANIFEST, STEP}


def test_problems_are_ordered_by_place_and_none_is_there_twice() -> None:
    problems = check({**files(colour=1, shade=2), "docs/README.md": b"<script>\n<iframe>"}).problems
    assert list(problems) == sorted(problems, key=lambda p: (p.file, p.line, p.column, p.rule))
    assert len(set(problems)) == len(problems)


def test_error_behind_many_warnings_still_stops_the_library() -> None:
    found = check({**files(extra={f"aaa/{n}": b"" for n in range(500)}), STEP: b"{"})
    assert found.content is None
    assert "json-syntax" in rules(found.problems)
    assert "limit-problems" in rules(found.problems)


# --- any input ---------------------------------------------------------------------------------


@given(VALUES)
def test_any_json_as_manifest_or_step_is_problems_and_no_error(value: Any) -> None:
    for name in (MANIFEST, STEP):
        found = check(raw(name, encode(value)))
        assert found.content is None
        assert found.problems


@given(st.dictionaries(st.sampled_from([*step(), "inputs", "color", "returns"]), VALUES))
def test_any_values_in_a_step_are_problems_or_a_step(changes: dict[str, Any]) -> None:
    content = encode(step(**changes))
    found = parse_step(content, file=STEP)
    assert (found.value is None) is bool(found.problems)
    assert (found.value is not None) is is_valid(Format.STEP, step(**changes))
    if found.value is not None:
        msgspec.json.encode(found.value)
    check(raw(STEP, content))


@given(st.dictionaries(st.text(max_size=12), st.binary(max_size=20), max_size=5))
def test_any_files_are_problems_and_no_error(content: dict[str, bytes]) -> None:
    assert check(content).problems
    assert check({**files(), **content}) is not None


@pytest.mark.parametrize("number", [1.0, 10.0])
def test_whole_number_written_as_a_float_is_an_integer(number: float) -> None:
    found = parse_step(encode(step(inputs=number)), file=STEP)
    assert found.value is not None
    assert type(found.value.inputs) is int


def test_texts_that_look_like_null_stay_text() -> None:
    found = parse_manifest(encode(manifest(publisher="null", author="null")))
    assert found.value is not None
    assert (found.value.publisher, found.value.author) == ("null", "null")


def test_definitions_of_core_keep_the_schemas() -> None:
    content = core_library().content
    assert content is not None
    for definition in content.steps:
        plain = {
            key: value
            for key, value in msgspec.to_builtins(definition).items()
            if value is not None and key != "permissions"
        }
        assert is_valid(Format.STEP, plain), definition.name


def test_problem_prints_with_its_place() -> None:
    problem = Problem(
        rule="r", file="a\x1b.json", message="m\n", expected="e", pointer="/x", line=1, column=2
    )
    assert str(problem) == "a\\x1b.json:1:2: error: m\\n (r at /x); e"
    assert str(Problem(rule="r", file="f", message="m")) == "f: error: m (r)"
