from pathlib import Path

import pytest

from tests.installed import opsteps
from tests.registry.making import files, new_registry, put, write_files

LONG = "configuration-management-with-a-long-name"


def strict_files(version: str = "1.0.0") -> dict[str, bytes]:
    """A library that the policy of a new registry takes."""
    return files(
        version=version, step_fields={"permissions": {}}, extra={"tests/test_copy.py": b""}
    )


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with two libraries; nobody changes it."""
    path = tmp_path_factory.mktemp("command-line") / "steps"
    registry = new_registry(path)
    text = "Restarts services on every machine of a group, in the order of what they need."
    put(registry, files(LONG, description=text, display_name="Configuration management for groups"))
    put(registry, files("file-tools", description=text))
    registry.close()
    return path


@pytest.fixture
def own_place(tmp_path: Path) -> Path:
    """A registry that a test may change."""
    path = tmp_path / "own steps"
    opsteps(tmp_path, "init", path)
    opsteps(tmp_path, "add", write_files(tmp_path / "library", strict_files()), "-r", path)
    opsteps(tmp_path, "release", "file-tools", "-r", path)
    return path
