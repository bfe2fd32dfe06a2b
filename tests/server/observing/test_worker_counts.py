from pathlib import Path

from server.asgi.route_names import OTHER
from server.observing.worker_counts import Counts, counts_in, counts_path
from server.relay.asking import KeeperEndedError, KeeperGoneError


def test_what_a_worker_answers_for_a_keeper_that_ended_is_counted(tmp_path: Path) -> None:
    """A change that a keeper did not end is answered with 502, which once had no cell."""
    counts = Counts(counts_path(tmp_path, 1))
    for error in (KeeperGoneError("it is gone"), KeeperEndedError()):
        counts.route(OTHER).observe(error.status, 0.001)
    (read,) = counts_in(tmp_path)
    (_, found) = next(read.routes())
    assert found.statuses == {502: 1, 503: 1}
