"""``opsteps import opsconductor``, and ``opsteps install`` of the same file."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.installing.incoming import check_incoming
from tests.installed import opsteps
from tests.opsconductor_libraries import code, library, metadata, step, zipped


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    opsteps(tmp_path, "init", "steps")
    return tmp_path / "steps"


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def test_zip_directory_and_manifest_come_in_as_the_same_release(
    registry: Path, tmp_path: Path
) -> None:
    files = library()
    (tmp_path / "web-tools-v1.0.0.zip").write_bytes(zipped(files))
    _write(tmp_path / "web-tools", files)
    said = opsteps(tmp_path, "import", "opsconductor", "web-tools-v1.0.0.zip", registry)
    assert "Imported 1 release of 1 library" in said
    for source in ("web-tools", "web-tools/manifest.json"):
        again = opsteps(tmp_path, "import", "opsconductor", source, registry)
        assert "1 were there already" in again
    shown = json.loads(opsteps(tmp_path, "show", "web-tools", "-r", registry, "--json"))
    assert shown["version"] == "1.0.0"
    assert "Already there: web-tools 1.0.0" in opsteps(
        tmp_path, "install", "web-tools-v1.0.0.zip", "-r", registry
    )
    opsteps(tmp_path, "verify", "-r", registry)


def test_a_directory_of_libraries_comes_in_whole_each_once(registry: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "starter-libraries"
    _write(shelf / "web-tools", library())
    (shelf / "web-tools-v1.0.0.zip").write_bytes(zipped(library()))
    (shelf / "net-tools-v1.0.0.zip").write_bytes(zipped(library("net-tools")))
    (shelf / "README.md").write_text("# Starter libraries\n", encoding="utf-8")
    said = opsteps(tmp_path, "import", "opsconductor", shelf, registry)
    assert "Imported 2 releases of 2 libraries" in said
    assert "web-tools 1.0.0 once more, with the same content" in said


def test_what_is_not_converted_is_in_the_report(registry: Path, tmp_path: Path) -> None:
    source = code("A", "http_request", head="import requests\n")
    odd = library("odd", step("http_request", retries=3), step("gone"), source=source)
    bad = library("bad", step("../../evil"))
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf/odd.zip").write_bytes(zipped(odd))
    (tmp_path / "shelf/bad.zip").write_bytes(zipped(bad))
    (tmp_path / "shelf/other.zip").write_bytes(zipped({"manifest.json": b"{}"}))
    (tmp_path / "shelf/none.zip").write_bytes(b"no ZIP")
    report = json.loads(
        opsteps(tmp_path, "import", "opsconductor", "shelf", "--into", registry, "--json", expect=1)
    )
    left, adjusted, failed = report["left_out"], report["adjusted"], report["failed"]
    assert [one["file"] for one in left] == ["odd.zip: manifest.json /steps/0/retries"]
    assert {one["file"] for one in adjusted} == {
        "odd.zip: steps.py",
        "odd.zip: manifest.json /steps/1",
    }
    assert any("'requests'" in one["reason"] for one in adjusted)
    assert any("no method gone" in one["reason"] for one in adjusted)
    reasons = {one["file"]: one["reason"] for one in failed}
    assert set(reasons) == {"bad.zip", "other.zip", "none.zip"}
    assert "is not a step name" in reasons["bad.zip"]
    assert "no 'metadata' with inline 'steps'" in reasons["other.zip"]
    assert report["releases"] == 1


def test_nothing_to_import_is_said(registry: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = opsteps(tmp_path, "import", "opsconductor", "empty", registry, expect=14)
    assert "no library here" in said
    assert "no library here" in opsteps(
        tmp_path, "import", "opsconductor", "absent", registry, expect=14
    )


def test_install_of_a_file_converts_and_says_so(registry: Path, tmp_path: Path) -> None:
    files = library("odd", step("gone"), step("other"), source=code("A", "other"))
    (tmp_path / "odd.zip").write_bytes(zipped(files))
    said = opsteps(tmp_path, "install", "odd.zip", "-r", registry)
    assert "Installed odd 1.0.0" in said
    assert "steps.py has no method gone" in said


def test_import_warns_as_an_upload_does_and_of_what_is_not_there(
    registry: Path, tmp_path: Path
) -> None:
    needy = metadata("needy", dependencies=["gone>=1.0.0", "web-tools"], license="Odd-1.0")
    files = library(manifest={"metadata": needy, "steps": [step("http_request")]})
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf/needy.zip").write_bytes(zipped(files))
    (tmp_path / "shelf/web.zip").write_bytes(zipped(library()))
    text = opsteps(tmp_path, "import", "opsconductor", "shelf", registry, "--json")
    warned = json.loads(text)["warning"]
    assert ("needy 1.0.0", "it needs gone>=1.0.0, and there is no library gone here") in [
        (one["file"], one["reason"]) for one in warned
    ]
    assert not any("web-tools" in one["reason"] for one in warned)
    told = {str(problem.message) for problem in check_incoming(files).warnings}
    assert told
    assert told <= {one["reason"] for one in warned}


@pytest.mark.parametrize("broken", [None, "class A\n", ""])
def test_code_that_runs_nothing_burns_no_version(
    registry: Path, tmp_path: Path, broken: str | None
) -> None:
    files = library(source=broken or "")
    if broken is None:
        del files["steps.py"]
    (tmp_path / "x.zip").write_bytes(zipped(files))
    assert "steps.py" in opsteps(tmp_path, "install", "x.zip", "-r", registry, expect=1)
    assert "steps.py" in opsteps(tmp_path, "import", "opsconductor", "x.zip", registry, expect=1)
    (tmp_path / "x.zip").write_bytes(zipped(library()))
    assert "Installed web-tools 1.0.0" in opsteps(tmp_path, "install", "x.zip", "-r", registry)
