"""Errors that a person acts on, and the registry's own tree of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class ReportedError(Exception):
    """Something that a person must act on; the root of every room's tree of errors.

    ``where`` names a file, library or commit; ``next_step`` says what to do about it.
    ``exit_code`` is what the command line returns for it.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", next_step: str = "") -> None:
        """Keep the three parts apart, so that a terminal, a log and an API can each show them."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.next_step = next_step
        self.asked = ""
        self.known: Iterable[str] = ()

    def among(self, asked: str, known: Iterable[str]) -> Self:
        """Keep what was asked for and what there is: a command suggests what may be meant."""
        self.asked, self.known = asked, known
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the fields: it travels between processes whatever its class is made from."""
        state = {key: value for key, value in self.__dict__.items() if key != "known"}
        return _again, (type(self), self.args), {**state, "known": ()}  # names may be many

    def __str__(self) -> str:
        """``where: message. next step``, with the parts that are there."""
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}. {self.next_step}" if self.next_step else head


def _again(kind: type[ReportedError], arguments: tuple[object, ...]) -> ReportedError:
    """An error of a kind, before its parts are put into it."""
    return kind.__new__(kind, *arguments)


class RegistryError(ReportedError):
    """Something about a registry; the root of this room's errors."""


class InvalidNameError(RegistryError):
    """A library, step or version name that breaks the rules of names."""

    exit_code = 2


class NotARegistryError(RegistryError):
    """The directory is not a Git repository, or has no ``registry.yaml`` at the commit."""

    exit_code = 3


class NotFoundError(RegistryError):
    """No such library, release, step or file at this commit."""

    exit_code = 4


class ConflictError(RegistryError):
    """The operation contradicts what the registry holds: a taken number, name or id."""

    exit_code = 5


class GitError(RegistryError):
    """Git refused a command or answered something unexpected."""

    exit_code = 6
    said = ""
    """All that Git printed, for whoever tells one refusal from another by it."""


class NoSuchCommitError(NotFoundError, GitError):
    """A revision that somebody named is not a commit here."""

    exit_code = 4


class DamagedRepositoryError(GitError):
    """Git cannot read an object that is there."""


class IncompleteCloneError(GitError):
    """The clone lacks what the answer depends on: release tags, older commits or contents.

    What could be said would be wrong, so nothing is.
    """

    exit_code = 9


class AccessError(GitError):
    """The file system does not let this user read or write something that is needed."""

    exit_code = 77


class DiskError(GitError):
    """The file system refused: it is full, can only be read, or is broken."""

    exit_code = 74


class GoneError(DiskError):
    """The directory that is worked in is not there: moved, or no longer mounted."""


class UnfinishedError(DiskError):
    """The change is made; something that comes after it could not be done."""


class DiskFullError(DiskError):
    """There is no room left for what is to be written."""


class MovedError(GitError):
    """A ref is not where it was expected: another writer was faster."""


class LimitError(RegistryError):
    """Input is larger than a limit allows; the message names the limit."""

    exit_code = 7
