"""Sockets that a stranger holds open do not keep others from being answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.slow_sockets import assert_answers, crowd, head
from tests.server.real_server import making_place, serving

_SLOW_BODY = head(
    "POST", "/api/v1/resolve", "Content-Type: application/json", "Content-Length: 60000"
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with making_place(tmp_path_factory.mktemp("slow") / "registry") as made:
        made.publish("alpha", "1.0.0")
        yield made.path


def test_600_slow_bodies(registry: Path) -> None:
    """With default settings: half of them from one address, the others from six more."""
    with serving(registry, "--no-catalogue") as client, crowd(client.port, b" ") as strangers:
        strangers.open(300, _SLOW_BODY)
        for number in range(6):
            strangers.open(50, _SLOW_BODY, f"127.0.0.{number + 2}")
        assert_answers(client.port)
        assert_answers(client.port, "127.0.0.9")
