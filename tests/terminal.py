"""The installed command on a real pseudo-terminal of a given width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tests.installed import command

_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(
    where: Path, *arguments: object, columns: int, env: Mapping[str, str] | None = None
) -> str:
    """What a person sees of a command; with the codes of colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    }
    with subprocess.Popen(
        command(*arguments),
        cwd=where,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**kept, "TERM": "xterm-256color", **(env or {})},
    ):
        os.close(theirs)
        return b"".join(_until_closed(ours)).decode().replace("\r\n", "\n")


def without_codes(text: str) -> str:
    """The same without colours."""
    return _CODES.sub("", text)


def _until_closed(descriptor: int) -> Iterator[bytes]:
    """What comes until every writer has closed it; Linux ends that with an error."""
    with open(descriptor, "rb", buffering=0) as opened, suppress(OSError):
        while chunk := opened.read(4096):
            yield chunk
