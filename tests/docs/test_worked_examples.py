"""The examples in docstrings (``>>>``) are true."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for room in ("registry", "builder", "server")
    for path in (ROOT / room).rglob("*.py")
    if "\n    >>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_are_true(module: str) -> None:
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted
    assert not result.failed


def test_rules_that_are_easier_shown_than_said_have_an_example() -> None:
    assert {
        "builder.diff.permissions",
        "builder.diff.required",
        "builder.diff.schema_subset",
        "registry.formats.timestamps",
        "registry.library.digest",
        "registry.names",
        "registry.versions",
    } <= set(MODULES)
