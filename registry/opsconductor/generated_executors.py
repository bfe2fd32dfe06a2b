"""The executors that are generated: each calls one method of the library's own class."""

from __future__ import annotations

ADAPTER = "opsconductor_adapter"
"""The module that they share."""

ADAPTER_TEXT = '''"""What a step for OpsConductor returns, as an executor returns it.

Generated when the library was converted; the library's own code stands beside it, unchanged.
"""

import asyncio
import inspect
import json

_OUTCOME = ("success", "message", "error")


def answer_of(method, parameters):
    """Call a step's method; what it says besides its outcome is the `output`."""
    answer = method(dict(parameters))
    if inspect.isawaitable(answer):
        answer = asyncio.run(_awaited(answer))
    if not isinstance(answer, dict):
        answer = {"result": answer}
    fields = json.loads(json.dumps(answer, default=str))
    error = fields.get("error")
    return {
        "success": bool(fields.get("success", not error)),
        "message": str(fields.get("message") or ""),
        "output": {key: value for key, value in fields.items() if key not in _OUTCOME},
        "error": str(error) if error else None,
    }


async def _awaited(answer):
    return await answer
'''

_EXECUTOR_TEXT = '''"""Calls {owner}.{method} of {module}.py.

Generated when the library was converted.
"""

from {adapter} import answer_of
from {module} import {owner}


def execute(parameters, context):
    """Do what the step does in OpsConductor, which hands its steps no context."""
    del context
    return answer_of({owner}().{method}, parameters)
'''


def executor_text(module: str, owner: str, method: str) -> bytes:
    """An executor; all three are names that Python's own parser took as such."""
    text = _EXECUTOR_TEXT.format(module=module, owner=owner, method=method, adapter=ADAPTER)
    return text.encode()
