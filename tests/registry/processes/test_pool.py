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
from registry.processes.pool import WorkerDiedError, WorkerPool, WorkerTimeoutError
from registry.processes.program import program_environment
from tests.registry.processes import workers
from tests.server.real_server import until


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


def _has_ended(process: int) -> bool:
    """Whether it is gone, or waits for nothing but to be reaped."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("work", ["process_id", "hang"])
def test_a_worker_ends_when_its_parent_is_killed_idle_or_amid_its_work(
    tmp_path: Path, work: str
) -> None:
    """With all that it started."""
    script, told = tmp_path / "parent.py", tmp_path / "told"
    asked = (
        "pool.run(workers.hang, told)"
        if work == "hang"
        else ("open(told, 'w').write(str(pool.run(workers.process_id)))")
    )
    script.write_text(
        "import sys, time\n"
        "from registry.processes.pool import WorkerPool\n"
        "from tests.registry.processes import workers\n"
        "pool, told = WorkerPool(), sys.argv[1]\n"
        f"{asked}\n"
        "time.sleep(600)\n",
        encoding="utf-8",
    )
    parent = subprocess.Popen([sys.executable, script, told], env=program_environment())
    try:
        until(lambda: told.exists() and told.read_text(encoding="ascii"))
    finally:
        parent.kill()
        parent.wait()
    processes = [int(number) for number in told.read_text(encoding="ascii").split()]
    assert len(processes) == (2 if work == "hang" else 1)
    until(lambda: all(map(_has_ended, processes)))


@pytest.mark.parametrize("work", [partial(workers.stop), partial(workers.hang, os.devnull)])
def test_work_that_takes_too_long_is_ended_and_the_next_one_works(
    pool: WorkerPool, work: partial[None]
) -> None:
    pool.run(workers.process_id)
    with pytest.raises(WorkerTimeoutError, match=r"took longer than 0\.3 s"):
        pool.run(work, seconds=0.3)
    assert pool.busy_seconds == 0
    assert pool.run(workers.process_id, seconds=60)


def test_what_is_too_large_for_a_worker_that_is_stopped_does_not_hang(pool: WorkerPool) -> None:
    """The connection is full before all is sent."""
    os.kill(pool.run(workers.process_id), signal.SIGSTOP)
    with pytest.raises(WorkerTimeoutError):
        pool.run(workers.refuse, "x" * 10_000_000, seconds=0.3)


def test_a_pool_can_be_ended_amid_its_work(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with closing(WorkerPool()) as pool, ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(pool.run, workers.hang, str(told)) for _ in range(2)]
        until(lambda: told.exists() and told.read_text(encoding="ascii"))
        assert pool.busy_seconds > 0
        pool.kill()
        for one in asked:
            with pytest.raises(WorkerDiedError):
                one.result(30)
    assert all(_has_ended(int(one)) for one in told.read_text(encoding="ascii").split())


def test_a_worker_that_is_stopped_keeps_no_pool_from_closing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("registry.processes.pool._END_SECONDS", 0.2)
    with closing(WorkerPool()) as pool:
        os.kill(pool.run(workers.process_id), signal.SIGSTOP)
