"""Public keys: the lines of ``.pub`` files, their fingerprints, and what each can verify."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from registry.signing.errors import MalformedKeyError, UnsupportedKeyError, WeakKeyError
from registry.signing.sshwire import BlobReader, WireError

Fingerprint = NewType("Fingerprint", str)

KEY_LINE_CHARACTERS = 4_000
"""Longest public key line."""
RSA_BITS = (3_072, 8_192)
"""Shortest and longest RSA key."""
_RSA_EXPONENTS = range(65_537, 2**32, 2)
_POINT_BYTES = 65
_UNCOMPRESSED = 4
_CURVE = b"nistp256"


class KeyType(StrEnum):
    """The kinds of keys that are accepted, by their names in SSH."""

    ED25519 = "ssh-ed25519"
    ECDSA = "ecdsa-sha2-nistp256"
    RSA = "ssh-rsa"


SIGNATURE_ALGORITHMS: Mapping[str, KeyType] = {
    "ssh-ed25519": KeyType.ED25519,
    "ecdsa-sha2-nistp256": KeyType.ECDSA,
    "rsa-sha2-256": KeyType.RSA,
    "rsa-sha2-512": KeyType.RSA,
}
_RSA_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "rsa-sha2-256": hashes.SHA256(),
    "rsa-sha2-512": hashes.SHA512(),
}

_Key = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey


@dataclass(frozen=True, kw_only=True, slots=True)
class PublicKey:
    """A public key; two are equal when their bytes are, whatever their comments say."""

    type: KeyType
    blob: bytes
    comment: str = field(default="", compare=False)
    loaded: _Key = field(compare=False, repr=False)

    @property
    def fingerprint(self) -> Fingerprint:
        """``SHA256:…``, as ``ssh-keygen -l`` shows it."""
        return fingerprint(self.blob)

    def __str__(self) -> str:
        """The line of a ``.pub`` file."""
        line = f"{self.type} {base64.b64encode(self.blob).decode()}"
        return f"{line} {self.comment}" if self.comment else line

    def verifies(self, algorithm: str, signature: bytes, message: bytes) -> bool:
        """True if this key made the signature; ``algorithm`` is one of the key's type.

        ``signature`` is as SSH writes it for the algorithm.
        """
        try:
            _verify(self.loaded, algorithm, signature, message)
        except (InvalidSignature, WireError):
            return False
        return True


def fingerprint(blob: bytes) -> Fingerprint:
    """``SHA256:…`` of a key's bytes."""
    encoded = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return Fingerprint(f"SHA256:{encoded.rstrip('=')}")


def _verify(key: _Key, algorithm: str, signature: bytes, message: bytes) -> None:
    if isinstance(key, Ed25519PublicKey):
        key.verify(signature, message)
    elif isinstance(key, RSAPublicKey):
        key.verify(signature, message, PKCS1v15(), _RSA_HASHES[algorithm])
    else:
        reader = BlobReader(signature)
        pair = encode_dss_signature(reader.mpint(), reader.mpint())
        reader.end()
        key.verify(pair, message, ECDSA(hashes.SHA256()))


def parse_public_key(line: str, *, where: str = "") -> PublicKey:
    """``ssh-ed25519 AAAA… comment``.

    Raises MalformedKeyError, UnsupportedKeyError for another kind of key, and WeakKeyError.
    """
    kind, _, rest = line.strip().partition(" ")
    encoded, _, comment = rest.strip().partition(" ")
    if len(line) > KEY_LINE_CHARACTERS or not encoded or not line.strip().isprintable():
        raise MalformedKeyError("this is not a public key line", where=where)
    try:
        blob = base64.b64decode(encoded, validate=True)
        if base64.b64encode(blob).decode() != encoded:
            raise MalformedKeyError("the key's base64 is not in its one form", where=where)
    except (binascii.Error, ValueError) as error:
        # Also what an option in front of the key, as in authorized_keys, comes to.
        raise MalformedKeyError("the second word is not a key in base64", where=where) from error
    if kind not in set(KeyType):
        raise UnsupportedKeyError(f"keys of type {kind[:80]!r} are not accepted", where=where)
    return _load(KeyType(kind), blob, comment=comment.strip(), where=where)


def parse_public_keys(text: str, *, where: str = "") -> tuple[PublicKey, ...]:
    """One key a line, as a file of pinned keys has them; empty lines and ``#`` lines are skipped.

    Raises as `parse_public_key` does, with the number of the line.
    """
    lines = enumerate(text.splitlines(), start=1)
    kept = ((number, line) for number, line in lines if line.strip() and line.strip()[0] != "#")
    return tuple(
        parse_public_key(line, where=f"{where or 'keys'}:{number}") for number, line in kept
    )


def _load(kind: KeyType, blob: bytes, *, comment: str, where: str) -> PublicKey:
    reader = BlobReader(blob)
    try:
        if reader.text() != kind:
            raise MalformedKeyError("the key is not of the type that it says", where=where)
        loaded = _LOADERS[kind](reader)
        reader.end()
    except ValueError as error:  # WireError is one
        raise MalformedKeyError(f"this is not a key: {error}", where=where) from error
    except WeakKeyError as error:
        raise WeakKeyError(error.message, where=where) from error
    return PublicKey(type=kind, blob=blob, comment=comment, loaded=loaded)


def _load_ed25519(reader: BlobReader) -> _Key:
    return Ed25519PublicKey.from_public_bytes(reader.string())


def _load_ecdsa(reader: BlobReader) -> _Key:
    curve, point = reader.string(), reader.string()
    if curve != _CURVE or len(point) != _POINT_BYTES or point[0] != _UNCOMPRESSED:
        raise WireError("it is not a point on nistp256")
    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)


def _load_rsa(reader: BlobReader) -> _Key:
    exponent, modulus = reader.mpint(), reader.mpint()
    least, most = RSA_BITS
    if not least <= modulus.bit_length() <= most:
        raise WeakKeyError(
            f"the RSA key has {modulus.bit_length()} bits; {least} to {most} are accepted"
        )
    if exponent not in _RSA_EXPONENTS:
        raise WeakKeyError("the RSA key's exponent is not accepted; 65537 is what is usual")
    return RSAPublicNumbers(exponent, modulus).public_key()


_LOADERS: Mapping[KeyType, Callable[[BlobReader], _Key]] = {
    KeyType.ED25519: _load_ed25519,
    KeyType.ECDSA: _load_ecdsa,
    KeyType.RSA: _load_rsa,
}
