"""Private keys: OpenSSH's files, with or without a passphrase."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
)

from registry.signing.errors import PassphraseError, PrivateKeyError, UnsupportedKeyError
from registry.signing.keys import KeyType, PublicKey, parse_public_key
from registry.signing.sshwire import mpint

PRIVATE_KEY_BYTES = 64 * 1024
"""Largest private key file."""

_Key = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey


@dataclass(frozen=True, kw_only=True, slots=True)
class PrivateKey:
    """A key that signs; its secret is in no representation of it."""

    public: PublicKey
    loaded: _Key = field(compare=False, repr=False)

    @property
    def algorithm(self) -> str:
        """The name of the algorithm that this key signs with."""
        return "rsa-sha2-512" if self.public.type is KeyType.RSA else self.public.type.value

    def sign(self, message: bytes) -> bytes:
        """The signature over the message's bytes, as SSH writes it for the algorithm."""
        if isinstance(self.loaded, Ed25519PrivateKey):
            return self.loaded.sign(message)
        if isinstance(self.loaded, RSAPrivateKey):
            return self.loaded.sign(message, PKCS1v15(), hashes.SHA512())
        pair = decode_dss_signature(self.loaded.sign(message, ECDSA(hashes.SHA256())))
        return b"".join(mpint(number) for number in pair)


def read_private_key(path: Path, passphrase: str | None = None) -> PrivateKey:
    """The key in a file; raises as `parse_private_key` does, and when there is no such file."""
    try:
        with path.open("rb") as file:
            raw = file.read(PRIVATE_KEY_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PrivateKeyError(
            f"the private key cannot be read: {reason}", where=str(path)
        ) from error
    return parse_private_key(raw, passphrase, where=str(path))


def parse_private_key(raw: bytes, passphrase: str | None = None, *, where: str = "") -> PrivateKey:
    """A file of the form that ``ssh-keygen`` writes.

    Raises PassphraseError, UnsupportedKeyError (WeakKeyError for a short RSA key) and
    PrivateKeyError.
    """
    if len(raw) > PRIVATE_KEY_BYTES:
        raise PrivateKeyError(f"it has more than {PRIVATE_KEY_BYTES:,} bytes", where=where)
    try:
        loaded = load_ssh_private_key(raw, passphrase.encode() if passphrase else None)
    except TypeError as error:
        needed = "needs a passphrase" if not passphrase else "has no passphrase; one was given"
        raise PassphraseError(f"the private key {needed}", where=where) from error
    except UnsupportedAlgorithm as error:
        raise UnsupportedKeyError("the private key is of an unknown kind", where=where) from error
    except (ValueError, InvalidTag) as error:
        raise _unreadable(passphrase, where) from error
    if isinstance(loaded, DSAPrivateKey):
        raise UnsupportedKeyError("DSA keys are not accepted", where=where)
    line = loaded.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return PrivateKey(public=parse_public_key(line, where=where), loaded=loaded)


def _unreadable(passphrase: str | None, where: str) -> PrivateKeyError:
    """A wrong passphrase shows only as content that makes no sense."""
    if passphrase:
        return PassphraseError("the passphrase is wrong, or the file is damaged", where=where)
    return PrivateKeyError("this is not a private key in OpenSSH's format", where=where)
