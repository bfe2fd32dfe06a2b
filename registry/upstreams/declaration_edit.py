"""Declare an upstream in ``registry.yaml``, change or remove it: operations, a commit each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from registry.formats.json_text import JsonTextError
from registry.formats.model import RegistryFacts
from registry.formats.parsing import parse_registry_facts
from registry.formats.yaml_text import dump_yaml, load_yaml
from registry.git.missing import object_at
from registry.limits import DEFAULT_LIMITS
from registry.names import CommitId
from registry.problems import InvalidLibraryError
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, Transaction, operation_commit, run_transaction
from registry.upstreams.declaration import Declared, Upstream, UpstreamAlias, declared_upstreams

_FILE = "registry.yaml"
_KEY = "upstreams"

Fields = Mapping[str, Any]


def add_upstream(registry: Registry, upstream: Upstream, *, by: Actor) -> CommitId:
    """Declare one, after those that are there; raises ConflictError for an alias that is taken."""

    def change(value: Fields, declared: Declared) -> Fields:
        declared.refuse_taken(upstream.alias)
        return {**value.get(_KEY, {}), upstream.alias: fields_of(upstream)}

    return _change(registry, change, f"Add the upstream {upstream.alias}", "upstream-add", by)


def remove_upstream(registry: Registry, alias: UpstreamAlias, *, by: Actor) -> CommitId:
    """Declare one no more; what was installed from it stays, and is not updated any more."""

    def change(value: Fields, declared: Declared) -> Fields:
        declared.get(alias)
        return {name: one for name, one in value[_KEY].items() if name != alias}

    return _change(registry, change, f"Remove the upstream {alias}", "upstream-remove", by)


def trust_upstream(
    registry: Registry, alias: UpstreamAlias, commit: CommitId, *, by: Actor
) -> CommitId:
    """Demand another commit of an upstream's history: what was trusted before counts no more."""

    def change(value: Fields, declared: Declared) -> Fields:
        declared.get(alias)
        return {**value[_KEY], alias: {**value[_KEY][alias], "trusted": commit}}

    summary = f"Trust {commit[:12]} of the upstream {alias}"
    return _change(registry, change, summary, "upstream-trust", by)


def fields_of(upstream: Upstream) -> dict[str, Any]:
    """An upstream as ``registry.yaml`` has it; what is the default is left out."""
    said = {
        "url": upstream.address.url,
        "prefixes": list(upstream.prefixes),
        "trusted": upstream.trusted,
        "allow_private": upstream.allow_private,
    }
    return {key: value for key, value in said.items() if value}


def _change(
    registry: Registry,
    change: Callable[[Fields, Declared], Fields],
    summary: str,
    operation: str,
    by: Actor,
) -> CommitId:
    def attempt(turn: Transaction) -> CommitId:
        found = object_at(registry.repository, turn.head, _FILE)
        raw = found.content if found is not None else b""
        value, facts = _read(raw)
        content = with_upstreams(raw, value, change(value, declared_upstreams(facts)))
        if content == raw:
            return turn.head
        commit = operation_commit(summary, operation=operation, by=by, files={_FILE: content})
        return turn.commit(commit)

    return run_transaction(registry, attempt)


def _read(raw: bytes) -> tuple[Fields, RegistryFacts]:
    parsed = parse_registry_facts(raw)
    if parsed.value is None:
        raise InvalidLibraryError(_FILE, parsed.problems)
    return parsed.read or {}, parsed.value


def with_upstreams(raw: bytes, value: Fields, upstreams: Fields) -> bytes:
    """The file with other upstreams; all else stays as it was written, with its comments.

    Raises InvalidLibraryError for upstreams that the file may not hold.
    """
    rest = {key: one for key, one in value.items() if key != _KEY}
    wanted = {**rest, _KEY: dict(upstreams)} if upstreams else rest
    text = raw.decode()
    block = dump_yaml({_KEY: dict(upstreams)}).decode() if upstreams else ""
    edited = _replaced(text, block).encode()
    if not _is(edited, wanted):
        edited = dump_yaml(wanted)
    _read(edited)
    return edited


def _replaced(text: str, block: str) -> str:
    """The text with another block in the place of the upstreams' own; at the end without one."""
    lines = text.splitlines(keepends=True)
    start = next((n for n, line in enumerate(lines) if re.match(rf"{_KEY}\s*:", line)), None)
    if start is None:
        gap = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{gap}{block}"
    end = start + 1
    while end < len(lines) and (lines[end][:1] in {" ", "\t"} or not lines[end].strip()):
        end += 1
    return "".join([*lines[:start], block, *lines[end:]])


def _is(raw: bytes, wanted: Fields) -> bool:
    try:
        found, _ = load_yaml(raw, depth=DEFAULT_LIMITS.nesting_depth)
    except JsonTextError:
        return False
    return bool(found == wanted)
