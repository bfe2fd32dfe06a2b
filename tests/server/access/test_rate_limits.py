"""Who counts as one client, and how often one may fail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.access.rate_limits import Failures, client_network


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
    ],
)
def test_a_client_is_an_address_or_what_one_customer_has_of_ipv6(
    address: str, network: str
) -> None:
    assert client_network(address) == network


def test_after_too_many_failures_a_client_waits_and_others_do_not() -> None:
    clock = Clock()
    failures = Failures(3, 60, clock)
    for _ in range(3):
        assert failures.wait_seconds("a") == 0
        failures.note("a")
        clock.now += 1
    assert failures.wait_seconds("a") == 57
    assert failures.wait_seconds("b") == 0
    clock.now += 57
    assert failures.wait_seconds("a") == 0
    failures.note("a")
    assert failures.wait_seconds("a") == 0 + 1


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30)), max_size=60))
def test_never_more_than_allowed_in_any_window(moves: list[tuple[str, float]]) -> None:
    clock = Clock()
    failures = Failures(4, 60, clock)
    noted: dict[str, list[float]] = {"a": [], "b": []}
    for client, pause in moves:
        clock.now += pause
        if not failures.wait_seconds(client):
            failures.note(client)
            noted[client].append(clock.now)
    for times in noted.values():
        for start in times:
            assert sum(start <= at < start + 60 for at in times) <= 4


def test_what_is_remembered_is_bounded() -> None:
    failures = Failures(1, 60, Clock())
    for number in range(20_000):
        failures.note(str(number))
    assert len(failures._failed) == 10_000
    assert failures.wait_seconds("0") == 0
    assert failures.wait_seconds("19999") > 0
