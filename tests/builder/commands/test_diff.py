"""``opsteps diff`` on a real registry: what it chooses, what it shows, how it ends."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import opsteps
from registry.library.release_state import ReleaseState
from registry.publishing.add import add_release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from tests.registry.making import NAME, commit_all, files, git, new_registry, put, write_files

Output = pytest.CaptureFixture[str]
SOURCE = {"source": {"type": "file", "required": True}}
MORE = {"more": {"type": "string"}}
MODE = {"mode": {"type": "select", "options": ["fast", "safe"]}}


def run(*arguments: object) -> int:
    """Run the command line in this process; returns its exit code."""
    with pytest.raises(SystemExit) as ended:
        opsteps.main(["diff", *map(str, arguments)])
    code = ended.value.code
    return code if isinstance(code, int) else int(code is not None)


def release(version: str, parameters: dict[str, Any], name: str = NAME) -> dict[str, bytes]:
    return files(name, version, step_fields={"parameters": parameters})


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """file-tools 1.0.0 and 1.1.0 (an optional parameter more)."""
    made = new_registry(tmp_path / "registry")
    put(made, release("1.0.0", SOURCE))
    put(made, release("1.1.0", SOURCE | MODE))
    yield made
    made.close()


def test_the_last_two_releases(registry: Registry, capsys: Output) -> None:
    assert run(NAME, "-r", registry.path) == 0
    assert capsys.readouterr().out.splitlines() == [
        "file-tools 1.0.0 → 1.1.0",
        '  minor  file.copy /parameters/mode: a parameter was added (is "select")',
        "  what changed since 1.0.0 demands 1.1.0; 1.1.0 is enough",
    ]


def test_a_candidate_that_breaks_callers_is_refused(registry: Registry, capsys: Output) -> None:
    add_release(registry, release("1.2.0", SOURCE), by=Actor(name="tester"))
    for arguments in ([], [NAME], [NAME, "1.1.0"], [NAME, "1.1.0", "1.2.0"]):
        assert run(*arguments, "-r", registry.path) == 1
        out = capsys.readouterr().out
        assert "major  file.copy /parameters/mode: a parameter was removed" in out
        assert "demands 2.0.0; 1.2.0 is too low" in out


def test_a_candidate_below_is_compared_with_what_is_below_it(
    registry: Registry, capsys: Output
) -> None:
    put(registry, release("2.0.0", {}))
    add_release(registry, release("1.1.1", SOURCE | MODE), by=Actor(name="tester"))
    assert run(NAME, "-r", registry.path) == 0
    assert "file-tools 1.1.0 → 1.1.1" in capsys.readouterr().out


def test_the_other_way_round_nothing_is_demanded(registry: Registry, capsys: Output) -> None:
    assert run(NAME, "1.1.0", "1.0.0", "-r", registry.path) == 0
    assert "this is a major change" in capsys.readouterr().out


def test_a_release_that_is_not_there(registry: Registry, capsys: Output) -> None:
    assert run(NAME, "1.0.0", "3.0.0", "-r", registry.path) == 4
    assert "has no release 3.0.0" in capsys.readouterr().err
    assert run("other-tools", "-r", registry.path) == 4
    assert run("-r", registry.path, "--all", NAME) == 2
    assert run("-r", registry.path, "--json", "--markdown") == 2


def test_no_candidate_is_no_failure(registry: Registry, capsys: Output) -> None:
    assert run("-r", registry.path) == 0
    assert "no candidate" in capsys.readouterr().out
    assert run("-r", registry.path, "--markdown") == 0
    assert capsys.readouterr().out == "There is nothing to compare.\n"


@pytest.mark.parametrize(
    ("version", "parameters", "code", "said"),
    [
        ("1.2.0", SOURCE | MODE, 0, "so 1.1.1 would do; 1.2.0 is enough"),
        ("1.2.0", SOURCE, 1, "demands 2.0.0; 1.2.0 is too low"),
        ("2.0.0-rc.1", SOURCE, 0, "demands 2.0.0; 2.0.0-rc.1 is enough"),
        ("1.1.0", SOURCE | MODE, 0, "the interface is the same"),
        (
            "1.1.0",
            SOURCE | MODE | {"more": {"type": "string"}},
            1,
            "demands 1.2.0; 1.1.0 is too low",
        ),
        ("0.9.0", {}, 0, "no lower stable release"),
    ],
)
def test_a_work_in_progress(
    registry: Registry,
    tmp_path: Path,
    capsys: Output,
    version: str,
    parameters: dict[str, Any],
    code: int,
    said: str,
) -> None:
    draft = write_files(tmp_path / "draft", release(version, parameters))
    assert run(draft, "-r", registry.path) == code
    assert said in capsys.readouterr().out


def test_a_zip_and_a_directory_named_like_a_library(
    registry: Registry, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = release("1.1.1", SOURCE | MODE)
    with zipfile.ZipFile(tmp_path / "draft.zip", "w") as archive:
        for path, content in draft.items():
            archive.writestr(path, content)
    write_files(tmp_path / NAME, draft)
    monkeypatch.chdir(tmp_path)
    for source in ("draft.zip", NAME):
        assert run(source, "-r", registry.path) == 0
        assert f"file-tools 1.1.0 → 1.1.1 ({source})" in capsys.readouterr().out
    assert run(NAME, "1.0.0", "1.1.0", "-r", registry.path) == 0
    assert "file-tools 1.0.0 → 1.1.0\n" in capsys.readouterr().out


def test_a_work_in_progress_with_mistakes(
    registry: Registry, tmp_path: Path, capsys: Output
) -> None:
    draft = write_files(tmp_path / "draft", {"manifest.json": b"{}"})
    assert run(draft, "-r", registry.path) == 1
    assert "opsteps validate" in capsys.readouterr().err
    assert run("./nothing", "-r", registry.path) == 4


def test_json(registry: Registry, capsys: Output) -> None:
    hidden = {"secret": {"type": "string", "default": None}}
    add_release(registry, release("1.2.0", SOURCE | hidden), by=Actor(name="tester"))
    put(registry, release("1.0.0", SOURCE, name="other-tools"))
    assert run("-r", registry.path, "--json") == 1
    (only,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert only["library"] == NAME
    assert (only["old"], only["new"], only["least"]) == ("1.1.0", "1.2.0", "2.0.0")
    assert (only["bump"], only["ok"]) == ("major", False)
    assert only["changes"][0] == {
        "bump": "major",
        "kind": "parameter-removed",
        "step": "file.copy",
        "pointer": "/parameters/mode",
        "message": "a parameter was removed",
        "before": "select",
    }


def test_markdown_is_a_table(registry: Registry, capsys: Output) -> None:
    mode = {"mode": {"type": "select", "options": ["fast", "safe", "a|b"]}}
    add_release(registry, release("1.2.0", SOURCE | mode), by=Actor(name="tester"))
    assert run("-r", registry.path, "--markdown") == 0
    assert capsys.readouterr().out.splitlines() == [
        "### `file-tools` 1.1.0 → 1.2.0",
        "",
        "✅ what changed since 1.1.0 demands 1.2.0; 1.2.0 is enough",
        "",
        "| demands | where | what | before | after |",
        "| --- | --- | --- | --- | --- |",
        '| minor | `file.copy` `/parameters/mode/options` | an option was added |  | `"a\\|b"` |',
    ]


def test_colours_only_on_a_terminal(
    registry: Registry, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(NAME, "1.1.0", "1.0.0", "-r", registry.path)
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")
    run(NAME, "1.1.0", "1.0.0", "-r", registry.path)
    assert "\x1b[31m  major" in capsys.readouterr().out


def test_all_counts_what_releases_broke(registry: Registry, capsys: Output) -> None:
    put(registry, release("1.1.1", SOURCE))
    put(registry, release("2.0.0", {}))
    put(registry, release("0.1.0", SOURCE, name="young-tools"))
    put(registry, release("0.2.0", {}, name="young-tools"))
    assert run("--all", "-r", registry.path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["libraries"], found["releases"], found["compared"]) == (2, 6, 4)
    assert (found["first"], found["unread"], found["broke_silently"]) == (2, 0, 1)
    assert found["breaks"] == [
        {"kind": "parameter-removed", "releases": 3, "silent": 1, "libraries": 1}
    ]
    (low,) = found["too_low"]
    assert (low["new"], low["least"], low["kinds"]) == ("1.1.1", "2.0.0", ["parameter-removed"])
    assert run("--all", "-r", registry.path, "--markdown") == 0
    assert "| major | 1 | 1 | 1 | 3 |" in capsys.readouterr().out
    assert run("--all", "-r", registry.path) == 0
    assert "1 of these (25.0%), in 1 libraries, broke callers" in capsys.readouterr().out


def test_a_yanked_release_is_not_compared_with(registry: Registry, capsys: Output) -> None:
    library = registry.snapshot().library(NAME)
    assert [r.state for r in library.releases] == [ReleaseState.RELEASED] * 2
    git(registry.path, "reset", "--hard", "-q")
    facts = registry.path / "libraries" / NAME / "library.yaml"
    text = facts.read_text() + 'yanked:\n  "1.1.0":\n    reason: It was wrong.\n'
    facts.write_text(text)
    commit_all(registry.path)
    add_release(registry, release("1.2.0", SOURCE), by=Actor(name="tester"))
    assert run("-r", registry.path) == 0
    assert "file-tools 1.0.0 → 1.2.0" in capsys.readouterr().out


def test_core_has_one_release(registry: Registry, capsys: Output) -> None:
    assert run("core", "-r", registry.path) == 0
    assert "no lower stable release" in capsys.readouterr().out
