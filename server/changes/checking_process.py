"""The process that looks at what strangers upload: it may take its time, or be killed over it.

Changes do not wait for it, and it holds nothing that is lost with it.
"""

from __future__ import annotations

import resource
from dataclasses import replace

from registry.errors import LimitError
from registry.installing.incoming import Incoming, check_incoming
from registry.limits import Limits
from registry.problems import Problem
from registry.sources.release_source import read_upload
from server.processes.niceness import be_nice

_NICENESS = 15


def begin_checking(memory_bytes: int) -> None:
    """Let this process have no more memory than that; others come first."""
    be_nice(_NICENESS)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    given = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (given, given))


def check_upload(file: bytes, limits: Limits) -> Incoming:
    """The release in the bytes of a ZIP; raises as `read_upload` and `check_incoming`.

    Raises LimitError where it takes more memory than this process may have.
    """
    passed_by: list[Problem] = []
    try:
        files = read_upload(file, limits, told=passed_by.append)
        incoming = check_incoming(files, limits=limits)
    except MemoryError as error:
        raise LimitError("to check it takes more memory than there is for it") from error
    return replace(incoming, warnings=(*passed_by, *incoming.warnings))
