"""Who goes for a newcomer, with moments that the test chooses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from server.connections.places import Admission, Places
from server.settings import Settings

_SETTINGS = Settings(client_connections=3, unsent_bytes=100)
_PROXY = "10.0.0.1"


@dataclass(kw_only=True, eq=False)
class _Client:
    """A connection whose client has kept the server waiting since a moment; None: it does not."""

    network: str = "192.0.2.1"
    since: float | None = None
    unsent: int = 0
    is_shed: bool = field(default=False, init=False)

    def lag(self, now: float) -> float:
        return -1.0 if self.since is None else now - self.since

    def shed(self) -> None:
        self.is_shed = True

    def check(self, now: float) -> None:
        """Nothing has its time here."""

    def stop(self) -> None:
        """Nor an end."""


def _places(most: int = 10) -> Places:
    return Places(_SETTINGS, most, lambda address: address == _PROXY)


def _taken(places: Places, *clients: _Client) -> list[Admission]:
    return [places.admit(one, 100.0) for one in clients]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1%eth0", "2001:db8:1:2::/64"),
        (_PROXY, ""),
    ],
)
def test_whom_an_address_counts_for(address: str, network: str) -> None:
    assert _places().network_of(address) == network


def test_of_one_client_the_slowest_goes() -> None:
    places = _places()
    slow, slower, fast = _Client(since=99.0), _Client(since=90.0), _Client()
    assert _taken(places, slow, slower, fast, _Client()) == [Admission.ORDINARY] * 4
    assert (slower.is_shed, slow.is_shed, fast.is_shed) == (True, False, False)
    assert (places.count, places.ended) == (3, 1)


def test_who_rests_between_two_requests_stays_where_others_are_slow() -> None:
    places = Places(replace(_SETTINGS, client_connections=80), 200, lambda address: not address)
    resting = [_Client(since=99.9) for _ in range(40)]
    slow = [_Client(since=98.0) for _ in range(40)]
    _taken(places, *resting, *slow, *(_Client() for _ in range(20)))
    assert not any(one.is_shed for one in resting)
    assert sum(one.is_shed for one in slow) == 20


def test_where_nobody_is_slow_some_are_taken_for_lookups_and_then_none() -> None:
    places = _places()
    taken = _taken(places, *(_Client() for _ in range(3 + 64 + 2)))
    assert taken == [
        *[Admission.ORDINARY] * 3,
        *[Admission.BEYOND] * 64,
        *[Admission.REFUSED] * 2,
    ]
    assert places.count == 67
    # Another client has places of its own.
    assert _taken(_places(), _Client(network="192.0.2.2")) == [Admission.ORDINARY]


def test_who_comes_for_one_beyond_the_limit_is_beyond_it_too() -> None:
    """Else those who are never slow would take, one after the other, what is kept for lookups."""
    places = _places()
    _taken(places, *(_Client() for _ in range(3)))
    waiting = _Client(since=90.0)
    assert _taken(places, waiting, _Client(), _Client()) == [Admission.BEYOND] * 3
    assert waiting.is_shed
    assert places.count == 3 + 2


def test_beyond_the_limit_two_go_for_a_newcomer() -> None:
    """So that their number falls, and newcomers are ordinary again."""
    places = _places()
    ordinary = [_Client() for _ in range(3)]
    _taken(places, *ordinary, _Client())
    for one in ordinary:
        one.since = 90.0
    assert _taken(places, _Client()) == [Admission.ORDINARY]
    assert (places.count, sum(one.is_shed for one in ordinary)) == (3, 2)


def test_a_kept_place_goes_to_a_newcomer_at_once() -> None:
    """Many connections in one moment do not take what is kept for lookups."""
    places = _places()
    waiting = [_Client(since=99.99) for _ in range(64)]
    _taken(places, *(_Client() for _ in range(3)), *waiting)
    assert _taken(places, _Client()) == [Admission.BEYOND]
    assert sum(one.is_shed for one in waiting) == 1


def test_what_one_client_has_beyond_its_limit_keeps_no_other_out() -> None:
    places = _places(most=6)
    others = [_Client(network=f"192.0.2.{number}") for number in (8, 9) for _ in range(3)]
    waiting = [_Client(network="192.0.2.8", since=99.99) for _ in range(64)]
    _taken(places, *others, *waiting)
    assert _taken(places, _Client(network="192.0.2.7")) == [Admission.BEYOND]
    assert sum(one.is_shed for one in waiting) == 1


def test_beyond_all_places_the_client_with_the_most_gives_one_up() -> None:
    places = _places(most=4)
    many = [_Client(since=90.0) for _ in range(3)]
    few = _Client(network="192.0.2.2", since=1.0)
    _taken(places, *many, few)
    assert _taken(places, _Client(network="192.0.2.3")) == [Admission.ORDINARY]
    assert [one.is_shed for one in (*many, few)] == [True, False, False, False]


def test_a_proxy_is_not_limited_and_gives_up_last() -> None:
    places = _places(most=6)
    proxied = [_Client(network="", since=1.0) for _ in range(5)]
    stranger = _Client(since=99.0)
    assert _taken(places, *proxied, stranger) == [Admission.ORDINARY] * 6
    assert _taken(places, _Client(network="")) == [Admission.ORDINARY]
    assert stranger.is_shed
    assert _taken(places, _Client(network="")) == [Admission.ORDINARY]
    assert sum(one.is_shed for one in proxied) == 1


def test_a_place_is_given_back_once() -> None:
    places = _places()
    one = _Client()
    _taken(places, one)
    places.leave(one)
    places.leave(one)
    assert places.count == 0


def test_of_those_who_hold_too_much_the_slowest_go() -> None:
    places = _places()
    slow, slower, last = (_Client(since=since, unsent=60) for since in (99.0, 90.0, 99.5))
    _taken(places, slow, slower, last)
    for one in (slow, slower, last):
        places.stall(one, 100.0)
    assert (slow.is_shed, slower.is_shed, last.is_shed) == (True, True, False)
