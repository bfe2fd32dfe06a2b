"""Each queue of the server ends, and an operator can read where."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterator
from dataclasses import fields

import pytest

from server.errors import AnswerError
from server.settings import Settings
from server.thread_pools import Pool
from tests.server.real_server import ROOT

_PAGE = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
# Made where no request waits: when a large registry is loaded, at the stop, for each WorkerPool
# behind a queue of the table.
_OTHERS = {
    "server/thread_pools.py": {"ThreadPoolExecutor"},
    "server/readmodel/loading.py": {"ThreadPoolExecutor"},
    "server/keeper/keeper.py": {"ThreadPoolExecutor", "to_thread"},
    "server/changes/change_queue.py": {"WorkerPool"},
    "server/changes/planning_queue.py": {"WorkerPool"},
}
_EXECUTORS = {"ThreadPoolExecutor", "ProcessPoolExecutor", "WorkerPool", "to_thread"}


def _calls() -> Iterator[tuple[str, str, ast.Call]]:
    for path in sorted((ROOT / "server").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.id if isinstance(called, ast.Name) else ""
                name = called.attr if isinstance(called, ast.Attribute) else name
                yield path.relative_to(ROOT).as_posix(), name, node


def _rows() -> dict[str, str]:
    table = _PAGE.partition("### Queues")[2].partition("\n## ")[0]
    return {found[1]: found[0] for found in re.finditer(r"^\| `(\w+)` \|.*$", table, re.MULTILINE)}


def test_each_pool_of_the_server_is_in_the_operators_table() -> None:
    made = {ast.literal_eval(call.args[0]) for _, name, call in _calls() if name == "Pool"}
    assert made == _rows().keys()


def test_the_table_names_settings_that_there_are() -> None:
    known = {one.name for one in fields(Settings)} | {"next_cursor", "manage"}
    for name, row in _rows().items():
        named = set(re.findall(r"`(\w+)`", row)) - {name}
        assert named <= known, name


def test_nothing_else_has_threads_or_processes_that_requests_wait_for() -> None:
    found: dict[str, set[str]] = {}
    for path, name, _ in _calls():
        if name in _EXECUTORS:
            found.setdefault(path, set()).add(name)
    assert found == _OTHERS


def test_a_full_pool_refuses_at_once_and_takes_more_when_there_is_room() -> None:
    pool = Pool("test", threads=1, most=2, what="tests")
    go = threading.Event()
    waiting = [pool.submit(go.wait) for _ in range(2)]
    with pytest.raises(AnswerError, match="too many tests") as refused:
        pool.submit(go.wait)
    assert refused.value.status == 503
    assert (pool.held, pool.refused) == (2, 1)
    go.set()
    assert all(one.result() for one in waiting)
    assert pool.submit(lambda: 1).result() == 1
    pool.close()
    with pytest.raises(AnswerError, match="stopping"):
        pool.submit(go.wait)
