"""Read what a commit says of itself: summary, reason, trailers, author, signature.

Every byte of it is a stranger's. Nothing here raises for bad input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.problems import printable

PLAIN_COMMIT = "commit"
"""The operation of a commit without trailers: a person made it with Git."""
_SUMMARY_CHARACTERS = 200
_REASON_CHARACTERS = 4_000
_FIELD_CHARACTERS = 200
_BLANK_LINES = re.compile(r"\n{2,}")
_TRAILER = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,63}): (\S.*)\Z", re.DOTALL)
_OPERATION = re.compile(r"[a-z][a-z-]{0,63}\Z")
_AUTHOR = re.compile(rb"^author (.*) <[^<>\n]*> -?\d+ [+-]\d+$", re.MULTILINE)
_SIGNATURE = b"gpgsig"


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A commit's message; ``actor`` and ``request`` are empty without trailers."""

    summary: str
    reason: str
    operation: str
    actor: str = ""
    request: str = ""


def read_message(raw: bytes) -> Message:
    """The message of a raw commit.

    Trailers are the last paragraph, if each line of it is one, it names an operation and an actor,
    and something comes before it. The first of each key counts.
    """
    text = raw.partition(b"\n\n")[2].decode(errors="replace").strip("\n")
    paragraphs = _BLANK_LINES.split(text) if text else []
    trailers = _trailers(paragraphs[-1]) if len(paragraphs) > 1 else {}
    operation, actor = trailers.get("Operation", ""), trailers.get("Actor", "")
    has_trailers = bool(_OPERATION.match(operation) and actor)
    body = paragraphs[1:-1] if has_trailers else paragraphs[1:]
    summary = _line(paragraphs[0] if paragraphs else "", _SUMMARY_CHARACTERS)
    reason = _line(" ".join(body), _REASON_CHARACTERS)
    if not has_trailers:
        return Message(summary=summary, reason=reason, operation=PLAIN_COMMIT)
    return Message(
        summary=summary,
        reason=reason,
        operation=operation,
        actor=_line(actor, _FIELD_CHARACTERS),
        request=_line(trailers.get("Request-Id", ""), _FIELD_CHARACTERS),
    )


def _trailers(paragraph: str) -> dict[str, str]:
    """Key → value of a paragraph that holds nothing else; empty for any other."""
    found: dict[str, str] = {}
    for line in paragraph.split("\n"):
        match = _TRAILER.match(line)
        if match is None:
            return {}
        found.setdefault(match[1], match[2])
    return found


def _line(text: str, characters: int) -> str:
    """One line that a terminal can show; what is longer is cut."""
    words = " ".join(text.split(None))
    return printable(words if len(words) <= characters else f"{words[: characters - 1]}…")


def author_of(raw: bytes) -> str:
    """The author's name that a raw commit states."""
    found = _AUTHOR.search(raw.partition(b"\n\n")[0])
    name = found[1].decode(errors="replace") if found is not None else ""
    return _line(name, _FIELD_CHARACTERS) or "unknown"


def split_signature(raw: bytes) -> tuple[bytes, bytes] | None:
    """Return the signed bytes and the signature; None unless a raw commit has exactly one."""
    header, blank, message = raw.partition(b"\n\n")
    kept: list[bytes] = []
    signature: list[bytes] = []
    inside = False
    for line in header.split(b"\n"):
        if inside and line.startswith(b" "):
            signature.append(line[1:])
            continue
        key, _, value = line.partition(b" ")
        inside = key == _SIGNATURE
        if not inside:
            if key.startswith(_SIGNATURE):  # for another kind of repository
                return None
            kept.append(line)
        elif signature:  # a second one
            return None
        else:
            signature.append(value)
    if not signature:
        return None
    return b"\n".join(kept) + blank + message, b"\n".join(signature)
