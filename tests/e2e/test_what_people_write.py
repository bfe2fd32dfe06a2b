"""What people write, through the command as they start it: told once, all at once, errors first."""

import json
import re
from pathlib import Path

import pytest

from tests.installed import opsteps
from tests.registry.making import EXECUTOR, encode, files, write_files

MANIFEST = """{
  // written by hand
  "name": "Greet_Kit",
  "version": "v1.0",
  "display_name": "Greet kit",
  "description": "Greets.",
  "author": "Ada",
  "licence": "MIT",
  "license": "Apache 2.0",
  "homepage": "www.example.com",
  "platform_support": ["Linux"],
  "dependencies": ["core>=1.0,<2", "not a requirement!"],
  "trial_days": "7",
  "steps": [
    {"file": "steps\\\\say.json", "executor": "executors/say.py"},
    {"file": "steps/wave.json", "executor": "executors/wavee.py"},
    "steps/nod.json",
  ],
}
"""
SAY = {
    "name": "Greet Say",
    "color": "#fff",
    "inputs": 11,
    "description": "<script>",
    "parameters": {
        "who": {"type": "text"},
        "tone": {"type": "select", "options": ["warm"], "default": "cold"},
        "pause": {"type": "number", "validation": {"min": "1", "max": 5}, "default": "soon"},
        "shape": {"type": "string", "validation": {"pattern": "(?=x)"}},
    },
    "permissions": {"network": ["{host}"]},
    "examples": [{"description": "no name"}, {"name": "Two", "parameters": {"tone": "loud"}}],
}
# Rule, file and the line that it is told at; each is planted above.
PLANTED = {
    ("json-syntax", "manifest.json", 2),
    ("json-syntax", "manifest.json", 17),
    ("json-syntax", "manifest.json", 18),
    ("schema-pattern", "manifest.json", 3),
    ("schema-pattern", "manifest.json", 4),
    ("schema-additionalProperties", "manifest.json", 8),
    ("license", "manifest.json", 9),
    ("schema-pattern", "manifest.json", 10),
    ("schema-enum", "manifest.json", 11),
    ("name", "manifest.json", 12),
    ("schema-type", "manifest.json", 13),
    ("schema-pattern", "manifest.json", 15),
    ("file-missing", "manifest.json", 16),
    ("schema-type", "manifest.json", 17),
    ("schema-pattern", "steps/say.json", 2),
    ("schema-pattern", "steps/say.json", 3),
    ("schema-maximum", "steps/say.json", 4),
    ("text-active", "steps/say.json", 5),
    ("schema-enum", "steps/say.json", 8),
    ("step-meaning", "steps/say.json", 15),
    ("schema-type", "steps/say.json", 20),
    ("step-meaning", "steps/say.json", 23),
    ("step-meaning", "steps/say.json", 28),
    ("step-meaning", "steps/say.json", 34),
    ("schema-required", "steps/say.json", 38),
    ("example", "steps/say.json", 44),
    ("executor-entry", "executors/say.py", 1),
    ("link-broken", "docs/README.md", 3),
    ("link-outside", "docs/README.md", 5),
    ("text-active", "docs/README.md", 7),
    ("asset-type", "assets/logo.svg", 0),
}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    content = {
        "manifest.json": MANIFEST.encode(),
        "steps/say.json": encode(SAY),
        "steps/wave.json": encode({"name": "greet.wave", "description": "Waves."}),
        "steps/nod.json": encode({"name": "greet.nod", "description": "Nods."}),
        "executors/say.py": b"def run(): pass\n",
        "executors/wave.py": EXECUTOR,
        "docs/README.md": b"# Kit\n\n[a](missing.md)\n\n[b](../../x.md)\n\n<script>\n",
        "assets/logo.svg": b"<svg/>",
    }
    return write_files(tmp_path / "kit", content)


