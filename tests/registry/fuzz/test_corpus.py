"""What fuzzing found, again: each property holds for all that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.registry.fuzz.properties import PROPERTIES, SEEDS

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("name", PROPERTIES)
def test_the_kept_corpus_holds(name: str) -> None:
    kept = sorted((CORPUS / name).iterdir())
    assert len(kept) > len(SEEDS[name])
    for path in kept:
        PROPERTIES[name](path.read_bytes())


def test_the_corpus_is_small() -> None:
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 400_000


@pytest.mark.parametrize("name", PROPERTIES)
@given(raw=st.binary(max_size=300))
def test_any_bytes_hold(name: str, raw: bytes) -> None:
    PROPERTIES[name](raw)
