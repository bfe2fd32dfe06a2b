"""What others are answered while strangers hold their sockets."""

from __future__ import annotations

from http.client import HTTPConnection

LOOKUP = "/api/v1/steps/alpha.file.copy"
ANSWER_SECONDS = 8.0
"""So long a lookup is waited for during an attack: the attacks go on for longer."""


def is_answered(port: int, path: str, source: str = "127.0.0.1") -> bool:
    """Whether a new client is answered with what it asked for."""
    return status_of(port, path, source) == 200


def status_of(port: int, path: str, source: str = "127.0.0.1") -> int:
    """The status that a new client gets from its own address; 0 when it gets no answer."""
    connection = HTTPConnection(
        "127.0.0.1", port, timeout=ANSWER_SECONDS, source_address=(source, 0)
    )
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        response = connection.getresponse()
        response.read()
    except OSError:
        return 0
    else:
        return response.status
    finally:
        connection.close()


def assert_answers(port: int, source: str = "127.0.0.1") -> None:
    """Hot lookups and /health are answered, each several times, each on a new connection."""
    for _ in range(5):
        for path in (LOOKUP, "/health"):
            assert is_answered(port, path, source), f"{path} was not answered"
