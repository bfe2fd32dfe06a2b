from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.real_server import making_place, step


@pytest.fixture(scope="session")
def with_large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``alpha``, and ``large``, whose steps make a list of about 200 kB."""
    with making_place(tmp_path_factory.mktemp("slow") / "registry") as made:
        made.publish("alpha", "1.0.0")
        steps = [step(f"s{n}.do", description="Does it. " * 200) for n in range(100)]
        made.publish("large", "1.0.0", steps)
        yield made.path
