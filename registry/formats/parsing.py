"""Files to model, once, at the edge.

The fast path decodes, asks the schema whether all is well and builds the frozen model. Only a file
with something wrong takes the slow path, which says what, where and what would be right.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import msgspec
import orjson

from registry.formats.json_slips import MendedText
from registry.formats.json_text import (
    JsonTextError,
    Position,
    check_depth,
    decode_utf8,
    load_json,
    locate,
)
from registry.formats.model import (
    InstanceFacts,
    JsonValue,
    LibraryFacts,
    Manifest,
    RegistryFacts,
    Step,
)
from registry.formats.schema import Format, is_valid
from registry.formats.schema_faults import explain
from registry.formats.yaml_text import load_yaml
from registry.limits import DEFAULT_LIMITS, Limits, shown_size
from registry.problems import Problem, Severity, errors_of

Model = TypeVar("Model")

_MODELS: dict[Format, type] = {
    Format.MANIFEST: Manifest,
    Format.STEP: Step,
    Format.LIBRARY: LibraryFacts,
    Format.REGISTRY: RegistryFacts,
    Format.INSTANCE: InstanceFacts,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed(Generic[Model]):
    """A file's model, None when an error stands in its way, and everything wrong with it."""

    value: Model | None
    problems: tuple[Problem, ...] = ()
    read: JsonValue = None
    """The decoded JSON or YAML, also where it breaks its schema; of a text that is not JSON what is
    left when its slips are mended, else None."""
    places: Mapping[str, Position] = field(default_factory=dict)
    """The places of a mended text's values; those of any other file `locate` knows."""


def parse_manifest(raw: bytes, *, file: str = "manifest.json") -> Parsed[Manifest]:
    """``manifest.json``, on the fast path where it can be."""
    return cast("Parsed[Manifest]", _parse_json(Format.MANIFEST, raw, file))


def parse_step(raw: bytes, *, file: str) -> Parsed[Step]:
    """One step definition, on the fast path where it can be."""
    return cast("Parsed[Step]", _parse_json(Format.STEP, raw, file))


def _parse_json(kind: Format, raw: bytes, file: str) -> Parsed[Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return check_json(kind, raw, file=file, strict=False)
    if len(raw) > DEFAULT_LIMITS.json_bytes or not is_valid(kind, value):
        return check_json(kind, raw, file=file, strict=False)
    return Parsed(value=_convert(kind, value), read=value)


def _convert(kind: Format, value: object) -> Any:
    model = {} if value is None else value
    return msgspec.convert(model, type=_MODELS[kind], strict=False)


def check_json(
    kind: Format, raw: bytes, *, file: str, strict: bool, limits: Limits = DEFAULT_LIMITS
) -> Parsed[Any]:
    """Read a JSON file with every check there is; never raises for bad input."""
    if len(raw) > limits.json_bytes:
        return Parsed(value=None, problems=(_too_large(file, len(raw), limits.json_bytes),))
    marked = (_byte_order_mark(file),) if raw.startswith(codecs.BOM_UTF8) else ()
    try:
        value = load_json(raw, depth=limits.nesting_depth)
    except JsonTextError as error:
        return _mended(kind, raw, error, file=file, strict=strict, limits=limits)
    if is_valid(kind, value):
        return Parsed(value=_convert(kind, value), problems=marked, read=value)
    places = locate(decode_utf8(raw))
    problems = (*marked, *explain(kind, value, file=file, places=places, strict=strict))
    model = None if errors_of(problems) else _convert(kind, value)
    return Parsed(value=model, problems=problems, read=value)


def _mended(
    kind: Format,
    raw: bytes,
    error: JsonTextError,
    *,
    file: str,
    strict: bool,
    limits: Limits,
) -> Parsed[Any]:
    """A file that is not JSON: every slip in it, and what else is wrong once they are mended."""
    mended = MendedText(text="")
    try:
        text = decode_utf8(raw)
        check_depth(text, limits.nesting_depth)
        mended = MendedText(text=text)
        mended.read()
    except JsonTextError:  # it is the error that is told
        pass
    faults = mended.faults or [error]
    problems = [syntax_problem(fault, file, "json") for fault in faults]
    if mended.value is not None and not is_valid(kind, mended.value):
        places = mended.places
        problems += explain(kind, mended.value, file=file, places=places, strict=strict)
    return Parsed(value=None, problems=tuple(problems), read=mended.value, places=mended.places)


def _byte_order_mark(file: str) -> Problem:
    return Problem(
        rule="json-byte-order-mark",
        file=file,
        line=1,
        column=1,
        message="it begins with a byte order mark",
        expected="save it as UTF-8 without one",
        severity=Severity.WARNING,
    )


def parse_library_facts(raw: bytes, *, file: str = "library.yaml") -> Parsed[LibraryFacts]:
    """``library.yaml``."""
    return cast("Parsed[LibraryFacts]", parse_yaml(Format.LIBRARY, raw, file=file))


def parse_registry_facts(raw: bytes, *, file: str = "registry.yaml") -> Parsed[RegistryFacts]:
    """``registry.yaml``."""
    return cast("Parsed[RegistryFacts]", parse_yaml(Format.REGISTRY, raw, file=file))


def parse_instance_facts(raw: bytes, *, file: str) -> Parsed[InstanceFacts]:
    """``instances/<instance>/<library>.yaml``."""
    return cast("Parsed[InstanceFacts]", parse_yaml(Format.INSTANCE, raw, file=file))


def parse_yaml(
    kind: Format, raw: bytes, *, file: str, strict: bool = False, limits: Limits = DEFAULT_LIMITS
) -> Parsed[Any]:
    """Read a YAML file with every check there is; never raises for bad input."""
    if len(raw) > limits.json_bytes:
        return Parsed(value=None, problems=(_too_large(file, len(raw), limits.json_bytes),))
    try:
        value, places = load_yaml(raw, depth=limits.nesting_depth)
    except JsonTextError as error:
        return Parsed(value=None, problems=(syntax_problem(error, file, "yaml"),))
    checked = {} if value is None else value
    if is_valid(kind, checked):
        return Parsed(value=_convert(kind, checked), read=checked)
    problems = tuple(explain(kind, checked, file=file, places=places, strict=strict))
    model = None if errors_of(problems) else _convert(kind, checked)
    return Parsed(value=model, problems=problems, read=checked)


def syntax_problem(error: JsonTextError, file: str, rule: str) -> Problem:
    """A text that could not be read, as a problem."""
    place: Position = error.place
    return Problem(
        rule=f"{rule}-syntax",
        file=file,
        message=error.message,
        expected=error.expected or f"write valid {rule.upper()}",
        pointer=error.pointer,
        line=place.line,
        column=place.column,
    )


def _too_large(file: str, size: int, limit: int) -> Problem:
    return Problem(
        rule="limit-file-size",
        file=file,
        message=f"the file has {shown_size(size)}",
        expected=f"keep to at most {limit:,} bytes",
    )
