"""The reasons why a lookup finds nothing: each process answers in the same words."""

from __future__ import annotations

import msgspec

from registry.formats.model import Yank
from registry.library.release_state import ReleaseState
from registry.problems import printable
from server.errors import AnswerError
from server.readmodel.records import ServedLibrary

_SHOWN = 80
_RELEASES_SHOWN = 3
LOADING = "the registry is still being loaded; ask again in a second"


class _Version(msgspec.Struct):
    version: str
    state: ReleaseState
    yanked: Yank | None = None


class _Detail(msgspec.Struct):
    versions: list[_Version]


_DETAIL = msgspec.json.Decoder(_Detail)


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
    return nothing_active(library, f"/api/v1/steps/{step_id[:_SHOWN]}@")


def nothing_active(library: ServedLibrary, path: str) -> AnswerError:
    """Nothing of a library is chosen by itself: say why, and how what is there can be had.

    ``path`` is what the version of a release follows in a request for it.
    """
    versions = _DETAIL.decode(library.detail_bytes()).versions
    released = [one for one in versions if one.state is ReleaseState.RELEASED]
    said = [f"{one.version}{_why_not(one)}" for one in released[:_RELEASES_SHOWN]]
    if len(released) > len(said):
        said.append(f"and {len(released) - len(said):,} more")
    reason = "its files were removed"
    if released:
        reason = f"{', '.join(said)}; a release is answered when it is named: GET {path}"
        reason += released[0].version
    elif any(one.state is ReleaseState.CANDIDATE for one in versions):
        reason = "it has no release yet"
    elif library.problems:
        reason = "see problems"
    return AnswerError(
        404, f"the library {library.name} has no active release: {reason}", library.problems
    )


def _why_not(release: _Version) -> str:
    """Return the reason that a release is not chosen by itself."""
    if release.yanked is None:
        return " is not the version that its operator pinned"
    instead = release.yanked.replacement
    use = f", use {printable(instead)[:_SHOWN]} instead" if instead else ""
    return f" is yanked ({printable(release.yanked.reason)[:_SHOWN]}{use})"


def no_step(name: str, version: str, step_id: str) -> AnswerError:
    """A release has no such step."""
    return AnswerError(404, f"{name} {version} has no step {step_id.partition('.')[2][:_SHOWN]!r}")
