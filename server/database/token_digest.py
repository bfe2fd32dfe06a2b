"""What is known of a token's secret. A worker that looks tokens up needs no database for it."""

from __future__ import annotations

from hashlib import sha256

_BEARER = b"bearer "


def token_digest(secret: bytes) -> str:
    """What is stored of a token: SHA-256, hex."""
    return sha256(secret).hexdigest()


def bearer_digest(header: bytes | None) -> str | None:
    """The digest of the token in an ``Authorization`` header; None where there is none."""
    if header is None or header[: len(_BEARER)].lower() != _BEARER:
        return None
    return token_digest(header[len(_BEARER) :].strip())
