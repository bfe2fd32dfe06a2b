from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.real_server import Client, Place, making_place, serving, step


def _fill(made: Place) -> None:
    made.publish("alpha", "1.0.0")
    made.publish("alpha", "1.1.0", [step("file.copy"), step("file.move"), step("file.link")])
    made.publish(
        "beta", "1.0.0", [step("net.ping", category="network", platform_support=["linux"])]
    )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A registry with two libraries: ``alpha`` 1.0.0 and 1.1.0, ``beta`` 1.0.0."""
    with making_place(tmp_path / "registry") as made:
        _fill(made)
        yield made


@pytest.fixture(scope="session")
def standing_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The same libraries, for tests that only read."""
    with making_place(tmp_path_factory.mktemp("standing") / "registry") as made:
        _fill(made)
        yield made


@pytest.fixture(scope="session")
def client(standing_place: Place) -> Iterator[Client]:
    """A server over ``standing_place``, without catalogue, for tests that only read."""
    with serving(standing_place.path) as made:
        yield made
