"""Pools of worker processes, with real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from registry.errors import ConflictError
from registry.processes.pool import WorkerDiedError, WorkerPool
from registry.processes.program import program_environment
from tests.registry.processes import workers


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with closing(WorkerPool()) as made:
        yield made


def test_work_is_done_by_one_other_process(pool: WorkerPool) -> None:
    first = pool.run(workers.process_id)
    assert first != os.getpid()
    assert pool.run(workers.process_id) == first


def test_begin_is_called_once_in_each_process() -> None:
    with closing(WorkerPool(1, partial(workers.begin, "ready"))) as pool:
        assert pool.run(workers.begun) == ["ready"]
        assert pool.run(workers.begun) == ["ready"]


def test_what_begin_raises_reaches_who_asked_each_time() -> None:
    with closing(WorkerPool(1, workers.refuse_to_begin)) as pool:
        for _ in range(2):
            with pytest.raises(ConflictError, match="the registry is taken"):
                pool.run(workers.process_id)


def test_an_error_keeps_its_parts(pool: WorkerPool) -> None:
    with pytest.raises(ConflictError) as raised:
        pool.run(workers.refuse, "libraries/x")
    error = raised.value
    assert (error.message, error.where, error.next_step) == (
        "that is taken",
        "libraries/x",
        "Take another",
    )
    assert not hasattr(error, "__notes__")


def test_an_unexpected_error_says_where_it_was_raised(pool: WorkerPool) -> None:
    """One that looks like a broken pipe is the work's, and the worker goes on."""
    before = pool.run(workers.process_id)
    with pytest.raises(ConnectionResetError) as raised:
        pool.run(workers.fail)
    assert "in fail" in raised.value.__notes__[0]
    assert pool.run(workers.process_id) == before


def test_an_error_that_cannot_travel_is_told(pool: WorkerPool) -> None:
    with pytest.raises(RuntimeError, match="StubbornError: onetwo"):
        pool.run(workers.fail_stubbornly)


def test_a_worker_that_dies_is_an_error_that_names_the_work_and_the_next_one_works(
    pool: WorkerPool,
) -> None:
    with pytest.raises(WorkerDiedError, match=r"ended with -9 at die"):
        pool.run(workers.die)
    assert pool.run(workers.process_id)


def test_a_worker_killed_while_idle_is_replaced_unnoticed(pool: WorkerPool) -> None:
    idle = pool.run(workers.process_id)
    os.kill(idle, signal.SIGKILL)
    os.waitid(os.P_PID, idle, os.WEXITED | os.WNOWAIT)
    assert pool.run(workers.process_id) != idle


def test_as_many_processes_work_at_once_as_there_may_be(tmp_path: Path) -> None:
    with closing(WorkerPool(2)) as pool, ThreadPoolExecutor(2) as threads:
        found = threads.map(lambda _: pool.run(workers.meet, str(tmp_path), 2), range(2))
        assert len(set(found)) == 2


_WITHOUT_A_GUARD = """
from contextlib import closing

from registry.processes.pool import WorkerPool
from tests.registry.processes.workers import process_id

print("begins")
with closing(WorkerPool()) as pool:
    pool.run(process_id)
print("ends")
"""


def test_what_started_us_is_not_run_again(tmp_path: Path) -> None:
    """A launcher without a guard once ran ``opsteps demo`` in each process that it started."""
    script = tmp_path / "launcher"
    script.write_text(_WITHOUT_A_GUARD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env=program_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["begins", "ends"]


def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    told = tmp_path / "told"
    os.mkfifo(told)
    script.write_text(
        "import os, signal\n"
        "from registry.processes.pool import WorkerPool\n"
        "from tests.registry.processes.workers import process_id\n"
        "child = WorkerPool().run(process_id)\n"
        f"open({str(told)!r}, 'w').write(str(child))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf-8",
    )
    parent = subprocess.Popen([sys.executable, str(script)], env=program_environment())
    watched = os.pidfd_open(int(told.read_text(encoding="utf-8")))
    parent.wait()
    try:
        # A pidfd becomes readable when its process has ended.
        import select

        assert select.select([watched], [], [], 30)[0]
    finally:
        os.close(watched)
