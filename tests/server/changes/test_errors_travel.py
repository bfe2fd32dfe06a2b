"""Errors cross from one process to another whole."""

import pickle

import pytest

from registry.errors import ConflictError, ReportedError
from registry.installing.errors import DependentsError, Unmet
from registry.names import LibraryName
from registry.problems import InvalidLibraryError, Problem
from registry.versions import parse_dependency, parse_version
from server.errors import AnswerError

_UNMET = Unmet(
    library=LibraryName("beta"),
    version=parse_version("1.0.0"),
    dependency=parse_dependency("alpha<2"),
    found=None,
    why="alpha would be gone",
)


@pytest.mark.parametrize(
    "error",
    [
        ConflictError("taken", where="libraries/x", next_step="Choose another"),
        InvalidLibraryError("the ZIP", (Problem(rule="source", file="x", message="bad"),)),
        DependentsError("beta needs it", (_UNMET,), next_step="Change it first"),
        AnswerError(402, "premium", ("a problem",)),
    ],
)
def test_an_error_is_the_same_on_the_other_side(error: ReportedError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - made in the line itself
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert {k: str(v) for k, v in vars(again).items()} == {
        k: str(v) for k, v in vars(error).items()
    }
