"""The table in docs/versions.md is the rule: every row is compared, every kind is there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from builder.diff import BUMPS, ChangeKind
from tests.builder.diff.releases import difference

PAGE = Path(__file__).resolve().parents[3] / "docs/versions.md"
_ROW = re.compile(r"^\| `([a-z-]+)` \| (\w+) \| `(\{.*\})` \| `(\{.*\})` \|$", re.MULTILINE)
ROWS = [
    (ChangeKind(kind), demands, json.loads(before), json.loads(after))
    for kind, demands, before, after in _ROW.findall(PAGE.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("kind", "demands", "before", "after"), ROWS)
def test_the_row_is_true(
    kind: ChangeKind, demands: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = difference(before, after)
    assert {change.kind for change in found.changes} == {kind}
    assert found.bump.word == demands
    assert BUMPS[kind] is found.bump


def test_every_kind_of_change_has_a_row() -> None:
    assert {kind for kind, *_ in ROWS} == set(ChangeKind) == set(BUMPS)
