"""A Bitrise step's inputs as parameters, and its outputs as the schema of what it returns.

Bitrise hands inputs over as environment variables, so every value is text, ``yes`` and ``10``
included. An input is a mapping of its name to its default, with ``opts`` beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from builder.importers.model import FindingKind, ImportFinding
from builder.importers.strangers_text import clean, fit, is_clean, parameter_name, plain_line

_DESCRIPTION = 20_000
_MOST_PARAMETERS, _MOST_OPTIONS = 200, 1_000
_USED = frozenset(
    {"title", "summary", "description", "value_options", "is_required", "is_sensitive",
     "is_expand", "is_dont_change_value", "category", "is_template", "skip_if_empty", "unset"}
)  # fmt: skip
# What authors wrote when they meant a field that there is.
_MEANT: dict[str, str] = {
    "is required": "is_required",
    "descriptions": "description",
    "subtitle": "summary",
    "is_expanded": "is_expand",
}
# Options of an input that no parameter of ours has: they stay readable, in the description.
_SENTENCES = {
    ("is_expand", False): "Environment variables in the value are not expanded.",
    ("is_dont_change_value", True): "The default is right in most cases.",
    ("is_template", True): "The value is a template.",
    ("skip_if_empty", True): "An empty value is not passed on.",
}


@dataclass(kw_only=True, slots=True)
class Conversion:
    """The findings of one file while it is converted."""

    file: str
    findings: list[ImportFinding] = field(default_factory=list)

    def note(self, kind: FindingKind, reason: str, action: str) -> None:
        """Remember what did not fit."""
        self.findings.append(ImportFinding(kind=kind, file=self.file, reason=reason, action=action))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Item:
    """One input or output: its name, its value (None: none) and its options."""

    name: str
    value: str | None
    opts: dict[str, Any]


def convert_inputs(raw: Any, work: Conversion) -> dict[str, dict[str, Any]]:
    """The parameters, in the order of the inputs."""
    parameters: dict[str, dict[str, Any]] = {}
    items = list(_items(raw, "input", work))
    # A name that needs no change keeps it, whoever comes first.
    kept = {item.name for item in items if parameter_name(item.name) == item.name}
    for item in items:
        renamed = item.name not in kept or item.name in parameters
        name = parameter_name(item.name, kept | parameters.keys()) if renamed else item.name
        if renamed:
            reason = f"the input {item.name[:80]!r} is not a parameter name, or is there twice"
            work.note(FindingKind.RENAMED, reason, f"the parameter is called {name!r}")
        parameters[name] = _parameter(item, name, work)
    if len(parameters) > _MOST_PARAMETERS:
        reason = f"it has {len(parameters)} inputs"
        work.note(FindingKind.ADJUSTED, reason, f"the first {_MOST_PARAMETERS} were kept")
    return dict(list(parameters.items())[:_MOST_PARAMETERS])


def convert_outputs(raw: Any, work: Conversion) -> dict[str, Any]:
    """A JSON Schema of the outputs by their names; empty when there are none."""
    properties: dict[str, Any] = {}
    for item in _items(raw, "output", work):
        schema: dict[str, Any] = {"type": "string"}
        title = plain_line(_text(item.opts, "title"), 200)
        text = fit(_description(item, with_title=False), _DESCRIPTION)
        options = _options(item, work)
        schema |= {"title": title} if title else {}
        schema |= {"description": text} if text else {}
        schema |= {"enum": options} if options else {}
        # A declared value is what the variable holds before the step sets it.
        schema |= {"default": clean(item.value)} if item.value else {}
        properties[plain_line(item.name, 200)] = schema
    return {"type": "object", "properties": properties} if properties else {}


def _items(raw: Any, what: str, work: Conversion) -> Iterator[_Item]:
    if raw is None:
        return
    for position, entry in enumerate(raw if isinstance(raw, list) else [raw], start=1):
        names = [key for key in entry if key != "opts"] if isinstance(entry, dict) else []
        if len(names) != 1 or not names[0]:
            reason = f"{what} {position} is not one name with its value"
            work.note(FindingKind.ADJUSTED, reason, "it was left out")
            continue
        value = entry[names[0]]
        if isinstance(value, list | dict):
            reason = f"the default of {what} {names[0][:80]!r} is not text"
            work.note(FindingKind.ADJUSTED, reason, "it has no default here")
            value = None
        opts = entry.get("opts")
        yield _Item(name=names[0], value=value, opts=_known_opts(opts, names[0], work))


def _known_opts(raw: Any, name: str, work: Conversion) -> dict[str, Any]:
    opts: dict[str, Any] = {}
    given: dict[str, Any] = raw if isinstance(raw, dict) else {}
    for key, value in given.items():
        meant = _MEANT.get(key, key)
        if key != meant and meant not in raw:
            reason = f"{name[:80]!r} has the option {key!r}"
            work.note(FindingKind.ADJUSTED, reason, f"it was read as {meant!r}")
        elif meant not in _USED:
            reason = f"{name[:80]!r} has the unknown option {key[:60]!r}"
            work.note(FindingKind.LEFT_OUT, reason, "left out")
            continue
        opts.setdefault(meant, value)
    return opts


def _parameter(item: _Item, name: str, work: Conversion) -> dict[str, Any]:
    required, secret = _truth(item.opts, "is_required"), _truth(item.opts, "is_sensitive")
    options = _options(item, work)
    default = _default(item, work)
    said = _description(item, with_title=True)
    if name != item.name:
        called = plain_line(item.name, 80).replace("`", "'")
        said = f"{said}\n\nThe input is called `{called}` in Bitrise.".strip()
    if options and default and default not in options:
        listed = ", ".join(f"`{option}`" for option in options)
        reason = (
            f"the default {default[:60]!r} of {item.name[:80]!r} is not one of its value_options"
        )
        work.note(
            FindingKind.ADJUSTED, reason, "it takes any text; the options are in its description"
        )
        said, options = f"{said}\n\nOne of: {listed}".strip(), []
    parameter: dict[str, Any] = {"type": "select" if options else "string", "required": required}
    # An empty default says nothing, and would stand in the way where a value is required or chosen.
    if default and not (secret and not default.startswith("$")):
        parameter["default"] = default
    elif default:
        reason = f"the secret {item.name[:80]!r} has a default that everyone can read"
        work.note(FindingKind.ADJUSTED, reason, "it has no default here")
    said = fit(said, _DESCRIPTION)
    parameter |= {"description": said} if said else {}
    parameter |= {"options": options} if options else {}
    parameter |= {"multiline": True} if default and "\n" in default and not options else {}
    return parameter | ({"secret": True} if secret else {})


def _default(item: _Item, work: Conversion) -> str | None:
    if item.value is None or is_clean(item.value):
        return item.value
    reason = f"the default of {item.name[:80]!r} has invisible characters or active content"
    work.note(FindingKind.ADJUSTED, reason, "it has no default here")
    return None


def _description(item: _Item, *, with_title: bool) -> str:
    """Title, summary and description without repetition, and what else is known in sentences."""
    parts: list[str] = []
    for key in ("title", "summary", "description"):
        text = _text(item.opts, key)
        if text and (with_title or key != "title") and not any(text in part for part in parts):
            parts = [part for part in parts if part.rstrip(".") not in text] + [text]
    parts += [
        sentence
        for (key, value), sentence in _SENTENCES.items()
        if key in item.opts and _truth(item.opts, key) is value
    ]
    group = _text(item.opts, "category")
    return "\n\n".join([*parts, f"Group: {group}"] if group else parts)


def _options(item: _Item, work: Conversion) -> list[str]:
    raw = item.opts.get("value_options")
    values = raw if isinstance(raw, list) else []
    texts = [value for value in values if isinstance(value, str) and is_clean(value)]
    if len(texts) != len(values) and None not in values:
        reason = f"value_options of {item.name[:80]!r} hold more than plain texts"
        work.note(FindingKind.ADJUSTED, reason, "the plain texts were kept")
    texts += [""] if None in values else []
    return list(dict.fromkeys(texts))[:_MOST_OPTIONS]


def _text(opts: dict[str, Any], key: str) -> str:
    value = opts.get(key)
    return clean(value) if isinstance(value, str) else ""


def _truth(opts: dict[str, Any], key: str) -> bool:
    return str(opts.get(key)).strip().lower() in {"true", "yes", "on", "y"}
