import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from builder.validation import outcome_cache, parallel, targets
from builder.validation.parallel import check_targets
from builder.validation.targets import Checked, Target, check_target, find_targets
from registry.errors import NotFoundError
from registry.problems import Problem, errors_of
from registry.publishing.add import add_release
from registry.snapshots.cache_place import cache_directory_of
from registry.transactions.transaction import Actor
from tests.installed import OPSTEPS
from tests.registry.making import (
    commit_all,
    encode,
    files,
    git,
    new_registry,
    put,
    step,
    write_files,
)

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, "validate", *map(str, arguments)],
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
    hint = "A registry may demand more: name it with --registry"
    assert done.stderr == f"{hint}\n1 checked: no problems\n"


def test_each_problem_is_one_line_with_its_place(bad: Path) -> None:
    done = run(bad)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("steps/copy.json:12:13: error: 11 is out of range")
    assert lines[1].startswith("steps/copy.json:5:18: warning: HTML is shown as text")
    assert done.stderr == "1 checked: 1 error, 1 warning\n"


def test_quiet_shows_errors_only(bad: Path) -> None:
    done = run(bad, "--quiet")
    assert "warning" not in done.stdout
    assert done.stderr == "1 checked: 1 error\n"


def test_json_is_a_list_of_problems(bad: Path) -> None:
    done = run(bad, "--json")
    assert done.returncode == 1
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert set(found[0]) == {
        "rule", "file", "message", "expected", "pointer", "line", "column", "severity",
    }  # fmt: skip
    assert [problem["severity"] for problem in found] == ["error", "warning"]
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
    assert [problem.rule for problem in problems(path)] == ["description-missing"]


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


def test_file_of_problems_is_written_and_text_is_shown(bad: Path, tmp_path: Path) -> None:
    done = run(bad, "--format", "sarif", "--output", tmp_path / "x.sarif")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    results = json.loads((tmp_path / "x.sarif").read_text())["runs"][0]["results"]
    assert [result["level"] for result in results] == ["error", "warning"]


def test_annotations_name_files_from_where_the_command_runs(bad: Path) -> None:
    lines = run(bad, "--format", "github").stdout.splitlines()
    assert [line.partition(",")[0] for line in lines[:2]] == [
        f"::error file={bad}/steps/copy.json", f"::warning file={bad}/steps/copy.json",
    ]  # fmt: skip


def test_junit_of_one_library_is_one_case(bad: Path) -> None:
    done = run(bad, "--format", "junit")
    assert done.stdout.count("<testcase ") == 1
    assert "<failure" in done.stdout


def test_output_that_cannot_be_written_is_explained(bad: Path, tmp_path: Path) -> None:
    done = run(bad, "--format", "junit", "--output", tmp_path / "missing/x.xml")
    assert done.returncode == 11
    assert "--output" in done.stderr


def test_formats_contradict_each_other(bad: Path) -> None:
    assert run(bad, "--json", "--format", "sarif").returncode == 2
    assert run(bad, "--actor", "x").returncode == 2


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
        ("layout", "libraries/README.md"),
        ("layout", "libraries/file-tools/one"),
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


# --- what did not change is not checked again -----------------------------------------------------


def kept(registry: Path) -> Path:
    return cache_directory_of(registry / ".git") / "validated.json"


def checked(root: Path) -> list[Problem]:
    return list(check_targets(find_targets(root), root))


