"""Reading of host, port and timeout parameters, and looking names up in a given time."""

from __future__ import annotations

import queue
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _params import integer, number, optional_text, text
from _step import Run, StepError

HOST = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9._:%-]{0,252}")


def host_of(parameters: Mapping[str, Any]) -> str:
    """Return the host, a name or an address; it never looks like a command's option."""
    host = text(parameters, "host")
    if not HOST.fullmatch(host):
        raise StepError("host must be a host name or an IP address, without scheme, port or spaces")
    return host


def port_of(parameters: Mapping[str, Any], default: int | None = None) -> int:
    """Return the port."""
    if default is None and parameters.get("port") is None:
        raise StepError("port is required")
    return integer(parameters, "port", default or 0, 1, 65535)


def timeout_of(parameters: Mapping[str, Any], run: Run, default: float) -> float:
    """Return the timeout in seconds, no longer than the run has left."""
    return min(number(parameters, "timeout_seconds", default, 0.05, 60), run.left())


def addresses_of(host: str, family: socket.AddressFamily, timeout: float) -> list[str]:
    """Return the addresses of a host in the resolver's order, each once.

    The system's resolver cannot be interrupted, so it is asked in a thread that may be left behind.
    """
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
        except (OSError, UnicodeError) as problem:
            answers.put(problem)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise StepError(f"no answer about {host} within {timeout:g} s") from None
    if not isinstance(answer, list):
        raise StepError(f"{host} could not be resolved: {_reason(answer)}")
    return answer


def tls_context(parameters: Mapping[str, Any]) -> ssl.SSLContext:
    """Return what trusts the system's authorities and those in ``ca_file``."""
    context = ssl.create_default_context()
    ca_file = optional_text(parameters, "ca_file")
    if ca_file is not None:
        if not Path(ca_file).is_file():
            raise StepError(f"there is no file at {ca_file} (ca_file)")
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise StepError(f"{ca_file} holds no certificates in PEM form (ca_file)") from None
    return context


def _reason(problem: OSError | UnicodeError) -> str:
    if isinstance(problem, OSError):
        return problem.strerror or "unknown name"
    return "not a valid host name"
