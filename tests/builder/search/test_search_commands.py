from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

import opsteps
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry

Output = pytest.CaptureFixture[str]


def run(*arguments: object) -> int:
    """Run the command line in this process; returns its exit code."""
    with pytest.raises(SystemExit) as ended:
        opsteps.main([str(argument) for argument in arguments])
    code = ended.value.code
    return code if isinstance(code, int) else int(code is not None)


def test_piped_results_are_one_line_each_after_a_header(tools: Registry, capsys: Output) -> None:
    assert run("search", "file", "--registry", tools.path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "kind\tid\ttitle\tcategory\tpremium\tsummary"
    assert lines[1].split("\t")[:3] == ["library", "file-operations@1.0.0", "File operations"]
    assert all(line.count("\t") == 5 for line in lines)


def test_a_mistake_is_mended_and_nothing_found_is_an_exit_code(
    tools: Registry, capsys: Output
) -> None:
    assert run("search", "certifcates", "--registry", tools.path) == 0
    shown = capsys.readouterr()
    assert "Did you mean: certificates" in shown.err
    assert "network-tools@" in shown.out
    assert run("search", "zzzzqqqq file", "--premium", "--registry", tools.path) == 4
    assert "Nothing was found" in capsys.readouterr().err


def test_filters_and_json(tools: Registry, capsys: Output) -> None:
    assert run("search", "--premium", "--kind", "step", "-r", tools.path, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [hit["id"] for hit in answer["hits"]] == ["network-tools.dns.lookup"]
    assert answer["facets"]["category"] == {"Network": 1}


def test_an_unknown_kind_is_refused(tools: Registry) -> None:
    assert run("search", "x", "--kind", "thing", "-r", tools.path) == 2


def test_the_index_is_kept_with_its_user_and_not_beside_the_registry(tools: Registry) -> None:
    run("search", "x", "-r", tools.path)
    assert (cache_directory(tools) / "search" / "state.json").is_file()
    assert not (tools.path / ".git" / "opsteps" / "search").exists()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_index_that_turns_out_damaged_is_made_anew(tools: Registry, capsys: Output) -> None:
    run("search", "file", "-r", tools.path)
    expected = capsys.readouterr().out
    segment = next((cache_directory(tools) / "search").glob("*/*.seg"))
    # As long as before, so that only reading it shows the damage.
    segment.write_bytes(b"\xff" * segment.stat().st_size)
    assert run("search", "file", "-r", tools.path) == 0
    assert capsys.readouterr().out == expected
    gc.collect()


def test_a_library_is_shown(tools: Registry, capsys: Output) -> None:
    assert run("show", "file-operations", "-r", tools.path) == 0
    out = capsys.readouterr().out
    assert out.startswith("file-operations 1.0.0: File operations\n")
    assert "file.copy" in out


def test_a_step_of_a_release_is_shown_and_as_on_the_wire(tools: Registry, capsys: Output) -> None:
    assert run("show", "file-operations.file.copy@1.0.0", "-r", tools.path) == 0
    assert "overwrite  (boolean)" in capsys.readouterr().out
    assert run("show", "file-operations.file.copy", "-r", tools.path, "--json") == 0
    step = json.loads(capsys.readouterr().out)
    assert (step["type"], step["library"]) == ("file.copy", "file-operations")


@pytest.mark.parametrize(
    "what", ["absent", "file-operations.absent", "file-operations@9.9.9", "core.absent"]
)
def test_what_is_not_there_is_exit_code_4(tools: Registry, capsys: Output, what: str) -> None:
    assert run("show", what, "-r", tools.path) == 4
    assert "opsteps:" in capsys.readouterr().err


def test_no_registry_is_said_so(tmp_path: Path, capsys: Output) -> None:
    assert run("search", "x", "-r", tmp_path) == 3
    assert capsys.readouterr().err