def count_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets that are really checked from now on."""
    counted: list[str] = []

    def counting(target: Target) -> Checked:
        counted.append(target.shown)
        return targets.checked(target)

    monkeypatch.setattr(parallel, "checked", counting)
    return counted


def test_nothing_is_checked_twice(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checked(registry) == []
    counted = count_checks(monkeypatch)
    assert checked(registry) == []
    assert counted == []


def test_problems_are_remembered_as_they_were(registry: Path) -> None:
    write_files(
        registry / "libraries/html-tools/1.0.0", files("html-tools", description="<b>x</b>")
    )
    commit_all(registry)
    first = checked(registry)
    assert [problem.rule for problem in first] == ["text-html"]
    assert checked(registry) == first


@pytest.mark.parametrize("staged", [False, True])
def test_edited_release_is_checked_again(
    registry: Path, monkeypatch: pytest.MonkeyPatch, staged: bool
) -> None:
    checked(registry)
    counted = count_checks(monkeypatch)
    write_files(registry / "libraries/file-tools/1.0.0", {"manifest.json": b"{"})
    if staged:
        git(registry, "add", "-A")
    assert {problem.rule for problem in checked(registry)} == {"json-syntax"}
    assert counted == ["libraries/file-tools/1.0.0"]


def test_edit_of_the_same_size_and_time_is_found(registry: Path) -> None:
    checked(registry)
    file = registry / "libraries/file-tools/1.0.0/manifest.json"
    before = file.stat()
    file.write_bytes(file.read_bytes().replace(b"MIT", b"M\xffT"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert {problem.rule for problem in checked(registry)} == {"json-syntax"}


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_file_that_git_was_told_to_ignore_is_checked(registry: Path, flag: str) -> None:
    checked(registry)
    path = "libraries/file-tools/1.0.0/manifest.json"
    git(registry, "update-index", flag, path)
    (registry / path).write_bytes(b"{")
    assert {problem.rule for problem in checked(registry)} == {"json-syntax"}


def test_new_files_are_checked_also_ignored_ones(registry: Path) -> None:
    checked(registry)
    write_files(registry, {".gitignore": b"*.md\n"})
    write_files(registry / "libraries/file-tools/1.0.0", {"docs/a.md": b"<script>"})
    write_files(registry / "libraries/file-tools/1.2.0", {"manifest.json": b"{"})
    assert {problem.rule for problem in checked(registry)} >= {"json-syntax", "text-active"}
    (registry / "libraries/file-tools/1.3.0").mkdir()
    assert "manifest-missing" in {problem.rule for problem in checked(registry)}


def test_replaced_release_with_a_known_tree_is_its_own(registry: Path) -> None:
    """The same files under another name have other problems."""
    checked(registry)
    write_files(registry / "libraries/file-tools/2.0.0", files())
    commit_all(registry)
    checked(registry)
    assert {problem.rule for problem in checked(registry)} == {"directory-mismatch"}


@pytest.mark.parametrize("odd", [b"", b"\xff", b"{}", b"x" * 64 + b"\n{}"])
def test_corrupt_memory_is_thrown_away(registry: Path, odd: bytes) -> None:
    write_files(
        registry / "libraries/html-tools/1.0.0", files("html-tools", description="<b>x</b>")
    )
    commit_all(registry)
    first = checked(registry)
    kept(registry).write_bytes(odd)
    assert checked(registry) == first
    assert kept(registry).stat().st_size > 100


def test_other_rules_forget_everything(registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(registry)
    monkeypatch.setattr(outcome_cache, "rules_version", lambda: "other")
    counted = count_checks(monkeypatch)
    checked(registry)
    assert len(counted) == 5


def test_many_releases_are_spread_over_processes(tmp_path: Path) -> None:
    with new_registry(tmp_path / "registry") as made:
        path = made.path
    for number in range(200):
        name = f"tools-{number}"
        write_files(path / f"libraries/{name}/1.0.0", files(name, description="<b>x</b>"))
    commit_all(path)
    first = checked(path)
    assert [problem.file for problem in first] == sorted(problem.file for problem in first)
    assert len(first) == 200
    assert checked(path) == first


# --- what a change brings -------------------------------------------------------------------------


def test_change_is_reviewed_against_its_base(registry: Path) -> None:
    write_files(registry / "libraries/file-tools/1.0.0", {"docs/README.md": b"# Edited\n"})
    commit_all(registry)
    done = run(registry, "--base", "HEAD~1", "--actor", "tester")
    assert done.returncode == 1
    assert "libraries/file-tools/1.0.0/docs/README.md: error" in done.stdout
    assert "(release-edited)" in done.stdout
    assert done.stderr == "1 checked: 1 error\n"
    assert run(registry, "--base", "HEAD", "--actor", "tester").returncode == 0
    assert run(registry, "--base", "HEAD~2", "--head", "HEAD~1").returncode == 0


def test_review_in_every_format(registry: Path, tmp_path: Path) -> None:
    write_files(registry / "libraries/file-tools/1.0.1", files(version="1.0.2"))
    commit_all(registry)
    arguments = (registry, "--base", "HEAD~1", "--actor", "tester", "--format")
    assert json.loads(run(*arguments, "json").stdout)[0]["rule"] == "directory-mismatch"
    assert "title=directory-mismatch::" in run(*arguments, "github").stdout
    assert "directory-mismatch" in run(*arguments, "sarif").stdout
    done = run(*arguments, "junit", "--output", tmp_path / "problems.xml")
    assert "directory-mismatch" in done.stdout
    assert "<failure" in (tmp_path / "problems.xml").read_text()


@pytest.mark.parametrize("base", ["nowhere", "--all", "HEAD:registry.yaml"])
def test_base_that_is_no_commit_is_explained(registry: Path, base: str) -> None:
    done = run(registry, f"--base={base}")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_base_without_common_history_is_explained(registry: Path) -> None:
    other = git(registry, "commit-tree", "-m", "x", "HEAD^{tree}")
    done = run(registry, "--base", other)
    assert done.returncode == 6
    assert "fetch-depth: 0" in done.stderr


def test_advisories_of_a_registry_are_checked(tmp_path: Path) -> None:
    registry = new_registry(tmp_path / "registry")
    registry.close()
    write_files(registry.path, {"advisories/OPS-2026-1.yaml": b"id: [1]\n"})
    problems = [
        problem for target in find_targets(registry.path) for problem in check_target(target)
    ]
    assert any(
        problem.file == "advisories/OPS-2026-1.yaml" for problem in errors_of(tuple(problems))
    )
