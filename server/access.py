"""Who may ask: host names, origins and bearer tokens (design, section 8).

Invariant: a server that listens on loopback answers only to loopback names, so that no page of
another site reaches it by rebinding a name of its own to 127.0.0.1.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from time import monotonic

import structlog

from server.errors import AnswerError, SettingsError
from server.settings import Settings

WRITE_SCOPES = frozenset({"manage", "admin"})
SCOPES = frozenset({"read", "execute", "manage", "admin"})
_HOSTS_REMEMBERED = 256
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_PROXY_HEADERS = (b"forwarded", b"via", b"x-forwarded-")
_BEARER = b"bearer "
_LOG = structlog.get_logger(__name__)

Headers = Iterable[tuple[bytes, bytes]]


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    bare = host.removeprefix("[").removesuffix("]")
    if bare.lower() in {"localhost", "localhost."}:
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


class Tokens:
    """Bearer tokens by the SHA-256 of each; the file is looked at again every few seconds."""

    def __init__(self, path: Path, memory_seconds: float) -> None:
        """Read the file, if there is one; raises SettingsError when a line is no token."""
        self._path = path
        self._memory = memory_seconds
        self._checked = monotonic()
        self._scopes = _read_tokens(path)

    def __bool__(self) -> bool:
        """Whether any token is configured."""
        return bool(self._scopes)

    def scopes(self, header: bytes | None) -> frozenset[str] | None:
        """What the bearer of an ``Authorization`` header may do; None for an unknown one."""
        if monotonic() - self._checked > self._memory:
            self._look_again()
        if header is None or header[: len(_BEARER)].lower() != _BEARER:
            return None
        # The table is keyed by digests, which a caller cannot steer, so looking one up tells
        # nothing about the tokens; the comparison of the whole digest takes constant time.
        digest = token_digest(header)
        found = self._scopes.get(digest)
        if found is None or not hmac.compare_digest(found[0], digest):
            return None
        return found[1]

    def _look_again(self) -> None:
        self._checked = monotonic()
        try:
            self._scopes = _read_tokens(self._path)
        except SettingsError as error:
            _LOG.error("token file ignored, the last good one counts", reason=str(error))


def _read_tokens(path: Path) -> Mapping[str, tuple[str, frozenset[str]]]:
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(
            f"the token file {path} cannot be read: {error.strerror}",
            next_step="Let the server's user read it",
        ) from error
    found = {}
    for number, line in enumerate(lines, 1):
        digest, _, rest = line.partition("#")[0].strip().partition(" ")
        if not digest:
            continue
        scopes = frozenset(part.strip() for part in rest.strip().split(",") if part.strip())
        if not _DIGEST.match(digest) or not scopes or not scopes <= SCOPES:
            raise SettingsError(
                f"line {number} of {path} is no token",
                next_step="Write the SHA-256 of the token in hex, a space, and scopes such as read",
            )
        found[digest] = (digest, scopes)
    return found


def token_digest(header: bytes) -> str:
    """The SHA-256 of the token in an ``Authorization`` header, in hex."""
    return sha256(header[len(_BEARER) :].strip()).hexdigest()


class Gate:
    """Decides for each request whether it is answered at all."""

    def __init__(self, settings: Settings, port: int, tokens: Tokens) -> None:
        """``port`` is the one really listened on."""
        self.tokens = tokens
        self.reads_need_token = settings.require_read_token
        self.known_hosts: set[bytes | None] = set()
        """Host headers that were accepted, for the hot path."""
        self._is_loopback = is_loopback(settings.host)
        self._port = port
        self._hosts = {host.lower() for host in settings.allowed_hosts}
        if not self._is_loopback and not self._hosts:
            self._hosts.add("*")
        self._origins = frozenset(origin.encode() for origin in settings.allowed_origins)

    def host_is_known(self, host: bytes | None) -> bool:
        """Whether the ``Host`` is one of ours."""
        if host in self.known_hosts:
            return True
        if not self._accepts(host):
            return False
        if len(self.known_hosts) < _HOSTS_REMEMBERED:
            self.known_hosts.add(host)
        return True

    def _accepts(self, host: bytes | None) -> bool:
        if "*" in self._hosts:
            return True
        name, port = split_host(host)
        if name is None:
            return False
        return is_loopback(name) or name in self._hosts or f"{name}:{port}" in self._hosts

    def check_host(self, host: bytes | None) -> None:
        """Raise AnswerError (421) for a name that is not ours."""
        if not self.host_is_known(host):
            raise AnswerError(
                421,
                "this server does not answer to that host name; use the address it listens on, or "
                "add the name to the setting allowed_hosts",
            )

    def check_read(self, authorization: bytes | None) -> None:
        """Raise AnswerError (401) when reads need a token and this is none."""
        if self.reads_need_token and self.tokens.scopes(authorization) is None:
            raise AnswerError(401, "this server answers only to a valid bearer token")

    def allowed_origin(self, origin: bytes | None) -> bytes | None:
        """The origin to name in CORS headers, if it is on the list."""
        return origin if origin in self._origins else None

    def check_write(self, headers: Headers) -> str:
        """Who writes; raises AnswerError (401, 403) unless this request may change something."""
        fields = dict(headers)
        if self.tokens:
            scopes = self.tokens.scopes(fields.get(b"authorization"))
            if scopes is None:
                raise AnswerError(401, "this needs a bearer token with the scope 'manage'")
            if not scopes & WRITE_SCOPES:
                raise AnswerError(403, "this token lacks the scope 'manage'")
            self._require_own_origin(fields)
            # The start of its hash names a token, and says nothing about it.
            return f"token-{token_digest(fields[b'authorization'])[:12]}"
        reason = self._unsafe_write(fields)
        if reason:
            raise AnswerError(
                403, f"without tokens, writes come from this machine itself only: {reason}"
            )
        return "local"

    def _require_own_origin(self, fields: Mapping[bytes, bytes]) -> None:
        """A page of another site may not write, even where a browser would hold a token."""
        origin = fields.get(b"origin")
        own = b"//" + fields.get(b"host", b"")
        if origin is None or self.allowed_origin(origin) is not None:
            return
        if origin.partition(b":")[2] != own:
            raise AnswerError(403, "the Origin is not in the setting allowed_origins")

    def _unsafe_write(self, fields: Mapping[bytes, bytes]) -> str:
        name, port = split_host(fields.get(b"host"))
        if not self._is_loopback:
            return "the server listens on another address"
        if name is None or not is_loopback(name) or port != self._port:
            return "the Host is not a loopback name with this server's port"
        origin = fields.get(b"origin")
        if origin is not None and self.allowed_origin(origin) is None:
            return "the Origin is not in the setting allowed_origins"
        if any(field.startswith(_PROXY_HEADERS) for field in fields):
            return "the request came through a proxy"
        return ""


def split_host(host: bytes | None) -> tuple[str | None, int]:
    """A ``Host`` header's name, lower-case, and port (80 when there is none)."""
    if host is None or not host.isascii():
        return None, 0
    text = host.decode().lower()
    name, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        return text or None, 80
    if not port.isdecimal() or len(port) > len("65535"):
        return None, 0
    return name or None, int(port)
