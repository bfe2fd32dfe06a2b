"""Addresses of a server, as URLs."""

from __future__ import annotations


def web_address(host: str, port: int) -> str:
    """The URL of a server that listens there, as its own machine reaches it."""
    seen = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - as it is given
    return f"http://[{seen}]:{port}" if ":" in seen else f"http://{seen}:{port}"


def listening_address(host: str, port: int) -> str:
    """The address listened on, as it is given: 0.0.0.0 is every address of the machine."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
