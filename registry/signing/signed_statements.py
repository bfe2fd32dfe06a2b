"""Signatures over releases (by publishers) and over heads (by the registry)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from registry.signing.errors import SigningError
from registry.signing.keys import PublicKey
from registry.signing.private_keys import PrivateKey
from registry.signing.publishers import PublisherKey, Publishers
from registry.signing.sshsig import parse_signature, sign, verify
from registry.signing.statements import (
    HeadStatement,
    Namespace,
    ReleaseStatement,
    parse_head_statement,
)


def sign_release(statement: ReleaseStatement, key: PrivateKey) -> str:
    """The armored signature that the ledger keeps."""
    return sign(bytes(statement), namespace=Namespace.RELEASE, key=key)


def verify_release(
    statement: ReleaseStatement,
    signature: str | bytes,
    *,
    publishers: Publishers,
    owners: Collection[str],
    at: datetime,
) -> PublisherKey:
    """The publisher's key that signed this release and was allowed to at its date.

    ``publishers`` are those of `trusted_publishers`; `Publishers.refusal`
    says what ``owners`` and ``at`` are. Raises a SigningError that names what is wrong; a
    signature that is wrong in itself before one that was not allowed.
    """
    where = f"{statement.name} {statement.version}"
    try:
        parsed = parse_signature(signature)
        parsed.require_namespace(Namespace.RELEASE)
        held = publishers.holder(parsed.key_blob)
        if held is None:
            raise parsed.other_key()
        parsed.require(bytes(statement), namespace=Namespace.RELEASE, key=held.key)
        refused = publishers.refusal(held, library=statement.name, owners=owners, at=at)
        if refused is not None:
            raise refused
    except SigningError as error:
        error.where = error.where or where
        raise
    return held


def sign_head_statement(statement: HeadStatement, key: PrivateKey) -> str:
    """The armored signature over what the head is at a time."""
    return sign(bytes(statement), namespace=Namespace.HEAD, key=key)


def verify_head(raw: bytes, signature: str | bytes, *, keys: Iterable[PublicKey]) -> HeadStatement:
    """The statement that one of ``keys`` signed; its bytes are read only after that.

    Whether it is too old, or its sequence lower than one seen before, is the caller's to say.
    Raises a SigningError that names what is wrong.
    """
    verify(raw, signature, namespace=Namespace.HEAD, keys=keys)
    return parse_head_statement(raw)
