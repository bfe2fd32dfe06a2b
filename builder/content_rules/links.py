"""Links in a release's documents: relative ones name files that are there, anchors headings."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import unquote, urlsplit

from builder.content_rules.rule_problems import error, warning
from builder.markdown.anchors import anchors_of
from builder.markdown.parsing import Event, TooCostlyError, document_events, ranged_events
from registry.limits import DEFAULT_LIMITS
from registry.problems import Problem, Severity

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


def _read(content: bytes) -> _Document:
    text = content.decode(errors="replace")
    try:
        events = document_events(text)
    except TooCostlyError:
        return _Document(links=(), anchors=frozenset())
    begins = list(accumulate((len(line) + 1 for line in text.encode().split(b"\n")), initial=0))
    links = (
        (target, bisect_right(begins, place))
        for event, place in ranged_events(text)
        if (target := _target(event))
    )
    return _Document(links=tuple(dict.fromkeys(links)), anchors=frozenset(anchors_of(events)))


def _target(event: Event) -> str:
    start = event.get("Start") if event.__class__ is dict else None
    if start.__class__ is not dict:
        return ""
    part = start.get("Link") or start.get("Image")
    if part is None or part["link_type"] == "Email":
        return ""
    return str(part["dest_url"])
