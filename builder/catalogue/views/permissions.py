"""The permissions of a step, in words that an operator understands before granting them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from builder.catalogue.theme.quoting import quote
from builder.quality.trust_criteria import declares_permissions, undeclared_steps
from registry.formats.model import Permissions, ReleaseContent, RunLimits, Step

_LABELS = {
    "file_read": ("file", "Reads files"),
    "file_write": ("file", "Creates, changes and deletes files"),
    "file_system": ("file", "Works on the file system"),
    "network": ("network", "Talks to other machines over the network"),
    "command": ("terminal", "Runs programs of the machine"),
    "process": ("terminal", "Starts or ends processes"),
    "environment": ("terminal", "Reads environment variables"),
    "admin": ("lock", "Needs administrator rights"),
    "registry": ("lock", "Changes the Windows registry"),
}
_WHOLE = re.compile(r"\{([^{}]+)\}\Z")


Line = tuple[str, Markup]
"""One permission: an icon of the sprite and a sentence, which is HTML already."""

_STEP_ASKS_NOTHING = (
    "It asks for nothing: a run sees only its own working directory, no other file, no network"
    " and no program."
)
_STEP_UNDECLARED = (
    "Nothing declared. The step has no executor: the platform that performs it decides what it may"
    " do, so look there before you use it."
)
_ASK_NOTHING = (
    "They ask for nothing: a run sees only its own working directory, no other file, no network and"
    " no program."
)
_UNDECLARED = (
    "Nothing declared. The steps have no executors: the platform that performs them decides what"
    " they may do, so look there before you use them."
)
_GRANTED = "A run gets what its step declares and the operator grants, and nothing else."
_ONLY_LABELS = (
    "These are kinds of access. The publisher does not say which files, machines or programs."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The permissions that one step, or all steps of a release, ask for."""

    lines: tuple[Line, ...]
    words: tuple[str, ...]
    """Sentences to add: nothing asked for, nothing declared, the limits of a run."""


def asked_by_step(step: Step, *, has_executor: bool) -> Asked:
    """Return what one step may do, in words."""
    lines = tuple(permission_lines(step.permissions))
    limits = limit_words(step.permissions.limits)
    said = (limits,) if limits else ()
    if lines:
        return Asked(lines=lines, words=said)
    if step.required_permissions:
        return Asked(lines=tuple(label_lines(step.required_permissions)), words=(_ONLY_LABELS,))
    if has_executor or declares_permissions(step):
        return Asked(lines=(), words=(_STEP_ASKS_NOTHING, *said))
    return Asked(lines=(), words=(_STEP_UNDECLARED,))


def asked_by_release(content: ReleaseContent) -> Asked:
    """Return what the steps of a release may do together, in words."""
    steps = content.steps
    found = dict.fromkeys(line for step in steps for line in permission_lines(step.permissions))
    silent = len(undeclared_steps(content))
    if found:
        return Asked(lines=tuple(found), words=(_GRANTED, *_silence(silent)))
    labels = dict.fromkeys(label for step in steps for label in step.required_permissions)
    labels |= dict.fromkeys(content.manifest.required_permissions)
    if labels:
        return Asked(lines=tuple(label_lines(labels)), words=(_ONLY_LABELS, *_silence(silent)))
    if silent == len(steps):
        return Asked(lines=(), words=(_UNDECLARED,))
    return Asked(lines=(), words=(_ASK_NOTHING, *_silence(silent)))


def _silence(steps: int) -> tuple[str, ...]:
    if not steps:
        return ()
    one = "One step declares nothing and has no executor; the platform decides what it may do."
    many = (
        f"{steps} steps declare nothing and have no executor; the platform decides what they may"
        " do."
    )
    return (one if steps == 1 else many,)


def label_lines(labels: Iterable[str]) -> Iterator[Line]:
    """The broad labels of ``required_permissions``."""
    for label in labels:
        icon, words = _LABELS.get(label, ("lock", f"Asks for “{label}”"))
        yield icon, quote(words)


def permission_lines(permissions: Permissions) -> Iterator[Line]:
    """The precise permissions, one sentence each."""
    for path in permissions.filesystem.read:
        yield "file", _path("Reads", path)
    for path in permissions.filesystem.write:
        yield "file", _path("Writes", path)
    for target in permissions.network:
        yield "network", _network(target)
    for command in permissions.commands:
        yield "terminal", _html(f"Runs the program {_code(command)}")
    for variable in permissions.environment:
        text = _html(f"Reads the environment variable {_code(variable)}")
        yield "terminal", text


def limit_words(limits: RunLimits) -> str:
    """The limits of one run in a sentence; empty when none is set."""
    parts = [
        (limits.wall_seconds, "{:g} s of time"),
        (limits.cpu_seconds, "{:g} s of processor time"),
        (limits.memory_mb, "{:g} MB of memory"),
        (limits.disk_mb, "{:g} MB of disk"),
        (limits.processes, "{:g} processes"),
    ]
    said = [words.format(value) for value, words in parts if value is not None]
    return f"A run gets at most {', '.join(said)}." if said else ""


def _html(text: str) -> Markup:
    # Not Markup.format, which takes ten times as long: whatever goes in was escaped by _code.
    return Markup(text)  # noqa: S704 - see above


def _code(text: str) -> str:
    return f"<code>{quote(text)}</code>"


def _path(verb: str, path: str) -> Markup:
    named = _WHOLE.match(path)
    if named:
        return _html(f"{verb} what the parameter {_code(named[1])} names, and what is below it")
    return _html(f"{verb} {_code(path)} and what is below it")


def _network(target: str) -> Markup:
    if target == "*":
        return _html("Connects to any host on any port")
    host, _, port = target.rpartition(":")
    if not host:
        host, port = target, ""
    on_port = f" on port {_code(port)}" if port else ""
    if host == "*":
        return _html(f"Connects to any host{on_port}")
    if host.startswith("*."):
        return _html(f"Connects to any host below {_code(host[2:])}{on_port}")
    named = _WHOLE.match(host)
    if named:
        return _html(f"Connects to the host that the parameter {_code(named[1])} names{on_port}")
    return _html(f"Connects to {_code(host)}{on_port}")
