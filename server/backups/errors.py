"""Why a backup cannot be made or read."""

from __future__ import annotations

from server.errors import ServerError


class BackupError(ServerError):
    """It is no backup, or is not whole, or does not fit where it is to go; nothing was written."""

    exit_code = 30
