"""Read ``publishers`` of ``registry.yaml``: everything wrong with it, or the typed model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from registry.errors import InvalidNameError, RegistryError
from registry.formats.json_text import Position, escape_pointer
from registry.formats.model import JsonValue
from registry.formats.parsing import Parsed, parse_registry_facts
from registry.formats.timestamps import parse_time
from registry.formats.yaml_text import load_yaml
from registry.limits import DEFAULT_LIMITS
from registry.names import LIBRARY_NAME_LENGTH, LIBRARY_NAME_PATTERN, parse_library_name
from registry.problems import Problem
from registry.signing.keys import parse_public_key
from registry.signing.publishers import Publisher, PublisherKey, PublisherName, Publishers

_PUBLISHER_NAME = re.compile(LIBRARY_NAME_PATTERN.replace("$", r"\Z"))
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@/+-]{0,99}")
_PUBLISHER_FIELDS = frozenset({"accounts", "keys", "prefixes"})
_KEY_FIELDS = frozenset({"key", "since", "until", "revoked"})

Value = TypeVar("Value")


def read_publishers(raw: bytes, *, file: str = "registry.yaml") -> Parsed[Publishers]:
    """The publishers that the bytes of a ``registry.yaml`` declare; never raises for bad input."""
    facts = parse_registry_facts(raw, file=file)
    if facts.value is None:
        return Parsed(value=None, problems=facts.problems)
    declared = check_publishers(facts.value.publishers, file=file)
    if declared.value is not None:
        return Parsed(value=declared.value, problems=facts.problems)
    _, places = load_yaml(raw, depth=DEFAULT_LIMITS.nesting_depth)
    located = tuple(_located(problem, places) for problem in declared.problems)
    return Parsed(value=None, problems=facts.problems + located)


def check_publishers(
    declared: Mapping[str, JsonValue], *, file: str = "registry.yaml"
) -> Parsed[Publishers]:
    """The same of a ``registry.yaml`` that was read already; problems have no lines then."""
    reading = _Reading(file)
    publishers = [reading.publisher(name, value) for name, value in declared.items()]
    if reading.problems:
        return Parsed(value=None, problems=tuple(reading.problems))
    return Parsed(value=Publishers(publishers))


def _located(problem: Problem, places: Mapping[str, Position]) -> Problem:
    pointer = problem.pointer
    while pointer not in places and pointer:
        pointer = pointer.rpartition("/")[0]
    place = places[pointer]
    return replace(problem, line=place.line, column=place.column)


class _Reading:
    """One pass over the declaration; every part is read even where another is wrong."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._seen: dict[bytes, str] = {}

    def publisher(self, name: str, value: JsonValue) -> Publisher:
        pointer = f"/publishers/{escape_pointer(name)}"
        if len(name) > LIBRARY_NAME_LENGTH or not _PUBLISHER_NAME.match(name):
            self._problem(
                "publisher-name",
                pointer,
                f"{name[:80]!r} is not a publisher's name",
                f"lower-case letters, digits and single hyphens, at most {LIBRARY_NAME_LENGTH}",
            )
        fields = self._fields(value, pointer, allowed=_PUBLISHER_FIELDS, required="keys")
        held = [
            self._key(PublisherName(name), item, place)
            for item, place in self._items(fields, pointer, "keys")
        ]
        prefixes = [
            self._parsed(item, place, parse_library_name, rule="publisher-prefix")
            for item, place in self._items(fields, pointer, "prefixes")
        ]
        accounts = [
            self._parsed(item, place, _account, rule="publisher-account")
            for item, place in self._items(fields, pointer, "accounts")
        ]
        return Publisher(
            name=PublisherName(name),
            keys=tuple(key for key in held if key),
            accounts=tuple(account for account in accounts if account),
            prefixes=tuple(prefix for prefix in prefixes if prefix),
        )

    def _key(self, name: PublisherName, value: JsonValue, pointer: str) -> PublisherKey | None:
        fields = self._fields(value, pointer, allowed=_KEY_FIELDS, required="key")
        at = f"{pointer}/key"
        key = (
            self._parsed(fields["key"], at, parse_public_key, rule="publisher-key")
            if "key" in fields
            else None
        )
        since, until, revoked = (
            self._parsed(fields[name], f"{pointer}/{name}", parse_time, rule="publisher-time")
            if name in fields
            else None
            for name in ("since", "until", "revoked")
        )
        if since is not None and until is not None and since >= until:
            self._problem("publisher-time", f"{pointer}/until", "it is not later than since")
        if key is None:
            return None
        first = self._seen.setdefault(key.blob, pointer)
        if first != pointer:
            self._problem(
                "publisher-key-twice", at, f"the key is listed at {first} already", "each key once"
            )
        return PublisherKey(publisher=name, key=key, since=since, until=until, revoked=revoked)

    def _fields(
        self, value: JsonValue, pointer: str, *, allowed: frozenset[str], required: str
    ) -> Mapping[str, JsonValue]:
        names = ", ".join(sorted(allowed))
        if not isinstance(value, dict):
            self._problem("publisher-fields", pointer, "it is not a mapping", f"the fields {names}")
            return {}
        for name in sorted(value.keys() - allowed):
            at = f"{pointer}/{escape_pointer(name)}"
            self._problem("publisher-fields", at, f"there is no field {name[:80]!r}", names)
        if required not in value:
            self._problem("publisher-fields", pointer, f"the field {required!r} is missing")
        return value

    def _items(
        self, fields: Mapping[str, JsonValue], pointer: str, name: str
    ) -> Iterator[tuple[JsonValue, str]]:
        value = fields.get(name, [])
        if not isinstance(value, list):
            self._problem("publisher-fields", f"{pointer}/{name}", "it is not a list", "a list")
            return
        for index, item in enumerate(value):
            yield item, f"{pointer}/{name}/{index}"

    def _parsed(
        self, value: JsonValue, pointer: str, parse: Callable[[str], Value], *, rule: str
    ) -> Value | None:
        if not isinstance(value, str):
            self._problem(rule, pointer, "it is not text", "text")
            return None
        try:
            return parse(value)
        except RegistryError as error:
            self._problem(rule, pointer, error.message, error.next_step)
        except ValueError as error:
            self._problem(rule, pointer, str(error), "a time in RFC 3339, UTC, with a Z")
        return None

    def _problem(self, rule: str, pointer: str, message: str, expected: str = "") -> None:
        self.problems.append(
            Problem(rule=rule, file=self._file, message=message, expected=expected, pointer=pointer)
        )


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise InvalidNameError(
            f"{text[:80]!r} is not an account", next_step="the name of an account at the Git host"
        )
    return text
