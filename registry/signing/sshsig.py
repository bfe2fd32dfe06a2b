"""SSHSIG (OpenSSH, ``PROTOCOL.sshsig``): armored signatures, made and checked in this process.

The format: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig. What is signed
is not the message but magic, namespace, hash algorithm and the message's hash, so a signature for
one namespace never serves for another. Stricter than ``ssh-keygen``: everything it makes is
accepted, but of all the ways to write one signature only few are (nothing around the armor,
canonical base64, no reserved field, which no signature covers).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from registry.signing.errors import (
    BadSignatureError,
    HashAlgorithmError,
    MalformedSignatureError,
    OtherKeyError,
    OversizedSignatureError,
    SignatureAlgorithmError,
    SignatureVersionError,
    TrailingBytesError,
    TruncatedSignatureError,
    WrongNamespaceError,
)
from registry.signing.keys import SIGNATURE_ALGORITHMS, PublicKey, fingerprint
from registry.signing.private_keys import PrivateKey
from registry.signing.sshwire import BlobReader, TrailingError, TruncatedError, WireError, string

SIGNATURE_CHARACTERS = 8_000
"""Longest armored signature; what ``library.yaml`` holds at most."""
_BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
_END = b"\n-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_VERSION = 1
_LINE_CHARACTERS = 70
_HASHES = frozenset({"sha256", "sha512"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Signature:
    """The contents of an armored signature. ``key_blob`` is claimed until it was verified."""

    key_blob: bytes
    namespace: str
    hash_algorithm: str
    algorithm: str
    signature: bytes

    def armored(self) -> str:
        """As ``ssh-keygen`` writes it, with a newline at the end."""
        blob = b"".join(
            (
                _MAGIC,
                _VERSION.to_bytes(4, "big"),
                string(self.key_blob),
                string(self.namespace.encode("ascii")),
                string(b""),
                string(self.hash_algorithm.encode("ascii")),
                string(string(self.algorithm.encode("ascii")) + string(self.signature)),
            )
        )
        encoded = base64.b64encode(blob)
        lines = (
            encoded[start : start + _LINE_CHARACTERS]
            for start in range(0, len(encoded), _LINE_CHARACTERS)
        )
        return (_BEGIN + b"\n".join(lines) + _END + b"\n").decode("ascii")

    def require(self, message: bytes, *, namespace: str, key: PublicKey) -> None:
        """Return when ``key`` signed this message for this purpose.

        Raises WrongNamespaceError, OtherKeyError, SignatureAlgorithmError and BadSignatureError.
        """
        self.require_namespace(namespace)
        if key.blob != self.key_blob:
            raise self.other_key()
        if SIGNATURE_ALGORITHMS[self.algorithm] is not key.type:
            raise SignatureAlgorithmError(
                f"the signature says {self.algorithm}, and the key is {key.type}"
            )
        signed = _signed_bytes(self.namespace, self.hash_algorithm, message)
        if not key.verifies(self.algorithm, self.signature, signed):
            raise BadSignatureError(f"{key.fingerprint} did not sign this")

    def require_namespace(self, namespace: str) -> None:
        """Raise WrongNamespaceError unless the signature was made for this purpose."""
        if self.namespace != namespace:
            raise WrongNamespaceError(
                f"the signature is for {self.namespace[:80]!r} and not for {namespace!r}"
            )

    def other_key(self) -> OtherKeyError:
        """The error that says whose signature it claims to be."""
        return OtherKeyError(f"it is signed by {fingerprint(self.key_blob)}, which is not trusted")


def sign(message: bytes, *, namespace: str, key: PrivateKey) -> str:
    """An armored signature, with SHA-512 as ``ssh-keygen`` has it."""
    signature = key.sign(_signed_bytes(namespace, "sha512", message))
    return Signature(
        key_blob=key.public.blob,
        namespace=namespace,
        hash_algorithm="sha512",
        algorithm=key.algorithm,
        signature=signature,
    ).armored()


def verify(
    message: bytes, armored: str | bytes, *, namespace: str, keys: Iterable[PublicKey]
) -> PublicKey:
    """The one of ``keys`` that signed the message for this purpose.

    Raises as `parse_signature` and `Signature.require` do.
    """
    signature = parse_signature(armored)
    signature.require_namespace(namespace)
    key = next((key for key in keys if key.blob == signature.key_blob), None)
    if key is None:
        raise signature.other_key()
    signature.require(message, namespace=namespace, key=key)
    return key


def parse_signature(armored: str | bytes) -> Signature:
    """Read an armored signature; it is not verified yet.

    Raises MalformedSignatureError, in particular TruncatedSignatureError, TrailingBytesError,
    OversizedSignatureError and SignatureVersionError; HashAlgorithmError and
    SignatureAlgorithmError for what is well written and not accepted.
    """
    raw = armored.encode(errors="replace") if isinstance(armored, str) else armored
    try:
        return _checked(_parse_blob(_unarmored(raw)))
    except TruncatedError as error:
        raise TruncatedSignatureError(f"the signature is cut off: {error}") from error
    except TrailingError as error:
        raise TrailingBytesError(f"the signature goes on after its end: {error}") from error
    except WireError as error:
        raise MalformedSignatureError(f"the signature is malformed: {error}") from error


def _unarmored(raw: bytes) -> bytes:
    if len(raw) > SIGNATURE_CHARACTERS:
        raise OversizedSignatureError(f"it has more than {SIGNATURE_CHARACTERS:,} characters")
    if not raw.startswith(_BEGIN):
        raise MalformedSignatureError("it does not start with BEGIN SSH SIGNATURE")
    body, end, rest = raw[len(_BEGIN) - 1 :].partition(_END)
    if not end:
        raise TruncatedSignatureError("it has no line END SSH SIGNATURE")
    if rest not in (b"", b"\n"):
        raise TrailingBytesError("something follows END SSH SIGNATURE")
    lines = body[1:].split(b"\n")
    joined = b"".join(lines)
    try:
        blob = base64.b64decode(joined, validate=True)
    except binascii.Error as error:
        raise MalformedSignatureError("what it holds is not base64") from error
    if not all(lines) or base64.b64encode(blob) != joined:
        raise MalformedSignatureError("its base64 is not in its one form")
    return blob


def _parse_blob(blob: bytes) -> Signature:
    reader = BlobReader(blob)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise MalformedSignatureError("it does not begin with SSHSIG")
    version = reader.uint32()
    if version != _VERSION:
        raise SignatureVersionError(f"it is of SSHSIG version {version}; 1 is known")
    key_blob, namespace = reader.string(), reader.text()
    if reader.string():
        raise MalformedSignatureError("its reserved field is not empty")
    hash_algorithm, inner = reader.text(), BlobReader(reader.string())
    reader.end()
    algorithm, signature = inner.text(), inner.string()
    inner.end()
    return Signature(
        key_blob=key_blob,
        namespace=namespace,
        hash_algorithm=hash_algorithm,
        algorithm=algorithm,
        signature=signature,
    )


def _checked(signature: Signature) -> Signature:
    if not signature.namespace:
        raise MalformedSignatureError("its namespace is empty")
    if signature.hash_algorithm not in _HASHES:
        raise HashAlgorithmError(
            f"the message was hashed with {signature.hash_algorithm[:80]!r}, not sha256 or sha512"
        )
    if signature.algorithm not in SIGNATURE_ALGORITHMS:
        raise SignatureAlgorithmError(
            f"the signature algorithm {signature.algorithm[:80]!r} is not accepted"
        )
    return signature


def _signed_bytes(namespace: str, hash_algorithm: str, message: bytes) -> bytes:
    """Return the bytes that the key signs: the message's hash with the purpose around it."""
    digest = hashlib.new(hash_algorithm, message).digest()
    purpose = string(namespace.encode("ascii"))
    return _MAGIC + purpose + string(b"") + string(hash_algorithm.encode("ascii")) + string(digest)
