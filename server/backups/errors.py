"""The reasons why a backup cannot be made or read."""

from __future__ import annotations

from server.errors import ServerError


class BackupError(ServerError):
    """It is not a whole backup, or does not fit where it is to go; nothing was written."""

    exit_code = 30
