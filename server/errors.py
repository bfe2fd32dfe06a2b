"""The server's errors: each says what to do next and has an exit code for the command line."""

from __future__ import annotations

from registry.errors import ReportedError


class ServerError(ReportedError):
    """Something that keeps the server from starting or answering; the root of this room's."""


class SettingsError(ServerError):
    """A setting that has no valid value, or a combination that would be unsafe."""

    exit_code = 2


class ListenError(ServerError):
    """The address cannot be listened on."""

    exit_code = 23


class LoadError(ServerError):
    """A registry could not be loaded for serving."""

    exit_code = 22


class CheckError(ServerError):
    """The demo's own check found an answer that is wrong."""

    exit_code = 21


class AnswerError(ServerError):
    """A request that is refused: ``status`` is the HTTP status, the message its ``detail``."""

    def __init__(
        self, status: int, detail: str, problems: tuple[str, ...] = (), *, retry_after: int = 1
    ) -> None:
        """``problems`` become the list beside ``detail``; ``retry_after`` is for 429 and 503."""
        super().__init__(detail)
        self.status = status
        self.problems = problems
        self.retry_after = retry_after
