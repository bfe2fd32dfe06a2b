"""No operation that the documents offer looks like an attack, in whatever order they come."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.e2e.whole_life import WholeLife

# `make soak` asks for more of both.
_LIVES = int(os.environ.get("OPSTEPS_TEST_LIVES", "2"))
_OPERATIONS = 20


@pytest.mark.timeout(0 if "OPSTEPS_TEST_LIVES" in os.environ else 300)
def test_no_documented_operation_raises_an_alarm_in_any_order() -> None:
    """The same lives each time in the suite, others each time when more are asked for."""
    run_state_machine_as_test(
        WholeLife,
        settings=settings(
            max_examples=_LIVES,
            stateful_step_count=_OPERATIONS,
            derandomize="OPSTEPS_TEST_LIVES" not in os.environ,
            suppress_health_check=list(HealthCheck),
            deadline=None,
            # No shrinking: servers have their own time, and the failure tells its story.
            phases=(Phase.generate,),
        ),
    )
