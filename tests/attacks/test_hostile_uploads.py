"""Uploads that are made to be checked for minutes, or to be answered with megabytes."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from registry.checks.release import CheckedRelease, check_release
from registry.errors import LimitError
from registry.limits import DEFAULT_LIMITS
from registry.problems import InvalidLibraryError, Problem, errors_of
from registry.sources.release_source import read_upload
from tests.registry.making import encode, files, step

# Processor time, not the clock's: the machine may be busy. Each took ten times as long.
_SECONDS = 4.0
_ANSWER = 300_000
_BEGIN = b"def execute(parameters, context):\n    "


@contextmanager
def _bounded() -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < _SECONDS


def _said(problems: tuple[Problem, ...]) -> int:
    assert len(problems) <= DEFAULT_LIMITS.problems_reported + 2
    said = sum(len(str(problem)) for problem in problems)
    assert said < _ANSWER
    return said


def _zip(names: list[str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return made.getvalue()


def _check(extra: Mapping[str, bytes]) -> CheckedRelease:
    with _bounded():
        return check_release(files(extra=extra), strict=False)


@pytest.mark.parametrize(
    "source",
    [
        _BEGIN + b"x=f'" + b"{1}" * 160_000 + b"'\n",
        _BEGIN + b"x=rF'''" + b"{1}\n" * 120_000 + b"'''\n",
        _BEGIN + b"x=f'" + b"{1}" * 160_000 + b"\n",
        _BEGIN + b"x=f'" + b"{1}" * 160_000 + b"'\n    x ? (",
    ],
    ids=["fields", "lines", "no-end", "no-python"],
)
def test_an_f_string_bomb_is_refused_at_once(source: bytes) -> None:
    checked = _check({"executors/copy.py": source})
    assert [p.rule for p in errors_of(checked.problems)] == ["executor-syntax"]


@pytest.mark.parametrize(
    "source",
    [
        b"x='" + b"{1}" * 100_000 + b"'\n",
        b"x=(" + b"f'{1}' " * 50_000 + b")\n",
        b"x=[" + b"{}," * 100_000 + b"]\n",
        b"".join(b"y%d=f'{y}{1}'\n    " % number for number in range(10_000)) + b"pass\n",
    ],
    ids=["plain", "side-by-side", "dictionaries", "many"],
)
def test_many_braces_that_are_no_bomb_are_taken(source: bytes) -> None:
    checked = _check({"executors/copy.py": _BEGIN + source})
    assert checked.content is not None


def test_unknown_keys_without_end_are_cut_where_they_are_found() -> None:
    keys = {f"key{number:06}": 1 for number in range(50_000)}
    checked = _check({"steps/copy.json": encode({**step(), **keys})})
    assert checked.content is not None
    _said(checked.problems)


def test_errors_behind_unknown_keys_are_told() -> None:
    keys = {f"key{number:06}": 1 for number in range(50_000)}
    checked = _check({"steps/copy.json": encode({**keys, **step(name=3)})})
    assert checked.content is None
    assert [p.pointer for p in errors_of(checked.problems)] == ["/name"]


def test_more_entries_than_are_read_are_refused_before_any_is() -> None:
    raw = _zip([f"../{number:05}" for number in range(65_000)])
    with _bounded(), pytest.raises(LimitError, match="65,000 entries"):
        read_upload(raw)


@pytest.mark.parametrize(
    "name",
    [
        lambda number: f"../{number:05}",
        lambda number: f"{number:05}" + "../a" * 3_500,
        lambda number: f"{number:05}/node_modules" + "/a" * 7_000,
        lambda number: "steps/" + f"{number:05}" * 250,
    ],
    ids=["outside", "long", "long-litter", "long-part"],
)
def test_problems_and_names_of_a_zip_are_cut(name: Callable[[int], str]) -> None:
    raw = _zip([name(number) for number in range(2_000)])
    with _bounded(), pytest.raises(InvalidLibraryError) as refused:
        read_upload(raw)
    _said(refused.value.problems)
    assert len(str(refused.value)) < _ANSWER


def test_litter_without_end_is_named_in_part() -> None:
    made = io.BytesIO(_zip([f"docs/{number}.pyc" for number in range(20_000)]))
    with zipfile.ZipFile(made, "a") as archive:
        for path, content in files().items():
            archive.writestr(path, content)
    told: list[Problem] = []
    with _bounded():
        assert read_upload(made.getvalue(), told=told.append).keys() == files().keys()
    _said(tuple(told))
