"""The reasons why the database does not do what it is asked."""

from __future__ import annotations

from server.errors import ServerError


class DatabaseError(ServerError):
    """Something about the database; the root of this package's errors."""

    exit_code = 28


class DatabaseDownError(DatabaseError):
    """It cannot be reached, or it is busy for too long: the same may work a moment later."""


class DatabaseDamagedError(DatabaseDownError):
    """Its file cannot be read any more: waiting does not help, and a person must look."""


class DatabaseSetupError(DatabaseError):
    """Its URL, or what lies there, is not what this program can use."""

    exit_code = 2
