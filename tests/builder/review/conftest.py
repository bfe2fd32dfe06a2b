from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builder.review.changing import Changing
from tests.registry.making import files, new_registry, put


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[Changing]:
    """file-tools 1.0.0 and 1.1.0, released; jill owns it, olga operates the registry."""
    with new_registry(tmp_path / "registry") as registry:
        put(registry, files())
        put(registry, files(version="1.1.0"))
        made = Changing(registry=registry)
        made.git("reset", "-q", "--hard")
        made.write_facts({**made.facts(), "owners": ["jill"]})
        made.write_registry()
        made.settle()
        yield made
