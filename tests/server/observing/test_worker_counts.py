from server.asgi.route_names import OTHER
from server.observing.worker_counts import COUNTS_BYTES, Counts
from server.processes.shared_memory import make_memory
from server.relay.asking import KeeperEndedError, KeeperGoneError


def test_what_a_worker_answers_for_a_keeper_that_ended_is_counted() -> None:
    """A change that a keeper did not end is answered with 502, which once had no cell."""
    memory = make_memory(COUNTS_BYTES)
    counts = Counts(memory)
    for error in (KeeperGoneError("it is gone"), KeeperEndedError()):
        counts.route(OTHER).observe(error.status, 0.001)
    (_, found) = next(Counts(memory).routes())
    assert found.statuses == {502: 1, 503: 1}
