import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from builder.validating import check_target, find_targets
from registry.adding import add_release
from registry.errors import NotFoundError
from registry.operation import Actor
from registry.problems import Problem
from tests.registry.making import encode, files, git, new_registry, put, step, write_files

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "opsteps.py", "validate", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip


def problems(path: Path) -> list[Problem]:
    return [problem for target in find_targets(path) for problem in check_target(target)]


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    broken = {**files(), "steps/copy.json": encode(step(inputs=11, description="<b>x</b>"))}
    return write_files(tmp_path / "bad", broken)


def test_good_library_ends_with_0(tmp_path: Path) -> None:
    done = run(write_files(tmp_path / "good", files()))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "1 checked: 0 errors, 0 warnings\n"


def test_each_problem_is_one_line_with_its_place(bad: Path) -> None:
    done = run(bad)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("steps/copy.json:5:18: warning: HTML is shown as text")
    assert lines[1].startswith("steps/copy.json:12:13: error: 11 is greater than the maximum of 10")
    assert done.stderr == "1 checked: 1 errors, 1 warnings\n"


def test_quiet_shows_errors_only(bad: Path) -> None:
    assert "warning" not in run(bad, "--quiet").stdout


def test_json_is_a_list_of_problems(bad: Path) -> None:
    done = run(bad, "--json")
    assert done.returncode == 1
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert set(found[0]) == {
        "rule", "file", "message", "expected", "pointer", "line", "column", "severity",
    }  # fmt: skip
    assert [problem["severity"] for problem in found] == ["warning", "error"]
    assert json.loads(run(bad.parent / "bad/docs", "--json").stdout)[0]["rule"]


def test_warnings_alone_end_with_0(tmp_path: Path) -> None:
    done = run(write_files(tmp_path / "x", files(description="<b>x</b>")), "--json")
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == 1


def test_zip_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files(description="").items():
            archive.writestr(f"top/{name}", data)
    assert [problem.rule for problem in problems(path)] == ["schema-minLength"]


def test_file_that_is_no_zip_is_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    (problem,) = problems(path)
    assert (problem.rule, problem.file) == ("source", str(path))
    assert problem.expected
    assert run(path).returncode == 1


def test_nothing_there_ends_with_4_and_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path / "missing")
    assert done.returncode == 4
    assert "there is no library and no registry here" in done.stderr
    assert "Name a directory with a manifest.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_directory_of_libraries_is_explained(tmp_path: Path) -> None:
    write_files(tmp_path / "a", files())
    with pytest.raises(NotFoundError):
        find_targets(tmp_path)


def test_unreadable_entries_do_not_hide_the_other_problems(bad: Path) -> None:
    (bad / "docs/link.md").symlink_to("/etc/passwd")
    (bad / "docs/README.md").write_bytes(b"x" * 50_000_000)
    found = {(problem.rule, problem.file) for problem in problems(bad)}
    assert found == {
        ("source", "docs/link.md"),
        ("limit-file-size", "docs/README.md"),
        ("schema-maximum", "steps/copy.json"),
        ("text-html", "steps/copy.json"),
    }
    assert all(problem.expected for problem in problems(bad))


def test_odd_file_names_are_printed_escaped(tmp_path: Path) -> None:
    write_files(tmp_path / "x", files(extra={"docs/\x1b[31mred.md": b"<script>"}))
    Path(os.fsdecode(os.fsencode(tmp_path / "x/docs") + b"/\xff.md")).write_bytes(b"x")
    done = run(tmp_path / "x")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred.md" in done.stdout


# --- a registry --------------------------------------------------------------------------------


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        add_release(made, files("good-one"), by=Actor(name="tester"))
    git(made.path, "reset", "-q", "--hard")
    return made.path


def test_good_registry_has_no_problem(registry: Path) -> None:
    done = run(registry)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("5 checked")


def test_everything_wrong_in_a_registry_is_found_at_once(registry: Path) -> None:
    root = registry / "libraries"
    write_files(root / "Bad_Name/1.0.0", files())
    write_files(root / "file-tools/one", files())
    write_files(root / "file-tools/2.0.0", files(version="3.0.0"))
    write_files(root / "good-one", {"notes.txt": b"x", "library.yaml": b"a: 1\na: 2\n"})
    write_files(root, {"README.md": b"x"})
    (root / "linked").symlink_to("good-one")
    (root / "good-one/3.0.0").symlink_to("1.0.0")
    write_files(registry, {"instances/production/file-tools.yaml": b"enabled: maybe\n"})
    (registry / "instances/production/dir.yaml").mkdir()
    write_files(registry, {"registry.yaml": b"name: x\n"})
    found = {(problem.rule, problem.file) for problem in problems(registry)}
    assert found == {
        ("schema-required", "registry.yaml"),
        ("layout", "libraries/Bad_Name/1.0.0"),
        ("directory-mismatch", "libraries/Bad_Name/1.0.0/manifest.json"),
        ("layout", "libraries/README.md"),
        ("layout", "libraries/file-tools/one"),
        ("directory-mismatch", "libraries/file-tools/one/manifest.json"),
        ("directory-mismatch", "libraries/file-tools/2.0.0/manifest.json"),
        ("layout", "libraries/good-one/notes.txt"),
        ("yaml-syntax", "libraries/good-one/library.yaml"),
        ("path", "libraries/good-one/3.0.0"),
        ("path", "libraries/linked"),
        ("schema-type", "instances/production/file-tools.yaml"),
        ("source", "instances/production/dir.yaml"),
    }
    assert all(problem.expected for problem in problems(registry))
    assert run(registry).returncode == 1
