"""Servers whose registry lies on a file system of its own: read-only, or with little room."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.conftest import cannot_run
from tests.server.real_server import Client, serving

_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
_SMALL = 'mount -t tmpfs -o "size=$1" none "$0" && cp -a "$2" "$0/registry" && shift 2 && exec "$@"'
_PAGE = 4096


@cache
def own_mounts() -> list[str]:
    """What starts a program that may mount: in a namespace that it is root of."""
    for words in (["unshare", "-m"], ["unshare", "-r", "-m"]):
        tried = [*words, "mount", "-t", "tmpfs", "none", "/mnt"]
        if (
            shutil.which("unshare")
            and subprocess.run(tried, capture_output=True, check=False).returncode == 0
        ):
            return [*words, "sh", "-c"]
    cannot_run("servers on file systems of their own", "allow mounts, as root or in a namespace")
    raise AssertionError


@contextmanager
def serving_read_only(path: Path, *options: str, **settings: Any) -> Iterator[Client]:
    """A server over a registry on a file system that can only be read."""
    before = [*own_mounts(), _READ_ONLY, str(path)]
    with serving(path, *options, before=before, **settings) as client:
        yield client


@dataclass(frozen=True, kw_only=True, slots=True)
class SmallDisk:
    """The file system of a server's registry."""

    directory: Path

    def leave(self, pages: int) -> None:
        """Fill it up to so many pages."""
        filler = self.directory / "filler"
        filler.unlink(missing_ok=True)
        free = os.statvfs(self.directory).f_bavail - pages
        if free > 0:
            filler.write_bytes(b"x" * _PAGE * free)


@contextmanager
def serving_small_disk(
    path: Path, *options: str, size: str, **settings: Any
) -> Iterator[tuple[Client, SmallDisk]]:
    """A server over a copy of a registry, on a file system of so many bytes."""
    mounted = path.with_name("mounted")
    mounted.mkdir()
    before = [*own_mounts(), _SMALL, str(mounted), size, str(path)]
    with serving(mounted / "registry", *options, before=before, **settings) as client:
        seen = Path(f"/proc/{client.process.pid}/root{mounted}")
        yield client, SmallDisk(directory=seen)
