"""text.render: fill values into a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import Template
from typing import Any

from _params import flag, table, text
from _step import Done, Run, StepError, perform

MAX_LENGTH = 1_000_000


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Replace ``$name`` and ``${name}`` in ``template``; ``$$`` stands for a dollar sign."""
    return perform(_render, parameters, context, "The text was not rendered.")


def _render(parameters: Mapping[str, Any], _: Run) -> Done:
    template = Template(text(parameters, "template"))
    strict = flag(parameters, "strict", default=True)
    values = {name: _shown(value) for name, value in table(parameters, "values").items()}
    _require_bounded(template, values)
    try:
        result = template.substitute(values) if strict else template.safe_substitute(values)
    except KeyError as problem:
        raise StepError(f"values has no {problem.args[0]}, which the template names") from None
    except ValueError:
        raise StepError("the template has a lone $; write $$ for a dollar sign") from None
    return Done(f"Rendered {len(result)} characters.", {"text": result})


def _shown(value: Any) -> str:
    """Return a string as it is, and anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _require_bounded(template: Template, values: Mapping[str, str]) -> None:
    """Refuse, before it is built, a text that would be far too long."""
    length = len(template.template)
    for found in template.pattern.finditer(template.template):
        name = found.group("named") or found.group("braced")
        length += len(values.get(name, "")) if name else 0
    if length > MAX_LENGTH:
        raise StepError(f"the text would be longer than {MAX_LENGTH} characters")
