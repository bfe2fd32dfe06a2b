import shutil
from pathlib import Path

import pytest

from registry.files.code_fingerprint import code_fingerprint
from registry.files.shipped import ROOT, MissingFilesError, shipped

_A_FILE_OF_EACH_KIND = (
    "formats/schemas/step.schema.json",
    "publishing/registry_template/templates/gitignore",
    "library/core.json",
    "names.py",
    "verifying/history.py",
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "registry", tmp_path / "registry")
    return tmp_path


@pytest.mark.parametrize("name", _A_FILE_OF_EACH_KIND)
def test_a_change_of_any_file_changes_the_fingerprint(copied: Path, name: str) -> None:
    """An upgrade that changed only a schema once served the records of before."""
    before = code_fingerprint("registry", root=copied)
    file = copied / "registry" / name
    file.write_bytes(file.read_bytes() + b"\n")
    code_fingerprint.cache_clear()
    assert code_fingerprint("registry", root=copied) != before


def test_a_new_file_and_one_that_is_gone_change_it(copied: Path) -> None:
    seen = {code_fingerprint("registry", root=copied)}
    (copied / "registry/new.json").write_text("{}")
    code_fingerprint.cache_clear()
    seen.add(code_fingerprint("registry", root=copied))
    (copied / "registry/library/core.json").unlink()
    code_fingerprint.cache_clear()
    seen.add(code_fingerprint("registry", root=copied))
    assert len(seen) == 3


def test_what_python_compiled_and_where_it_lies_do_not_count(copied: Path) -> None:
    (copied / "registry/__pycache__").mkdir(exist_ok=True)
    (copied / "registry/__pycache__/names.pyc").write_bytes(b"compiled")
    assert code_fingerprint("registry", root=copied) == code_fingerprint("registry")


def test_files_of_the_project_are_found_and_a_lack_is_said() -> None:
    assert (shipped("catalog-site") / "templates").is_dir()
    assert (shipped("examples/registry") / "libraries").is_dir()
    with pytest.raises(MissingFilesError, match="nothing-of-ours is missing"):
        shipped("nothing-of-ours")
