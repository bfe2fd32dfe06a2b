"""Find words and phrases that readers stumble over; the list of them is in wording.toml."""

from __future__ import annotations

import ast
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("registry", "builder", "server")
_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md")
_KINDS = {"strings", "docstrings", "docs"}
_TEMPLATES = "catalog-site/templates/*.html"
# Text of a template, and not of its language; of a page, and not of an example in it.
_NOT_TEXT = re.compile(r"\{[{%#].*?[}%#]\}|^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LIST = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A phrase to avoid, and where."""

    phrase: re.Pattern[str]
    instead: str
    where: frozenset[str]
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A text of the project: its kind, and its place."""

    kind: str
    place: str
    words: str


RULES = tuple(
    Rule(
        phrase=re.compile(rule["phrase"]),
        instead=rule["instead"],
        where=frozenset(rule["where"]),
        example=rule["example"],
    )
    for rule in _LIST["rules"]
)


def found_in(texts: Iterable[Text]) -> Iterator[str]:
    """Yield a line for each phrase that is found, with what to write instead."""
    for text in texts:
        for rule in RULES:
            match = rule.phrase.search(text.words) if text.kind in rule.where else None
            if match is not None:
                around = text.words[max(0, match.start() - 30) : match.end() + 30]
                yield f"{text.place}: '…{around}…': write {rule.instead}"


def all_texts() -> Iterator[Text]:
    """Yield every text of the rooms, of the documentation and of the templates."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "library_templates" not in path.parts:
                yield from texts_of_code(path.relative_to(ROOT).as_posix(), path.read_bytes())
    for pattern in (*_PAGES, _TEMPLATES):
        for path in sorted(ROOT.glob(pattern)):
            words = _NOT_TEXT.sub("`…`", path.read_text(encoding="utf-8"))
            yield _text("docs", path.relative_to(ROOT).as_posix(), words)


def texts_of_code(place: str, source: bytes) -> Iterator[Text]:
    """Yield the strings, docstrings and comments of a module."""
    documentation = set()
    for node in ast.walk(tree := ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation.add(node.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            kind = "docstrings" if node in documentation else "strings"
            yield _text(kind, f"{place}:{node.lineno}", node.value)
    yield from _comments(place, source)


def _comments(place: str, source: bytes) -> Iterator[Text]:
    """Yield the comments, each with those on the lines before it that it goes on from."""
    lines: list[str] = []
    last = 0
    for token in tokenize.tokenize(BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1 and lines:
                yield _comment(place, last, lines)
                lines = []
            last = token.start[0]
            lines.append(token.string.lstrip("# "))
    if lines:
        yield _comment(place, last, lines)


def _comment(place: str, last: int, lines: list[str]) -> Text:
    # A comment may begin with any word: only docstrings say what something is or does.
    return _text("docstrings", f"{place}:{last}", f"# {' '.join(lines)}")


def _text(kind: str, place: str, words: str) -> Text:
    return Text(kind=kind, place=place, words=" ".join(words.split()))


def main() -> int:
    """Print what is found; 1 when anything is, or when a kind of text was not read at all."""
    texts = list(all_texts())
    lines = [f"{kind}: nothing was read" for kind in sorted(_KINDS - {text.kind for text in texts})]
    lines += found_in(texts)
    print("\n".join(lines), end="\n" * bool(lines))
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
