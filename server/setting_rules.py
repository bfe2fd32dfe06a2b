"""The values that a setting may have: what makes no sense is refused at the start, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from urllib.parse import urlsplit

from server.errors import SettingsError

_YEAR_SECONDS = 366 * 24 * 3_600.0
_UNITS: Mapping[str, float] = {
    "_seconds": _YEAR_SECONDS,
    "_hours": _YEAR_SECONDS / 3_600,
    "_days": 100 * 366.0,
}
"""The longest time in each unit: what waits for ever is a slip, and threads cannot wait longer."""
_RANGES: Mapping[str, tuple[float, float]] = {
    # Each is a process of 25 MB, and more of them than processors answer no more lookups.
    "workers": (1, 64),
    "port": (0, 65_535),
    # A server that looks less often does not follow its registry.
    "poll_seconds": (0.001, 3_600),
    "remote_poll_seconds": (0.001, 24 * 3_600),
    # The processes give a sign each second: the supervisor would kill those that are well.
    "keeper_silence_seconds": (3, _YEAR_SECONDS),
    # Below these, ordinary lookups would be refused.
    "head_bytes": (512, inf),
    "path_bytes": (64, inf),
}
_NEEDED = ("_threads", "_processes", "_queue", "connections")
"""Without one of these nothing would be answered."""
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@,*]+")
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f<>\"'`\\?#]{1,500}")
_DEFAULT_PORTS: Mapping[str, str] = {"http": ":80", "https": ":443"}


def refuse_unfit(values: Mapping[str, object]) -> None:
    """Raise SettingsError for the first setting with a value that makes no sense."""
    for name, value in values.items():
        if isinstance(value, (int, float)):
            _refuse_number(name, value)
    workers, connections = values["workers"], values["connections"]
    if isinstance(connections, int) and isinstance(workers, int) and connections < workers:
        msg = f"the setting connections is {connections}, for {workers} workers"
        raise SettingsError(msg, next_step="Give each worker one connection at least")
    origins = values["allowed_origins"]
    for origin in origins if isinstance(origins, tuple) else ():
        _refuse_origin(str(origin))
    address = str(values["public_url"])
    if address and not _WEB_ADDRESS.fullmatch(address):
        msg = f"the setting public_url is {address!r}"
        raise SettingsError(msg, next_step="Give an address such as https://steps.example.com")


def _refuse_number(name: str, value: float) -> None:
    if name == "port" and value > _RANGES[name][1]:
        msg = f"the port {value} does not exist"
        raise SettingsError(msg, next_step="Give a port from 0 to 65535")
    least, most = _range_of(name)
    if not least <= value <= most or value == inf:
        between = "that is not negative" if not least else f"of {least:.10g} or more"
        if most < inf:
            between = f"from {least:.10g} to {most:.10g}"
        msg = f"the setting {name} is {value}"
        raise SettingsError(msg, next_step=f"Give a number {between}")


def _range_of(name: str) -> tuple[float, float]:
    """Return the least and the greatest value of a setting."""
    found = _RANGES.get(name)
    if found is not None:
        return found
    least = 1 if name.endswith(_NEEDED) else 0
    return least, next((most for unit, most in _UNITS.items() if name.endswith(unit)), inf)


def _refuse_origin(origin: str) -> None:
    """Raise SettingsError for what no browser sends as ``Origin``: its pages would be refused."""
    meant = _sent_origin(origin)
    if meant == origin:
        return
    msg = f"the setting allowed_origins has {origin[:100]!r}, which is not an origin"
    hint = f"; is it {meant!r}?" if meant else ""
    raise SettingsError(
        msg, next_step=f"Write each with its scheme, as in 'https://ops.example.com'{hint}"
    )


def _sent_origin(origin: str) -> str:
    """Return how a browser sends the origin that somebody wrote; empty where that is open."""
    text = origin.strip().lower()
    scheme, colon, _ = text.partition("://")
    if not colon:
        scheme, text = "https", f"https://{text}"
    try:
        host = urlsplit(text).netloc
    except ValueError:
        return ""
    meant = f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, ' '))}"
    return meant if _ORIGIN.fullmatch(meant) else ""
