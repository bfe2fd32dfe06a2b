"""The reasons why a lookup finds nothing: each process answers in the same words."""

from __future__ import annotations

from server.errors import AnswerError
from server.readmodel.records import ServedLibrary

_SHOWN = 80
LOADING = "the registry is still being loaded; ask again in a second"


def library_of_step(step_id: str) -> str:
    """The name of the library that a step id begins with; raises AnswerError (404)."""
    name, dot, rest = step_id.partition(".")
    if not dot or not rest:
        raise AnswerError(
            404, f"{step_id[:_SHOWN]!r} is not a step id; one looks like 'my-library.file.copy'"
        )
    return name


def no_library(key: str) -> AnswerError:
    """There is no library with this name or integer id."""
    return AnswerError(404, f"there is no library {key[:_SHOWN]!r}; see GET /api/v1/libraries")


def usable(library: ServedLibrary | None, name: str, instance: str) -> ServedLibrary:
    """A library whose steps may be looked up; raises AnswerError (404)."""
    if library is None:
        raise no_library(name)
    if not library.is_enabled:
        raise AnswerError(
            404,
            f"the library {name} is disabled in the instance {instance}; "
            "its operator can enable it",
        )
    return library


def no_active_step(library: ServedLibrary, step_id: str) -> AnswerError:
    """The active release, if there is one, has no such step."""
    if library.version:
        return no_step(library.name, library.version, step_id)
    if library.is_withheld:
        return AnswerError(
            503,
            f"{library.name} is not served: its newest release cannot be trusted, and nothing"
            " older takes its place",
            library.problems,
        )
    return AnswerError(
        404, f"nothing of the library {library.name} can be served", library.problems
    )


def no_step(name: str, version: str, step_id: str) -> AnswerError:
    """A release has no such step."""
    return AnswerError(404, f"{name} {version} has no step {step_id.partition('.')[2][:_SHOWN]!r}")
