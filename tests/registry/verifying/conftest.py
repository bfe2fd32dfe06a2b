"""The registry that every test of `verify` begins with, made once and copied for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.registry.verifying.scene import Keys, Scene, make_scene


@pytest.fixture(scope="session")
def made_scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = make_scene(tmp_path_factory.mktemp("scene") / "registry", Keys())
    yield scene
    scene.registry.close()


@pytest.fixture
def scene(made_scene: Scene, tmp_path: Path) -> Iterator[Scene]:
    copied = made_scene.copy(tmp_path / "registry")
    yield copied
    copied.registry.close()
