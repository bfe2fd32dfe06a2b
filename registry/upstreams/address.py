"""The address of an upstream's Git repository, and the rule for going there: pure.

Only ``https``, ``ssh`` and ``file`` are known. Whatever else Git understands, such as ``ext::``,
would let a line in a file start programs; a name or password in an address would end in logs.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from registry.problems import printable
from registry.upstreams.errors import UpstreamAddressError

_LONGEST = 500
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\Z")
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>[^@/:]+):(?P<path>[^/].*)\Z")
_EXPECTED = "Use https://HOST/PATH, ssh://[USER@]HOST/PATH, USER@HOST:PATH or file:///ABSOLUTE/PATH"


class Scheme(StrEnum):
    """The ways in which Git gets there."""

    HTTPS = "https"
    HTTP = "http"
    """Only to this machine or a private network, and only where that is allowed."""
    SSH = "ssh"
    FILE = "file"


# What a path may hold as it is (RFC 3986, section 3.3).
_UNQUOTED = "/:@!$&'()*+,;=~"
_PORTS = {Scheme.HTTPS: 443, Scheme.HTTP: 80, Scheme.SSH: 22, Scheme.FILE: 0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A parsed address; ``host`` is lower-case, empty for a file."""

    scheme: Scheme
    host: str
    port: int
    path: str
    user: str = ""

    @property
    def url(self) -> str:
        """As Git is given it."""
        if self.scheme is Scheme.FILE:
            return f"file://{quote(self.path, safe=_UNQUOTED)}"
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port != _PORTS[self.scheme] else ""
        return f"{self.scheme}://{user}{host}{port}{self.path}"

    def __str__(self) -> str:
        """The same; there is nothing secret in it."""
        return self.url


def parse_address(text: str) -> Address:
    """An address; raises AddressError that says what would be right."""
    if len(text) > _LONGEST or not text.isprintable() or any(c.isspace() for c in text):
        raise _wrong(text, "is not an address of a Git repository")
    if "::" in text.partition("/")[0].partition("[")[0]:
        raise _wrong(text, "would start a program of Git's")
    if text.startswith("/"):
        return _file(text, text)
    return _url(text) if "://" in text else _scp(text)


def _url(text: str) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _wrong(text, "is not an address of a Git repository") from error
    if parts.query or parts.fragment:
        raise _wrong(text, "has a query or a fragment")
    if parts.scheme == Scheme.FILE:
        if parts.netloc:
            raise _wrong(text, "names a host, which a file has not")
        return _file(text, unquote(parts.path))
    if parts.scheme not in {Scheme.HTTPS, Scheme.HTTP, Scheme.SSH}:
        raise _wrong(text, f"has the scheme {parts.scheme[:20]!r}")
    scheme = Scheme(parts.scheme)
    if parts.password is not None or (parts.username is not None and scheme is not Scheme.SSH):
        raise _wrong(text.replace(parts.netloc, host), "has a name or password in it")
    return _made(text, scheme, host, port, parts.path, parts.username or "")


def _scp(text: str) -> Address:
    """``git@host:path``, which is short for ssh."""
    match = _SCP.match(text)
    if match is None:
        raise _wrong(text, "is not an address of a Git repository")
    return _made(
        text, Scheme.SSH, match["host"].lower(), None, f"/{match['path']}", match["user"] or ""
    )


def _made(text: str, scheme: Scheme, host: str, port: int | None, path: str, user: str) -> Address:
    if not (_HOST.match(host) or _is_ip(host)):
        raise _wrong(text, "has no host that can be one")
    if user and not _USER.match(user):
        raise _wrong(text, "has no user that can be one")
    if len(path) < 2 or path.startswith(("/-", "//")):  # noqa: PLR2004 - a slash and a name
        raise _wrong(text, "has no path that can be one")
    known = _PORTS[scheme]
    if port is not None and port == 0:
        raise _wrong(text, "has no port that can be one")
    return Address(scheme=scheme, host=host, port=port or known, path=path, user=user)


def _file(text: str, path: str) -> Address:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or not path.isprintable():
        raise _wrong(text, "is not an absolute path")
    return Address(scheme=Scheme.FILE, host="", port=0, path=path)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _wrong(text: str, why: str) -> UpstreamAddressError:
    return UpstreamAddressError(f"{printable(text[:120])!r} {why}", next_step=_EXPECTED)


def is_public(address: str) -> bool:
    """True if an IP address may belong to anybody on the internet, and to nothing nearer.

    An IPv4 address in the clothes of an IPv6 one is judged as the IPv4 address that it is.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _NEAR):
            return False
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


_WHY = {Scheme.HTTP: "is not encrypted", Scheme.FILE: "is on this machine"}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What Python's table of special addresses calls global, depending on its version.
_NEAR = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "fec0::/10",  # site-local, of old
            "64:ff9b:1::/48",  # NAT64 of a site's own
            "::/96",  # IPv4-compatible, of old
            "::ffff:0:0:0/96",  # IPv4-translated
            "5f00::/16",  # segment routing, inside one network
        ),
    )
)


def refuse_private(address: Address, found: Iterable[str]) -> None:
    """Raise AddressError for what is near: unencrypted, a file, or a host in a private network.

    ``found`` are all IP addresses of the host.
    """
    near = [ip for ip in found if not is_public(ip)]
    why = _WHY.get(address.scheme, "")
    if near:
        why = f"is at {near[0]}, in a private network"
    if why:
        raise UpstreamAddressError(
            f"{address} {why}",
            next_step="If that is meant, say so: 'opsteps upstream add … --allow-private'",
        )
