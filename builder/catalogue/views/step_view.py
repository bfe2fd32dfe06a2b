"""The contents of a step's page, worked out before the template sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

import msgspec
from markupsafe import Markup

from builder.catalogue.theme.identicon import symbol_of
from builder.catalogue.theme.json_html import json_html, short_json
from builder.catalogue.theme.quoting import quote
from builder.catalogue.views.permissions import asked_by_step
from builder.markdown import plain_text, render_description
from registry.formats.model import JsonValue, Parameter, Platform, Step

PLATFORM_TITLES = {
    Platform.LINUX: "Linux",
    Platform.MACOS: "macOS",
    Platform.WINDOWS: "Windows",
}
_LEAD_CHARACTERS = 500
_NO_DEFAULT = '<span class="quiet" aria-label="none">–</span>'
# A blank line, or the start of a list or a heading.
_AFTER_LEAD = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+#]|\d+[.)])\s)")
_BOUNDS = {
    ("min", "max"): "{}",
    ("minimum", "maximum"): "{}",
    ("min_length", "max_length"): "{} characters",
    ("min_items", "max_items"): "{} items",
}


def step_values(step: Step, *, has_executor: bool) -> dict[str, Any]:
    """Return the values for a step's own page and for its part of a release's page."""
    lead, details = lead_and_details(step.description)
    return {
        "step": step,
        "symbol": symbol_of(step),
        "lead": render_description(lead),
        "details": render_description(details),
        "rows": _html("".join(parameter_row(*item) for item in step.parameters.items())),
        "row_count": len(step.parameters),
        "asked": asked_by_step(step, has_executor=has_executor),
        "has_executor": has_executor,
        "deprecation": render_description(step.deprecation_message or ""),
    }


def page_values(step: Step) -> dict[str, Any]:
    """Return the values for a step's own page alone."""
    return {
        "examples": [
            (example.name, render_description(example.description), json_html(example.parameters))
            for example in step.examples
        ],
        "returns": _return_rows(step.returns),
        "returns_json": json_html(step.returns) if step.returns else None,
        "platforms": ", ".join(title for _, title in platform_titles(step.platform_support)),
        "tags": tag_links(step.tags),
    }


def lead_and_details(text: str) -> tuple[str, str]:
    """Return the sentence above everything else, and the rest of a description that is long."""
    if len(text) <= _LEAD_CHARACTERS:
        return text, ""
    lead, *rest = _AFTER_LEAD.split(text.strip(), maxsplit=1)
    return lead, "".join(rest)


def platform_titles(platforms: tuple[Platform, ...]) -> list[tuple[str, str]]:
    """Name and title of each platform, in one fixed order."""
    return [(name.value, title) for name, title in PLATFORM_TITLES.items() if name in platforms]


def tag_links(tags: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each tag, and the query that searches for it."""
    return [(tag, quote_plus(tag)) for tag in tags]


def parameter_row(name: str, parameter: Parameter) -> str:
    """One line of the table of parameters, as HTML.

    Not a template: there are more of them than of anything else, each on two pages.
    """
    parts = [render_description(parameter.description)]
    if parameter.options:
        codes = (f"<code>{quote(_option(option))}</code>" for option in parameter.options)
        parts.append(_html(f'<p class="hint">One of {", ".join(codes)}</p>'))
    rules = list(_rules(parameter.validation)) if parameter.validation else []
    if parameter.multiline:
        rules.append("several lines")
    if rules:
        parts.append(_html(f'<p class="hint">{"; ".join(rules)}</p>'))
    needs = '<span class="need">required</span>' if must_be_given(parameter) else ""
    if parameter.secret:
        needs += '<span class="need need-secret">secret</span>'
    default = _NO_DEFAULT
    if parameter.default is not msgspec.UNSET:
        default = f"<code>{quote(short_json(parameter.default))}</code>"
    return (
        f'<tr><th scope="row"><code>{quote(name)}</code>{needs}</th>'
        f'<td class="type">{parameter.type.value}</td><td class="default">{default}</td>'
        f'<td dir="auto">{"".join(parts)}</td></tr>\n'
    )


def must_be_given(parameter: Parameter) -> bool:
    """True if a caller has to give a value; an empty default is a field that waits for one."""
    return parameter.required and parameter.default in (msgspec.UNSET, "")


def _option(option: JsonValue) -> str:
    if isinstance(option, dict) and "value" in option:
        option = option["value"]
    return option if isinstance(option, str) and option else short_json(option)


def _rules(validation: dict[str, JsonValue]) -> Iterator[str]:
    """Yield the rules that a value must keep, as HTML."""
    rest = dict(validation)
    if "pattern" in rest:
        yield f"matches <code>{quote(str(rest.pop('pattern'))[:200])}</code>"
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
        yield str(quote(words.format(span)))
    for key, value in rest.items():
        yield f"{quote(key)}: <code>{quote(short_json(value))}</code>"


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


def short_description(text: str, length: int = 160) -> str:
    """A description for a card, a list or a page's description; to be escaped."""
    return plain_text(text, length)
