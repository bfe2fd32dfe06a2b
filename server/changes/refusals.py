"""The refusals of operations, as HTTP says them: one table for all routes."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TypeVar

import structlog

from registry.errors import (
    ConflictError,
    DiskFullError,
    GitError,
    InvalidNameError,
    LimitError,
    MovedError,
    NotARegistryError,
    NotFoundError,
    RegistryError,
)
from registry.git.failures import disk_is_full
from registry.installing.errors import DependencyConflictError
from registry.installing.licenses import MissingLicenseError, RefusedLicenseError
from registry.problems import InvalidLibraryError, Severity, errors_of
from registry.resolution.errors import ResolutionError
from registry.signing.errors import SigningError
from registry.sources.release_source import SourceError
from registry.sources.zip_reader import ArchiveError
from registry.trust.errors import UntrustedHistoryError
from registry.upstreams.errors import UnreachableUpstreamError, UpstreamError
from server.advice import for_http, plain, without_paths
from server.errors import AnswerError

_LOG = structlog.get_logger(__name__)

Result = TypeVar("Result")

# EFBIG: a limit that the machine's administrator set for this process's files.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# What lies with the machine and not with the request, nor with this program. The last two: a
# directory that was moved away under the server, or is not mounted any more.
_SICK = frozenset(
    {
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.ESTALE,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOENT,
        errno.ENOTDIR,
    }
)
_NO_SPACE = "there is no space left on the server's disk; nothing was changed"
_SHOWN = 3  # errors in a detail
_SHOWN_CHARACTERS = 400
# The first that fits counts: special kinds before general ones.
_STATUSES: tuple[tuple[type[RegistryError], int], ...] = (
    (NotFoundError, 404),
    (InvalidNameError, 422),
    (LimitError, 413),
    (ArchiveError, 400),
    (SourceError, 400),
    (SigningError, 403),
    (MissingLicenseError, 402),
    (RefusedLicenseError, 403),
    (UnreachableUpstreamError, 502),
    (UpstreamError, 409),
    (ResolutionError, 409),
    (ConflictError, 409),
    (MovedError, 409),
    (UntrustedHistoryError, 409),
    (NotARegistryError, 503),
    (GitError, 503),
)


def refusal(error: RegistryError | OSError) -> AnswerError | None:
    """The answer for an error of an operation; None for one that is a fault of the server's."""
    if isinstance(error, OSError):
        return _by_the_system(error)
    if isinstance(error, DiskFullError) or disk_is_full(str(error)):
        return AnswerError(507, _NO_SPACE)
    if isinstance(error, InvalidLibraryError):
        return _invalid(error)
    if isinstance(error, DependencyConflictError):
        return AnswerError(409, _sentence(error), tuple(map(str, error.unmet)))
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return AnswerError(status, _sentence(error))
    return None


def refusing(question: Callable[[], Result]) -> Result:
    """The result; raises the AnswerError that refuses it."""
    try:
        return question()
    except (RegistryError, OSError) as error:
        answer = refusal(error)
        if answer is None:
            raise
        if isinstance(error, OSError):
            _LOG.error("the file system refused", reason=str(error))
        raise answer from error


def _by_the_system(error: OSError) -> AnswerError | None:
    if error.errno in _FULL:
        return AnswerError(507, _NO_SPACE)
    if error.errno not in _SICK:
        return None
    said = f"the server's file system refuses: {error.strerror}. Its operator must look at it"
    return AnswerError(503, said)


def _invalid(error: InvalidLibraryError) -> AnswerError:
    """Return the errors that stop the library first, apart: many clients show only ``detail``."""
    errors = errors_of(error.problems)
    warnings = [one for one in error.problems if one.severity is not Severity.ERROR]
    problems = tuple(map(str, (*errors, *warnings)))
    shown = [plain(text)[:_SHOWN_CHARACTERS] for text in problems[: min(len(errors), _SHOWN) or 1]]
    more = len(errors) - len(shown)
    parts = [*shown, f"and {_count(more, 'more error')}"] if more > 0 else shown
    counted = _count(len(errors), "error") if errors else _count(len(warnings), "warning")
    detail = f"{error.where} has {counted}: {'; '.join(parts)}"
    if errors and warnings:
        detail += f"; besides {_count(len(warnings), 'warning')}"
    is_too_large = bool(errors) and all(one.rule.startswith("limit-") for one in errors)
    return AnswerError(413 if is_too_large else 400, detail, problems)


def _count(amount: int, what: str) -> str:
    return f"{amount:,} {what}{'' if amount == 1 else 's'}"


def _sentence(error: RegistryError) -> str:
    """Say what is wrong and what to do; where files lie on the server is nobody's business."""
    message, step = plain(error.message), for_http(error.next_step, error.message)
    if isinstance(error, GitError | NotARegistryError):
        message, step = without_paths(message), without_paths(step)
    return f"{message}. {step}" if step else message
