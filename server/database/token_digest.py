"""The digest that stands for a token's secret; computing it needs no database."""

from __future__ import annotations

from hashlib import sha256

_BEARER = b"bearer "


def token_digest(secret: bytes) -> str:
    """Return what the database stores of a token: its SHA-256, in hex."""
    return sha256(secret).hexdigest()


def bearer_digest(header: bytes | None) -> str | None:
    """The digest of the token in an ``Authorization`` header; None where there is none."""
    if header is None or header[: len(_BEARER)].lower() != _BEARER:
        return None
    return token_digest(header[len(_BEARER) :].strip())
