"""``opsteps new``: what comes out works as it is, whatever the library is called."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from builder.authoring.library_template import NewLibrary, Template, library_files
from builder.quality.facts import QualityFacts
from builder.quality.scoring import score
from registry.checks.release import check_release
from registry.names import LIBRARY_NAME_PATTERN, is_library_name, parse_library_name, title_of
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.release import release
from registry.transactions.transaction import Actor
from tests.installed import OPSTEPS
from tests.registry.making import git

every_template = pytest.mark.parametrize("template", Template)
REPOSITORY = Path(__file__).resolve().parents[3]
BY = Actor(name="ada")


def wanted(name: str = "file-tools", template: Template = Template.FILES) -> NewLibrary:
    return NewLibrary(
        name=parse_library_name(name),
        template=template,
        author="Ada",
        license="MIT",
        date="2026-11-23",
    )


def opsteps(where: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, *arguments],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def tree(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


@every_template
@settings(max_examples=25)
@given(name=st.from_regex(LIBRARY_NAME_PATTERN.replace("$", r"\Z"), fullmatch=False))
@example(name="a")
@example(name="a" * 64)
@example(name="my-library")
@example(name="x-1-2-3")
def test_any_name_gives_a_library_without_a_problem(template: Template, name: str) -> None:
    assume(is_library_name(name))
    files = library_files(wanted(name, template))
    checked = check_release(files, name=name, version="0.1.0", strict=True)
    assert checked.problems == ()
    assert checked.content is not None
    assert checked.content.manifest.display_name == title_of(parse_library_name(name))
    everything = b"\n".join(files.values())
    assert name == "my-library" or b"my-library" not in everything
    assert f"`{name}.".encode() in everything or f"## {name}.".encode() in everything


@every_template
def test_a_template_is_added_and_released_as_it_is(template: Template, tmp_path: Path) -> None:
    files = library_files(wanted(template=template))
    with init_registry(tmp_path / "registry", name="steps", title="Steps", by=BY) as registry:
        added = add_release(registry, files, by=BY)
        released = release(registry, added.name, by=BY)
        assert added.problems == ()
        notes = git(tmp_path / "registry", "tag", "-l", "--format=%(contents)", released.tag)
    assert "The first steps." in notes


@every_template
def test_its_own_tests_pass_where_nothing_of_this_project_is(
    template: Template, tmp_path: Path
) -> None:
    made = opsteps(tmp_path, "new", "file-tools", "--template", template)
    assert made.returncode == 0, made.stderr
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "file-tools"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    # What the tests leave behind is no part of the library.
    checked = opsteps(tmp_path, "validate", "file-tools")
    assert "no problems" in checked.stderr, checked.stdout


@every_template
def test_each_step_explains_itself(template: Template) -> None:
    files = library_files(wanted(template=template))
    steps = [json.loads(raw) for path, raw in files.items() if path.startswith("steps/")]
    for step in steps:
        assert step["examples"]
        assert step["tags"]
        assert all(p["description"] for p in step["parameters"].values())
        assert step["returns"]["required"]
        name = f"file-tools.{step['name']}"
        assert name.encode() in files["docs/README.md"]
        for parameter in step["parameters"]:
            assert f"`{parameter}`".encode() in files["docs/README.md"]


def test_executors_start_no_shell_and_follow_no_redirect() -> None:
    for template in Template:
        for path, raw in library_files(wanted(template=template)).items():
            if path.startswith("executors/"):
                assert b"shell=" not in raw
                assert b"os.system" not in raw
                assert b"urlopen" not in raw


def test_a_registry_decides_schema_and_licence(tmp_path: Path) -> None:
    init_registry(
        tmp_path / "registry", name="s", title="S", url="https://steps.example.com/", by=BY
    ).close()
    facts = tmp_path / "registry/registry.yaml"
    facts.write_text(facts.read_text().replace("licenses: []", "licenses: [Apache-2.0, MIT]"))
    made = opsteps(tmp_path / "registry", "new", "net-tools", "--template", "http")
    assert made.returncode == 0, made.stderr
    assert "opsteps add net-tools --registry ." in made.stdout
    manifest = json.loads((tmp_path / "registry/net-tools/manifest.json").read_text())
    assert manifest["$schema"] == "https://steps.example.com/schemas/manifest.schema.json"
    assert manifest["license"] == "Apache-2.0"


def test_the_author_is_whom_git_knows(tmp_path: Path) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Ada Lovelace\n\temail = ada@example.com\n")
    made = opsteps(tmp_path, "new", "tools", GIT_CONFIG_GLOBAL=str(config))
    assert made.returncode == 0, made.stderr
    manifest = json.loads((tmp_path / "tools/manifest.json").read_text())
    assert (manifest["author"], manifest["author_email"]) == ("Ada Lovelace", "ada@example.com")
    assert "publisher" not in manifest


def test_options_win(tmp_path: Path) -> None:
    options = ["--author", "Eve <eve@example.com>", "--publisher", "acme", "--license", "0BSD"]
    made = opsteps(tmp_path, "new", "tools", "--into", "a/b", *options)
    assert made.returncode == 0, made.stderr
    manifest = json.loads((tmp_path / "a/b/tools/manifest.json").read_text())
    assert manifest["author"] == "Eve"
    assert manifest["author_email"] == "eve@example.com"
    assert (manifest["publisher"], manifest["license"]) == ("acme", "0BSD")


@pytest.mark.parametrize(
    "options",
    [["--license", "no such licence"], ["--author", "a\nb"], ["--author", "Eve <not an address>"]],
)
def test_what_no_manifest_may_hold_makes_nothing(tmp_path: Path, options: list[str]) -> None:
    made = opsteps(tmp_path, "new", "tools", *options)
    assert made.returncode == 1
    assert "manifest.json" in made.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["directory", "file", "dangling link"])
def test_what_is_there_is_never_touched(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "tools"
    if kind == "directory":
        place.mkdir()
        (place / "mine").write_text("mine")
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to(tmp_path / "nowhere")
    before = tree(tmp_path)
    made = opsteps(tmp_path, "new", "tools")
    assert made.returncode == 5
    assert "there is something here already" in made.stderr
    assert tree(tmp_path) == before
    assert place.is_symlink() == (kind == "dangling link")


@pytest.mark.parametrize("name", ["../evil", "Tools", "con", "core", "-x", "a--b", "a" * 65, ""])
def test_a_name_that_breaks_the_rules_makes_nothing(tmp_path: Path, name: str) -> None:
    made = opsteps(tmp_path, "new", "--", name)
    assert made.returncode == 2
    assert list(tmp_path.iterdir()) == []


@every_template
def test_the_quality_score_finds_nothing_to_improve(template: Template) -> None:
    files = library_files(wanted(template=template))
    content = check_release(files, strict=True).content
    assert content is not None
    documents = {name: files[f"docs/{name}"] for name in ("README.md", "CHANGELOG.md")}
    facts = QualityFacts(
        content=content,
        as_of="2026-11-23T00:00:00Z",
        newest="2026-11-23T00:00:00Z",
        signed=True,
        has_tests=True,
        documents=documents,
    )
    assert {item.key: item.improve for item in score(facts).criteria if item.improve} == {}