def test_one_round_tells_every_planted_fault(broken: Path) -> None:
    found = json.loads(opsteps(broken.parent, "validate", "kit", "--json", expect=1))
    told = {(p["rule"], p["file"], p["line"]) for p in found}
    assert told >= PLANTED
    # And nothing that would be gone once those are mended.
    assert {rule for rule, _, _ in told - PLANTED} <= {"changelog-missing", "description-missing"}
    severities = [p["severity"] for p in found]
    assert severities == sorted(severities)
    assert all("^" not in p["message"] + p["expected"] for p in found)


def test_add_says_each_problem_once_and_counts_errors_apart(broken: Path) -> None:
    opsteps(broken.parent, "init", "registry")
    said = opsteps(broken.parent, "add", "kit", "-r", "registry", expect=1)
    lines = said.splitlines()
    assert len(lines) == len(set(lines))
    assert re.search(r"^opsteps: kit: \d+ errors, \d+ warnings?$", said, re.MULTILINE)
    kinds = [line.split(": ")[1] for line in lines if ": error: " in line or ": warning: " in line]
    assert kinds == sorted(kinds)


def test_directory_that_holds_one_library_is_that_library(tmp_path: Path) -> None:
    write_files(tmp_path / "near/deeper/kit", files())
    assert "1 checked: no problems" in opsteps(tmp_path, "validate", "near")
    write_files(tmp_path / "near/other/kit", files())
    said = opsteps(tmp_path, "validate", "near", expect=1)
    assert "there are 2 libraries here, in 'deeper/kit', 'other/kit'" in said


def test_directory_that_is_no_library_is_one_message(tmp_path: Path) -> None:
    library = write_files(tmp_path / "near/deeper/kit", files())
    (tmp_path / "empty").mkdir()
    inside = library / "docs"
    for directory, expected in ((tmp_path / "empty", "opsteps new"), (inside, str(library))):
        said = opsteps(tmp_path, "validate", directory, expect=1)
        assert "this directory is not a library: there is no manifest.json in it" in said
        assert expected in said
        assert said.splitlines()[-1] == "1 checked: 1 error"
        assert "take it out of manifest.json" not in said


def test_directory_of_a_registry_with_another_name_is_renamed(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "registry")
    write_files(tmp_path / "registry/libraries/Greet_Kit/v1.0.0", files("greet-kit"))
    said = opsteps(tmp_path, "validate", "registry", expect=1)
    assert "rename it to '1.0.0'" in said
    assert "rename it to 'greet-kit'" in said
    assert "write 'v1.0.0'" not in said


def test_strict_registry_takes_what_new_begins(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "registry")
    for template in ("files", "http", "command", "definitions"):
        name = f"my-{template}"
        opsteps(tmp_path, "new", name, "--template", template)
        opsteps(tmp_path, "add", name, "-r", "registry")
        opsteps(tmp_path, "release", name, "-r", "registry")
    said = opsteps(
        tmp_path, "add", write_files(tmp_path / "x", files()), "-r", "registry", expect=1
    )
    assert "the registry's policy demands it" in said


def test_schema_that_new_names_is_there(tmp_path: Path) -> None:
    opsteps(tmp_path, "new", "kit")
    for file in ("manifest.json", "steps/text_search.json"):
        path = tmp_path / "kit" / file
        named = path.parent / json.loads(path.read_bytes())["$schema"]
        assert json.loads(named.read_bytes())["properties"]["name"]
    opsteps(tmp_path, "init", "registry")
    opsteps(tmp_path, "add", "kit", "-r", "registry")
    assert not list((tmp_path / "registry").rglob("*.schema.json"))


def test_tests_run_by_what_new_prints(tmp_path: Path) -> None:
    said = opsteps(tmp_path, "new", "kit")
    (line,) = [line.strip() for line in said.splitlines() if line.rstrip().endswith("pytest kit")]
    assert Path(line.split()[0]).exists()
    # Where there is none, a way to one is printed.
    env = {"PATH": "/usr/bin:/bin"}
    assert "-m pytest other" in opsteps(tmp_path, "new", "other", env=env)
    opsteps(tmp_path, "init", "registry")
    for page in ("kit/docs/README.md", "registry/README.md"):
        text = (tmp_path / page).read_text()
        assert "`python -m pip install pytest`" in text
        assert "`python -m pytest" in text
