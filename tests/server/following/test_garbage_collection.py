"""What the collector is told beside other threads: none of them notices."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator

import pytest

from server.following.garbage_collection import Collecting
from tests.server.real_server import ROOT


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_nobody_asks_for_all_objects() -> None:
    """It holds tuples that other threads are making, and there these fail with SystemError."""
    rooms = [ROOT / room for room in ("registry", "builder", "server")]
    sources = [path for room in rooms for path in room.rglob("*.py")]
    asked = re.compile(r"gc\.(get_objects|get_referrers|get_referents)\(")
    assert [str(path) for path in sources if asked.search(path.read_text("utf-8"))] == []


def test_what_grew_is_frozen_and_what_is_little_is_not() -> None:
    moments = iter([0.0, 1.0, 1.0, 3.0, 3.0, 3.4, 4.0, 4.6, 4.6, 7.0])
    collecting = Collecting(lambda: next(moments))
    gc.unfreeze()
    collecting.collect()
    frozen = gc.get_freeze_count()
    assert frozen > 0
    kept = [[number] for number in range(1_000)]
    collecting.collect()  # 0.4 s of 2 s: not yet a quarter
    assert gc.get_freeze_count() <= frozen
    collecting.collect()  # 0.6 s
    assert gc.get_freeze_count() > frozen
    assert len(kept) == 1_000
