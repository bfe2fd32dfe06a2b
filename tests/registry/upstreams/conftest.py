"""Two real registries: ours, and one that libraries are installed from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.snapshots.registry import Registry
from tests.registry.making import files, new_registry, put
from tests.registry.upstreams.scene import Scene, make_scene


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[Registry]:
    """An upstream with ``base-tools`` 1.0.0 and 1.1.0, and ``top-tools``, which needs it."""
    with new_registry(tmp_path / "theirs") as registry:
        put(registry, files("base-tools", "1.0.0"))
        put(registry, files("base-tools", "1.1.0"))
        put(registry, files("top-tools", "1.0.0", dependencies=["base-tools>=1,<2"]))
        yield registry


@pytest.fixture
def scene(tmp_path: Path, theirs: Registry) -> Iterator[Scene]:
    """Our registry, with that one as the upstream ``pub``, fetched."""
    with new_registry(tmp_path / "ours") as registry:
        made = make_scene(registry)
        made.declare("pub", theirs.path)
        made.upstreams().refresh()
        yield made
        made.close()
