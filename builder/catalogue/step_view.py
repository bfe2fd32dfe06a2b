"""What a step's page shows, worked out before the template sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from markupsafe import Markup, escape

from builder.catalogue.json_html import json_html, short_json
from builder.catalogue.permission_words import label_lines, limit_words, permission_lines
from builder.markdown import plain_text, render_description
from registry.model import JsonValue, Parameter, Platform, Step

PLATFORM_TITLES = {
    Platform.LINUX: "Linux",
    Platform.MACOS: "macOS",
    Platform.WINDOWS: "Windows",
}
_ICON_CHARACTERS = 4
_BOUNDS = {
    ("min", "max"): "{}",
    ("minimum", "maximum"): "{}",
    ("min_length", "max_length"): "{} characters",
    ("min_items", "max_items"): "{} items",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ParameterRow:
    """One line of the table of parameters."""

    name: str
    type: str
    is_required: bool
    is_secret: bool
    is_multiline: bool
    default: str | None
    description: Markup
    options: tuple[str, ...]
    rules: tuple[Markup, ...]


def step_values(step: Step) -> dict[str, Any]:
    """The values of ``step.html`` that come from the step alone."""
    return {
        "step": step,
        "glyph": glyph(step.icon),
        "description": render_description(step.description),
        "rows": [parameter_row(name, item) for name, item in step.parameters.items()],
        "examples": [
            (example.name, render_description(example.description), json_html(example.parameters))
            for example in step.examples
        ],
        "returns": _return_rows(step.returns),
        "returns_json": json_html(step.returns) if step.returns else None,
        "labels": list(label_lines(step.required_permissions)),
        "permissions": list(permission_lines(step.permissions)),
        "limits": limit_words(step.permissions.limits),
        "platforms": platform_titles(step.platform_support),
        "deprecation": render_description(step.deprecation_message or ""),
    }


def platform_titles(platforms: tuple[Platform, ...]) -> list[tuple[str, str]]:
    """Name and title of each platform, in one fixed order."""
    return [(name.value, title) for name, title in PLATFORM_TITLES.items() if name in platforms]


def glyph(icon: str) -> str:
    """The step's own sign when it is one (an emoji), nothing when it is a word or a path."""
    text = icon.strip()
    return text if 0 < len(text) <= _ICON_CHARACTERS and not text.isascii() else ""


def parameter_row(name: str, parameter: Parameter) -> ParameterRow:
    """One parameter in words."""
    default = parameter.default
    return ParameterRow(
        name=name,
        type=parameter.type.value,
        is_required=parameter.required,
        is_secret=parameter.secret,
        is_multiline=parameter.multiline,
        default=None if default is msgspec.UNSET else short_json(default),
        description=render_description(parameter.description),
        options=tuple(_option(option) for option in parameter.options),
        rules=tuple(_rules(parameter.validation)),
    )


def _option(option: JsonValue) -> str:
    if isinstance(option, dict) and "value" in option:
        option = option["value"]
    return option if isinstance(option, str) and option else short_json(option)


def _rules(validation: dict[str, JsonValue]) -> Iterator[Markup]:
    rest = dict(validation)
    if "pattern" in rest:
        yield _html(f"matches <code>{escape(str(rest.pop('pattern'))[:200])}</code>")
    for (low, high), words in _BOUNDS.items():
        least, most = rest.pop(low, None), rest.pop(high, None)
        if least is not None and most is not None:
            span = f"{short_json(least)} to {short_json(most)}"
        elif least is not None:
            span = f"at least {short_json(least)}"
        elif most is not None:
            span = f"at most {short_json(most)}"
        else:
            continue
        yield escape(words.format(span))
    for key, value in rest.items():
        yield _html(f"{escape(key)}: <code>{escape(short_json(value))}</code>")


def _html(text: str) -> Markup:
    # Not Markup.format, which takes ten times as long.
    return Markup(text)  # noqa: S704 - whatever goes in was escaped


def _return_rows(returns: dict[str, JsonValue]) -> list[tuple[str, str, Markup]]:
    """Name, type and description of each property of the output."""
    properties = returns.get("properties")
    if not isinstance(properties, dict):
        return []
    return [
        (str(name), _type_of(schema), render_description(_description_of(schema)))
        for name, schema in properties.items()
    ]


def _type_of(schema: JsonValue) -> str:
    kind = schema.get("type", "") if isinstance(schema, dict) else ""
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)


def _description_of(schema: JsonValue) -> str:
    return str(schema.get("description", "")) if isinstance(schema, dict) else ""


def one_line(text: str, length: int = 160) -> str:
    """A description for a card, a list or a page's description; to be escaped."""
    return plain_text(text, length)


