"""Links in a release's documents: relative ones name files that are there, anchors headings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from builder.content_rules.rule_problems import error, warning
from registry.limits import DEFAULT_LIMITS
from registry.problems import Problem, Severity

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_NOT_GITHUB = re.compile(r"[^\w\- ]")
_NESTING = 20
# What every link has in it that may name a file: inline, or as a definition.
_LINK_MARKS = (b"](", b"]:")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Document:
    """The targets of a document's links with their lines, and the anchors of its headings."""

    links: tuple[tuple[str, int], ...]
    anchors: frozenset[str]


def link_problems(paths: Collection[str], contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """Every link of a release's Markdown documents that leads nowhere.

    ``paths`` are all files of the release, ``contents`` those that were read.
    """
    texts = {
        path: content
        for path, content in contents.items()
        if path.lower().endswith(".md") and len(content) <= DEFAULT_LIMITS.readme_bytes
    }
    # Most releases link to nothing of their own, and Markdown is slow to read.
    if not any(mark in content for content in texts.values() for mark in _LINK_MARKS):
        return
    documents = {path: _read(content) for path, content in texts.items()}
    folders = {path[: place.start()] for path in paths for place in re.finditer("/", path)}
    places = folders | set(paths)
    for path, document in documents.items():
        for target, line in document.links:
            problem = _wrong(path, target, places, documents)
            if problem is not None:
                yield _at(problem, line)


def dead_targets(path: str, text: str, paths: Collection[str]) -> tuple[str, ...]:
    """Targets of links in one document that lead out of the release or to no file of it."""
    document = _read(text.encode())
    found = {target: _wrong(path, target, set(paths), {}) for target, _ in document.links}
    return tuple(
        target
        for target, problem in found.items()
        if problem is not None and problem.severity is Severity.ERROR
    )


def _at(problem: Problem, line: int) -> Problem:
    return Problem(
        rule=problem.rule,
        file=problem.file,
        message=problem.message,
        expected=problem.expected,
        line=line,
        column=1,
        severity=problem.severity,
    )


def _wrong(
    path: str,
    target: str,
    places: set[str],
    documents: Mapping[str, _Document],
) -> Problem | None:
    try:
        parts = urlsplit(target)
    except ValueError:
        return None
    if parts.scheme or parts.netloc:
        return None
    shown = target[:80]
    named = path
    if parts.path:
        named = posixpath.normpath(
            posixpath.join(posixpath.dirname(path), unquote(parts.path))
        ).rstrip("/")
        if parts.path.startswith("/") or named == ".." or named.startswith("../"):
            message = f"the link {shown!r} leads out of the release"
            return error("link-outside", path, message, "name a file of the release, or a full URL")
        if named != "." and named not in places:
            message = f"the link {shown!r} names no file of the release"
            return error("link-broken", path, message, "name a file that is there")
    fragment = unquote(parts.fragment)
    if fragment and named in documents and fragment not in documents[named].anchors:
        message = f"the link {shown!r} names no heading of {named}"
        return warning("anchor-broken", path, message, "name a heading that is there")
    return None


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _NESTING})
    return parser.enable(["table", "strikethrough"])


def _read(content: bytes) -> _Document:
    tokens = _parser().parse(content.decode(errors="replace"))
    links: list[tuple[str, int]] = []
    anchors: set[str] = set()
    seen: dict[str, int] = {}
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 1
        links.extend((target, line) for target in _targets(token))
        if token.type == "heading_open":
            anchors.update(_anchors(tokens[index + 1].content, seen))
    return _Document(links=tuple(dict.fromkeys(links)), anchors=frozenset(anchors))


def _targets(token: Token) -> Iterator[str]:
    for child in token.children or ():
        name = {"link_open": "href", "image": "src"}.get(child.type)
        target = child.attrGet(name) if name else None
        if isinstance(target, str) and target:
            yield target


def _anchors(heading: str, seen: dict[str, int]) -> Iterator[str]:
    """Yield a heading's anchors in the catalogue and on Git hosts: authors see both."""
    ours = _NOT_SLUG.sub("-", heading.lower()).strip("-")[:60] or "section"
    theirs = _NOT_GITHUB.sub("", heading.lower().strip()).replace(" ", "-")
    for slug, first in ((ours, 1), (f" {theirs}", 0)):
        count = seen[slug] = seen.get(slug, 0) + 1
        number = count - 1 + first
        yield f"{slug.strip()}-{number}" if count > 1 else slug.strip()
