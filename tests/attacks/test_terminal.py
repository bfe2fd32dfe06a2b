"""Text of strangers that would move the cursor, or read other than it is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.problems import printable_json
from registry.transactions.transaction import follow_head
from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, put, write_files

_HOSTILE = "a\u009b31mb\u202ec\u2066d\u200be\u0085f\u2028g\U000e0041h"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A registry with a commit and a candidate whose texts are hostile."""
    path = tmp_path / "registry"
    with new_registry(path) as made:
        put(made, files())
        follow_head(made)
    write_files(path / "libraries/file-tools/1.1.0", files(version="1.1.0", description=_HOSTILE))
    git(path, "add", ".")
    git(path, "commit", "--quiet", "--no-verify", "-m", f"Add {_HOSTILE}")
    return path


@pytest.mark.parametrize("text", [_HOSTILE, "ä\n", "\ud7ff\U0001f600", '"\\'])
def test_json_says_the_same_and_shows_nothing_hidden(text: str) -> None:
    raw = json.dumps({"text": [text]}, indent=2, ensure_ascii=False)
    shown = printable_json(raw)
    assert json.loads(shown) == {"text": [text]}
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("words", [("log", "--json"), ("log",), ("validate",)])
def test_no_command_prints_what_cannot_be_seen(hostile: Path, words: tuple[str, ...]) -> None:
    said = opsteps(hostile, *words, expect=1 if words[0] == "validate" else 0)
    assert said.replace("\n", "").replace("\t", "").isprintable()
