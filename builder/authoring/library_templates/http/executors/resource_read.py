"""resource.read: read a resource of a JSON API."""

from __future__ import annotations

from typing import Any

from _http import call
from _step import Values, log, perform


def execute(parameters: Values, context: Values) -> dict[str, Any]:
    """GET ``url`` and decode the answer."""
    return perform(_read, parameters, context, "The resource was not read.")


def _read(parameters: Values, context: Values) -> tuple[str, dict[str, Any]]:
    output = call(parameters, "GET")
    log(context, "read", status=output["status"], duration_ms=output["duration_ms"])
    return f"Read with status {output['status']}.", output
