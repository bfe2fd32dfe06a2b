"""The ids of the rules: stable, each tested by name, each in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from builder.content_rules.rule_ids import RULES
from builder.content_rules.rule_problems import error

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs/review.md"


@pytest.mark.parametrize("rule", RULES)
def test_rule_has_a_test_that_names_it(rule: str) -> None:
    sources = [path.read_text() for path in HERE.glob("test_*.py")]
    assert any(f'"{rule}"' in source for source in sources)


def test_page_lists_every_rule() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    assert dict(rows) == dict(RULES)


def test_rule_that_is_not_listed_cannot_be_reported() -> None:
    with pytest.raises(KeyError):
        error("unheard-of", "x", "x", "x")
