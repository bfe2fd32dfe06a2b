"""dns.lookup, tcp.check and subnet.calculate."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import call, ok, refused


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on loopback that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port on loopback where nothing listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_localhost_has_a_loopback_address() -> None:
    output = ok("dns.lookup", {"host": "localhost", "family": "ipv4"})
    assert output["addresses"] == ["127.0.0.1"]
    assert output["count"] == 1


def test_expected_addresses_are_compared() -> None:
    parameters = {"host": "localhost", "family": "ipv4"}
    ok("dns.lookup", {**parameters, "expected": ["127.0.0.1"]})
    result = call("dns.lookup", {**parameters, "expected": ["192.0.2.1"]})
    assert "does not have 192.0.2.1" in result["error"]
    assert result["output"]["addresses"] == ["127.0.0.1"]
    assert "IP addresses" in refused("dns.lookup", {**parameters, "expected": ["www"]})
    assert "must be a list" in refused("dns.lookup", {**parameters, "expected": "127.0.0.1"})


def test_an_unknown_name_is_an_expected_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = refused("dns.lookup", {"host": "nowhere.example"})
    assert error == "nowhere.example could not be resolved: Name or service not known"
    assert "could not be resolved" in refused("tcp.check", {"host": "nowhere.example", "port": 1})
    assert "could not be resolved" in refused("tls.expiry", {"host": "nowhere.example"})


def test_a_resolver_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: object) -> list[Any]:
        release.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    error = refused("dns.lookup", {"host": "slow.example", "timeout_seconds": 0.05})
    release.set()
    assert error == "no answer about slow.example within 0.05 s"


@pytest.mark.parametrize("host", ["", "-c", "a b", "http://a", "a/b", "bücher.example", None, 5])
@pytest.mark.parametrize("step", ["dns.lookup", "tcp.check", "tls.expiry", "host.ping"])
def test_what_is_not_a_host_is_refused(step: str, host: object) -> None:
    assert "host" in refused(step, {"host": host, "port": 1})


def test_an_open_port_is_open(listener: int) -> None:
    output = ok("tcp.check", {"host": "127.0.0.1", "port": listener})
    assert (output["open"], output["address"], output["reason"]) == (True, "127.0.0.1", "")
    error = refused("tcp.check", {"host": "127.0.0.1", "port": listener, "expect": "closed"})
    assert error == f"port {listener} of 127.0.0.1 is open"


def test_a_closed_port_is_closed(closed_port: int) -> None:
    parameters = {"host": "localhost", "port": closed_port}
    assert ok("tcp.check", {**parameters, "expect": "closed"})["open"] is False
    result = call("tcp.check", parameters)
    assert "refused" in result["error"]
    assert result["output"]["open"] is False


@pytest.mark.parametrize(
    ("port", "word"),
    [(None, "required"), (0, "from 1"), (65536, "from 1"), ("80", "a number"), (1.5, "whole")],
)
def test_a_port_is_a_whole_number(port: object, word: str) -> None:
    assert word in refused("tcp.check", {"host": "localhost", "port": port})


def test_no_time_left_is_said(listener: int) -> None:
    parameters = {"host": "127.0.0.1", "port": listener}
    assert "time" in refused("tcp.check", parameters, {"deadline": 0})


def test_a_subnet_is_described() -> None:
    assert ok("subnet.calculate", {"network": "192.0.2.77/24", "address": "192.0.2.255"}) == {
        "network": "192.0.2.0/24",
        "version": 4,
        "netmask": "255.255.255.0",
        "first_address": "192.0.2.0",
        "last_address": "192.0.2.255",
        "address_count": "256",
        "is_private": True,
        "contains": True,
    }


def test_a_subnet_of_ipv6_has_more_addresses_than_a_number_holds() -> None:
    output = ok("subnet.calculate", {"network": "2001:db8::/32", "address": "192.0.2.1"})
    assert output["address_count"] == str(2**96)
    assert output["contains"] is False


def test_what_is_not_a_subnet_is_refused() -> None:
    assert "CIDR" in refused("subnet.calculate", {"network": "192.0.2.0/33"})
    error = refused("subnet.calculate", {"network": "192.0.2.0/24", "address": "x"})
    assert "IP address" in error
