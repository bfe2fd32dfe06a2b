"""Libraries of OpsConductor's own shape: converted, reported, and nothing of them run."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from registry.checks.release import check_release
from registry.installing.incoming import check_incoming
from registry.limits import DEFAULT_LIMITS
from registry.opsconductor import Converted, convert_library, is_opsconductor
from registry.problems import InvalidLibraryError, errors_of
from tests.opsconductor_libraries import code, library, metadata, step


def _notes(made: Converted) -> list[str]:
    return list(map(str, made.notes))


def _manifest(made: Converted) -> Any:
    return json.loads(made.files["manifest.json"])


def test_a_library_is_converted_whole_and_passes_every_check() -> None:
    made = convert_library(library())
    assert made.notes == ()
    assert errors_of(check_release(made.files, strict=True).problems) == ()
    assert sorted(made.files) == [
        "executors/opsconductor_adapter.py",
        "executors/run_http_request.py",
        "executors/run_json_parse.py",
        "executors/steps.py",
        "manifest.json",
        "steps/http_request.json",
        "steps/json_parse.json",
    ]
    manifest = _manifest(made)
    assert {k: v for k, v in manifest.items() if k in metadata("web-tools")} == metadata(
        "web-tools"
    )
    assert manifest["required_permissions"] == ["network", "service_control"]
    assert manifest["platform_support"] == ["windows"]
    assert json.loads(made.files["steps/http_request.json"]) == step("http_request")
    assert made.files["executors/steps.py"] == library()["steps.py"]


def test_the_same_library_becomes_the_same_bytes() -> None:
    files = library()
    backwards = dict(reversed(files.items()))
    assert convert_library(files).files == convert_library(backwards).files
    assert check_incoming(files).digest == check_incoming(backwards).digest


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        (
            "{'success': True, 'message': 'done', 'output': 'text', 'count': 2}",
            {
                "success": True,
                "message": "done",
                "output": {"output": "text", "count": 2},
                "error": None,
            },
        ),
        (
            "{'success': False, 'error': 'no address'}",
            {"success": False, "message": "", "output": {}, "error": "no address"},
        ),
        (
            "{'error': 'no address'}",
            {"success": False, "message": "", "output": {}, "error": "no address"},
        ),
        ("'text'", {"success": True, "message": "", "output": {"result": "text"}, "error": None}),
        (
            "{'success': 1, 'at': __import__('datetime').date(2026, 1, 2)}",
            {"success": True, "message": "", "output": {"at": "2026-01-02"}, "error": None},
        ),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_an_executor_answers_as_executors_do(
    tmp_path: Path, returned: str, answer: Mapping[str, Any], kind: str
) -> None:
    source = f"class Steps:\n    {kind} http_request(self, params):\n        return {returned}\n"
    made = convert_library(library("web-tools", step("http_request"), source=source))
    for path, content in made.files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    call = "import json, run_http_request as r; print(json.dumps(r.execute({}, {})))"
    done = subprocess.run(
        [sys.executable, "-c", call], cwd=tmp_path / "executors", capture_output=True, check=True
    )
    assert json.loads(done.stdout) == answer


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("class A:\n    def other(self, params): ...\n", "has no method http_request"),
        ("class A:\n    def http_request(self): ...\n", "cannot be called with one dictionary"),
        ("class A:\n    def http_request(self, a, b): ...\n", "cannot be called with one"),
        ("class A:\n    def http_request(self, a, *, b): ...\n", "cannot be called with one"),
        (
            "class A:\n    def __init__(self, x): ...\n    def http_request(self, p): ...\n",
            "cannot be called with one",
        ),
        (
            "class A:\n    @property\n    def http_request(self, p): ...\n",
            "cannot be called with one",
        ),
        (
            "class A:\n def http_request(self, p): ...\nclass B:\n def http_request(self, p): ...",
            "in A and B",
        ),
    ],
)
def test_a_step_without_a_method_is_a_definition_and_is_reported(source: str, why: str) -> None:
    alone = library("web-tools", step("http_request"), source=source)
    with pytest.raises(InvalidLibraryError, match=f"no step can run: .*{why}"):
        check_incoming(alone)
    source += "\nclass Other:\n    def json_parse(self, params): ...\n"
    made = convert_library(library(source=source))
    assert any(why in note for note in _notes(made)), _notes(made)
    assert any("can be looked up, not run" in note for note in _notes(made))
    assert _manifest(made)["steps"][0] == {"file": "steps/http_request.json"}
    assert errors_of(check_release(made.files, strict=False).problems) == ()


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (None, "there is no steps.py"),
        ("class A\n", "is not Python that can be read: line 1"),
        ("\0", "is not Python that can be read"),
        ("x = " + "(" * 5000, "is not Python that can be read"),
        ("", "no step can run: steps.py has no method http_request"),
    ],
)
def test_a_library_without_code_that_runs_is_refused(source: str | None, why: str) -> None:
    files = library(source=source or "")
    if source is None:
        del files["steps.py"]
    with pytest.raises(InvalidLibraryError) as caught:
        check_incoming(files)
    assert [problem.file for problem in caught.value.problems] == ["steps.py"]
    assert why in str(caught.value)


def test_the_manifest_has_the_permissions_of_every_step() -> None:
    bare = step("c")
    del bare["required_permissions"]
    steps = [step("a", required_permissions=["network"]), bare]
    made = convert_library(library("x", *steps, step("b", required_permissions=["file_access"])))
    assert _manifest(made)["required_permissions"] == ["network", "file_access"]
    said = metadata("x", required_permissions=["custom", "network"])
    steps.append(step("b", required_permissions=["registry"]))
    made = convert_library(library("x", *steps, manifest={"metadata": said, "steps": steps}))
    assert _manifest(made)["required_permissions"] == ["custom", "network", "registry"]


def test_problems_are_told_in_the_authors_own_files() -> None:
    odd = step("http_request")
    odd["parameters"]["timeout"]["type"] = [1]
    with pytest.raises(InvalidLibraryError) as caught:
        check_incoming(library("x", step("ok"), odd))
    (problem,) = errors_of(caught.value.problems)
    assert (problem.file, problem.line) == ("manifest.json", 0)
    assert problem.pointer == "/steps/1/parameters/timeout/type"
    files = library(manifest={"metadata": metadata("x", tags=5), "steps": [step("http_request")]})
    with pytest.raises(InvalidLibraryError) as caught:
        check_incoming(files)
    (problem,) = errors_of(caught.value.problems)
    assert (problem.file, problem.pointer) == ("manifest.json", "/metadata/tags")


def test_what_is_no_step_is_told_at_its_place() -> None:
    manifest = {"metadata": metadata("x"), "steps": [5, None, {"category": "x"}, step("a")]}
    with pytest.raises(InvalidLibraryError) as caught:
        check_incoming(library(manifest=manifest))
    assert [(problem.pointer, problem.message) for problem in caught.value.problems] == [
        ("/steps/0", "this is a number"),
        ("/steps/1", "this is null"),
        ("/steps/2", "the step has no 'name'"),
    ]


@pytest.mark.parametrize(
    "method",
    [
        "def http_request(self, params, context=None): ...",
        "def http_request(self, *a): ...",
        "@staticmethod\n    def http_request(params): ...",
        "@classmethod\n    def http_request(cls, params): ...",
    ],
)
def test_other_ways_to_write_a_method_are_taken(method: str) -> None:
    source = f"class A:\n    {method}\n"
    made = convert_library(library("web-tools", step("http_request"), source=source))
    assert made.notes == ()
    assert "executor" in _manifest(made)["steps"][0]


def test_what_code_imports_is_reported_and_never_guessed() -> None:
    head = "import requests, winreg, os.path\nfrom bs4 import BeautifulSoup\nimport common\n"
    source = code("A", "http_request", head=head)
    files = library(
        "web-tools", step("http_request"), source=source, files={"common.py": b"X = 1\n"}
    )
    made = convert_library(files)
    (note,) = _notes(made)
    assert "'bs4', 'requests'" in note
    assert "winreg" not in note
    assert "common" not in note
    assert "python_requirements" not in _manifest(made)
    assert made.files["executors/common.py"] == b"X = 1\n"


def test_the_code_is_never_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    source = f"open({str(mark)!r}, 'w').close()\n" + code("A", "http_request")
    check_incoming(library("web-tools", step("http_request"), source=source))
    assert not mark.exists()


def test_what_has_no_place_is_reported_by_step_and_field() -> None:
    odd = step(
        "http_request",
        retries=3,
        parameters={
            "secret": {"type": "password", "description": "It", "hint": "x", "validation": {}},
            "many": {"type": "integer", "validation": {"minLength": 2, "step": 5}},
            "bad": {"type": "number", "default": "thirty"},
        },
        examples=[
            {"name": "Good", "parameters": {"many": 1}, "note": "x"},
            {"name": "Bad", "parameters": {"gone": 1}},
        ],
    )
    made = convert_library(library("web-tools", odd))
    said = "\n".join(_notes(made))
    for words in (
        "the step 'http_request': 'retries' has no place here",
        "the step 'http_request', its parameter 'secret': the type 'password'",
        "the step 'http_request', its parameter 'secret': 'hint' has no place here",
        "the step 'http_request', its parameter 'many': 'step' has no place here",
        "the step 'http_request', its parameter 'bad': the default is not one it takes",
        "the step 'http_request': its example 'Bad' is not one that it takes",
        "the step 'http_request': 'note' has no place here",
    ):
        assert words in said
    written = json.loads(made.files["steps/http_request.json"])
    assert written["parameters"]["secret"] == {
        "type": "string",
        "secret": True,
        "description": "It",
        "validation": {},
    }
    assert written["parameters"]["many"]["validation"] == {"min_length": 2}
    assert [one["name"] for one in written["examples"]] == ["Good"]
    assert errors_of(check_release(made.files, strict=False).problems) == ()


def test_files_go_to_their_places_and_the_rest_is_named() -> None:
    files = library(
        files={
            "README.md": b"# Web tools\n",
            "LICENSE": b"MIT\n",
            "requirements.txt": b"requests\n",
            "json.py": b"",
            "conftest.py": b"",
            "run_json_parse.py": b"",
            "opsconductor_adapter.py": b"",
            "lib/inner.py": b"",
            "notes.bin": b"x",
        }
    )
    made = convert_library(files)
    assert made.files["docs/README.md"] == b"# Web tools\n"
    assert made.files["LICENSE"] == b"MIT\n"
    left = {note.file for note in made.notes}
    assert left == {
        "requirements.txt",
        "json.py",
        "conftest.py",
        "run_json_parse.py",
        "opsconductor_adapter.py",
        "lib/inner.py",
        "notes.bin",
    }
    assert b"opsconductor_adapter" in made.files["executors/run_json_parse.py"]


@pytest.mark.parametrize(
    "name",
    ["../../evil", "a/b", "", "A", "x.json", ".git", "a\nb", "a" * 200, "con/..", None, 7, ["x"]],
)
def test_hostile_names_of_steps_are_refused(name: object) -> None:
    files = library(manifest={"metadata": metadata("web-tools"), "steps": [{"name": name}]})
    with pytest.raises(InvalidLibraryError, match="is not a step name"):
        convert_library(files)


@pytest.mark.parametrize("name", ["../evil", "core", "a--b", "A", "x\ny", None, 5])
def test_hostile_names_of_libraries_are_refused(name: object) -> None:
    files = library(manifest={"metadata": metadata("x") | {"name": name}, "steps": [step("ok")]})
    with pytest.raises(InvalidLibraryError):
        check_incoming(files)


def test_two_steps_of_one_file_are_refused() -> None:
    with pytest.raises(InvalidLibraryError, match="two steps are named"):
        convert_library(library("x", step("a.b"), step("a_b")))


@pytest.mark.parametrize(
    "manifest",
    [
        {"metadata": {}, "steps": []},
        {"metadata": [], "steps": [{"name": "x"}]},
        {"metadata": {}, "steps": [{"name": "x", "file": "steps/x.json"}]},
        {"name": "x", "metadata": {}, "steps": [{"name": "x"}]},
        {"metadata": {}},
        [],
        "metadata",
    ],
)
def test_nothing_ambiguous_is_taken_for_one_on_install(manifest: Any) -> None:
    raw = json.dumps(manifest).encode()
    assert not is_opsconductor({"manifest.json": raw})
    with pytest.raises(InvalidLibraryError):
        check_incoming({"manifest.json": raw})


@pytest.mark.parametrize("raw", [b"", b"{", b'{"metadata": ' * 100, b'\xff"metadata"'])
def test_what_is_no_json_is_none(raw: bytes) -> None:
    assert not is_opsconductor({"manifest.json": raw})


def test_notes_have_an_end() -> None:
    odd = step("x", **{f"field{n}": 1 for n in range(5_000)})
    made = convert_library(library("x", odd))
    assert len(made.notes) == DEFAULT_LIMITS.problems_reported + 1
    assert "4,800 more things" in str(made.notes[-1])


def test_too_many_steps_are_refused_before_any_is_converted() -> None:
    steps = [step(f"s{n}") for n in range(DEFAULT_LIMITS.steps_per_release + 1)]
    with pytest.raises(InvalidLibraryError, match="501 steps"):
        convert_library(library("x", *steps))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("1" + "0" * 30, id="large"),
        pytest.param("1" + "0" * 5000, id="larger"),
        pytest.param("1e400", id="infinite"),
        pytest.param("-0.0", id="zero"),
        pytest.param('"\\ud800"', id="surrogate"),
        pytest.param("[[[[]]]]", id="nested"),
        pytest.param("null", id="null"),
        pytest.param('""', id="empty"),
        pytest.param("{}", id="object"),
    ],
)
@pytest.mark.parametrize("place", ["default", "options", "validation", "type", "examples", "tags"])
def test_no_value_anywhere_is_more_than_a_refusal(place: str, value: str) -> None:
    parameter = {"type": "number", "default": 1, "description": "x"}
    odd = step("x", parameters={"p": parameter}, examples=[{"name": "e", "parameters": {"p": 1}}])
    holder = odd if place in {"examples", "tags"} else odd["parameters"]["p"]
    holder[place] = "HERE"
    files = library("odd", odd, source=code("A", "x"))
    files["manifest.json"] = files["manifest.json"].replace(b'"HERE"', value.encode())
    with suppress(InvalidLibraryError):
        check_incoming(files)
