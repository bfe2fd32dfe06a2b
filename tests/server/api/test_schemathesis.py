"""The whole OpenAPI document against a real server: no 5xx, and no answer that is not documented.

Each operation by itself, with what fits its schema and with what does not; then sequences of them,
in which what one answers is what the next is asked with.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.api.application import openapi_document
from tests.server.real_server import Client, making_place, serving

_CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What a server says that is loading, is full, or cannot build its search index here, is documented.
_BUSY = 503
# A stream has no end; test_events.py listens to it.
schema = schemathesis.openapi.from_dict(openapi_document()).exclude(path="/api/v1/events")
_FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


_SEQUENCES = settings(
    max_examples=12,
    stateful_step_count=8,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_RUNS, _ASKED = 20, 80


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    path: Path = tmp_path_factory.mktemp("schemathesis") / "registry"
    with making_place(path) as place:
        place.publish("alpha", "1.0.0")
        place.publish("alpha", "1.1.0")
        place.publish("beta", "1.0.0", dependencies=["alpha>=1"])
        with serving(path) as running:
            yield running


def _judge(case: Any, client: Client) -> None:
    response = case.call(base_url=f"http://127.0.0.1:{client.port}", timeout=30)
    if response.status_code == _BUSY:
        case.validate_response(response, checks=_CHECKS[1:])
    else:
        case.validate_response(response, checks=_CHECKS)


def _operation_test(operation: Any) -> Callable[..., None]:
    """A test of one operation; what pytest runs is known by its function's name."""

    @schema.include(method=operation.method, path=operation.path).parametrize()
    @_FEW
    def test(case: Any, client: Client) -> None:
        _judge(case, client)

    made: Callable[..., None] = test
    return made


# One function for each: where they share a function they share an id, and one of them is run.
_OPERATIONS: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr] # it fails here, too
for _operation in _OPERATIONS:
    _name = re.sub(r"\W+", "_", _operation.label.lower())
    globals()[f"test_{_name}_answers_as_documented"] = _operation_test(_operation)


def test_sequences_of_operations_answer_as_documented(client: Client) -> None:
    failures: list[str] = []
    asked = 0

    class Sequence(schema.as_state_machine()):  # type: ignore[misc]  # made at run time
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            del case
            return {"base_url": f"http://127.0.0.1:{client.port}", "timeout": 30}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            nonlocal asked
            asked += 1
            is_busy = response.status_code == _BUSY
            try:
                case.validate_response(response, checks=_CHECKS[1:] if is_busy else _CHECKS)
            except (AssertionError, FailureGroup) as error:
                # Kept, not raised: the server has gone on, and no sequence can be played again.
                failures.append(f"{case.method} {case.path}: {error}")

    for _ in range(_RUNS):
        # What may come next is drawn from what was answered, which is never twice the same.
        with contextlib.suppress(Flaky):
            Sequence.run(settings=_SEQUENCES)
        if asked >= _ASKED:
            break
    assert asked >= _ASKED
    assert failures == []
    assert client.get("/health").status == 200
