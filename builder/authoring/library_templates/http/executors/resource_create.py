"""resource.create: create a resource of a JSON API."""

from __future__ import annotations

from typing import Any

from _http import call
from _step import StepError, Values, log, perform


def execute(parameters: Values, context: Values) -> dict[str, Any]:
    """POST ``body`` to ``url`` and decode the answer."""
    return perform(_create, parameters, context, "The resource was not created.")


def _create(parameters: Values, context: Values) -> tuple[str, dict[str, Any]]:
    body = parameters.get("body")
    if not isinstance(body, dict):
        raise StepError("body must be an object")
    output = call(parameters, "POST", body)
    log(context, "created", status=output["status"], duration_ms=output["duration_ms"])
    return f"Created with status {output['status']}.", output
