import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.git.object_ids import blob_id, tree_id
from registry.library.digest import release_digest
from tests.registry.making import git

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
NAMES = st.sampled_from(["a", "a.b", "a-b", "ab", "a0", "ä", "日本", "Z", "a.json", "steps", "🎈"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)


def without_conflicts(files: dict[str, bytes]) -> dict[str, bytes]:
    return {
        path: data
        for path, data in files.items()
        if not any(other.startswith(f"{path}/") for other in files)
    }


FILES = st.dictionaries(PATHS, st.binary(max_size=8), min_size=1, max_size=12).map(
    without_conflicts
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["about"])
def test_vector(vector: dict[str, object]) -> None:
    files = {path: bytes.fromhex(data) for path, data in dict(vector["files"]).items()}  # type: ignore[call-overload]
    assert release_digest(files) == vector["digest"]
    assert tree_id(files) == vector["tree"]


def test_blob_id_is_gits_for_the_empty_blob() -> None:
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_digest_by_hand_with_coreutils_in_mind() -> None:
    # printf x > a; sha256sum a | sha256sum
    assert release_digest({"a": b"x"}) == VECTORS[1]["digest"]


def test_digest_does_not_depend_on_the_order_or_the_unicode_form() -> None:
    decomposed = unicodedata.normalize("NFD", "ä")
    assert release_digest({"b": b"1", "ä": b"2"}) == release_digest({decomposed: b"2", "b": b"1"})


@given(FILES, FILES)
def test_digest_differs_when_files_differ(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (release_digest(one) == release_digest(other)) is (one == other)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("digest")
    git(path, "init", "-q")
    return path


@settings(max_examples=25)
@given(files=FILES)
def test_tree_id_is_gits(repository: Path, files: dict[str, bytes]) -> None:
    lines = []
    for path, data in files.items():
        blob = git(repository, "hash-object", "-w", "--stdin", stdin=data)
        lines.append(f"100644 {blob}\t{path}\0")
    (repository / ".git/index").unlink(missing_ok=True)
    git(repository, "update-index", "-z", "--index-info", stdin="".join(lines).encode())
    assert tree_id(files) == git(repository, "write-tree")
