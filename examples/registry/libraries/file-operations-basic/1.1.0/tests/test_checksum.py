"""file.checksum."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import call, ok, refused


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of more than one block."""
    path = tmp_path / "data"
    path.write_bytes(b"0123456789abcdef" * 40_000)
    return path


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1", "md5"])
def test_every_algorithm_gives_its_checksum(path: Path, algorithm: str) -> None:
    output = ok("file.checksum", {"path": str(path), "algorithm": algorithm})
    expected = hashlib.new(algorithm, path.read_bytes(), usedforsecurity=False).hexdigest()
    assert output["checksum"] == expected
    assert output["size_bytes"] == 640_000
    assert "matches" not in output


def test_what_was_expected_is_compared_in_either_case(path: Path) -> None:
    expected = hashlib.sha256(path.read_bytes()).hexdigest().upper()
    assert ok("file.checksum", {"path": str(path), "expected": expected})["matches"] is True


def test_a_difference_fails_and_shows_both(path: Path) -> None:
    result = call("file.checksum", {"path": str(path), "expected": "0" * 64})
    assert not result["success"]
    assert result["output"]["matches"] is False
    assert result["output"]["checksum"] in result["error"]


@pytest.mark.parametrize("expected", ["0" * 63, "0" * 128, "z" * 64, ""])
def test_an_expectation_that_cannot_be_met_is_refused(path: Path, expected: str) -> None:
    error = refused("file.checksum", {"path": str(path), "expected": expected})
    assert "64 hexadecimal digits" in error


def test_an_unknown_algorithm_is_refused(path: Path) -> None:
    assert "one of" in refused("file.checksum", {"path": str(path), "algorithm": "crc32"})
