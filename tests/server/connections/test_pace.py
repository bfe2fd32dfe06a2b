"""How far behind a client is, with moments that the test chooses."""

from __future__ import annotations

from server.connections.pace import Pace

_RATE = 1_000


def test_who_sends_at_the_rate_is_not_behind() -> None:
    pace = Pace()
    pace.begin(100.0, 0)
    assert [pace.lag(100.0 + second, second * _RATE, _RATE) for second in range(1, 60)] == [0] * 59


def test_who_sends_nothing_falls_behind() -> None:
    pace = Pace()
    pace.begin(100.0, 500)
    assert pace.lag(103.0, 500, _RATE) == 3.0
    assert pace.lag(104.0, 1_500, _RATE) == 3.0


def test_bytes_sent_ahead_pay_for_a_second_only() -> None:
    pace = Pace()
    pace.begin(100.0, 0)
    assert pace.lag(100.0, 60_000, _RATE) == -1.0
    assert pace.lag(104.0, 60_000, _RATE) == 3.0


def test_each_wait_begins_anew() -> None:
    pace = Pace()
    pace.begin(100.0, 0)
    pace.begin(110.0, 5_000)
    assert pace.lag(110.5, 5_000, _RATE) == 0.5
