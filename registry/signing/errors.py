"""The reasons to refuse a key or a signature: one named error for each."""

from __future__ import annotations

from typing import ClassVar

from registry.errors import RegistryError


class SigningError(RegistryError):
    """A key, a signature or a signed statement was refused; the root of this package's errors.

    ``advice`` is the next step of every error of the class that names no better one.
    """

    exit_code = 8
    advice: ClassVar[str] = "Sign again with a key that the registry trusts"

    def __init__(self, message: str, *, where: str = "", next_step: str = "") -> None:
        """Take the class's advice where there is no better one."""
        super().__init__(message, where=where, next_step=next_step or self.advice)


class MalformedSignatureError(SigningError):
    """It is not an armored SSHSIG signature, or not in the one form that is accepted."""

    advice = "Take the whole output of 'ssh-keygen -Y sign', from BEGIN to END SSH SIGNATURE"


class TruncatedSignatureError(MalformedSignatureError):
    """It ends too early."""


class TrailingBytesError(MalformedSignatureError):
    """Something follows where a signature must end."""


class OversizedSignatureError(MalformedSignatureError):
    """It is longer than the limit."""


class SignatureVersionError(MalformedSignatureError):
    """An SSHSIG version other than 1."""


class HashAlgorithmError(SigningError):
    """The message was hashed with something other than SHA-256 or SHA-512."""

    advice = "Sign with 'ssh-keygen -Y sign -O hashalg=sha512'"


class SignatureAlgorithmError(SigningError):
    """The algorithm is too weak (RSA with SHA-1), unknown, or not that of the signing key."""

    advice = "Sign with an Ed25519, ECDSA nistp256 or RSA key and a current ssh-keygen"


class WrongNamespaceError(SigningError):
    """A good signature for another purpose."""

    advice = "Sign it for this purpose: 'ssh-keygen -Y sign -n NAMESPACE'"


class OtherKeyError(SigningError):
    """Signed by a key that is not trusted."""

    advice = "Sign with a listed key, or have an administrator list this one in registry.yaml"


class BadSignatureError(SigningError):
    """The key did not sign this message: it or the signature was altered, or made for another."""

    advice = "Compare what is there with what was signed; treat it as tampering until explained"


class MissingSignatureError(SigningError):
    """There is no signature where one is required."""

    advice = "Sign it"


class MalformedStatementError(SigningError):
    """The signed bytes are not a statement in its one canonical form."""

    advice = "Let 'opsteps release' write the statement; it has exactly one form"


class MalformedKeyError(SigningError):
    """It is not a public key line."""

    advice = "Take the line of the .pub file, such as 'ssh-ed25519 AAAA… name'"


class UnsupportedKeyError(SigningError):
    """A key of a kind that is not accepted."""

    advice = "Make an Ed25519 key: 'ssh-keygen -t ed25519'"


class WeakKeyError(UnsupportedKeyError):
    """An RSA key that is too short, too long or has an odd exponent."""


class PrivateKeyError(SigningError):
    """The private key cannot be read."""

    advice = "Name a private key file in OpenSSH's format, as 'ssh-keygen -t ed25519' makes it"


class PassphraseError(PrivateKeyError):
    """The passphrase is missing, wrong, or given for a key that has none."""

    advice = "Give the passphrase of this key"


class KeyNotYetValidError(SigningError):
    """The release is older than the key's ``since``."""

    advice = "Sign with a key that was valid at the release's date"


class KeyExpiredError(SigningError):
    """The release is not older than the key's ``until``."""

    advice = "Sign with a key that was valid at the release's date"


class KeyRevokedError(SigningError):
    """The release is not older than the key's revocation."""

    advice = "Do not use this release; its publisher should release again with another key"


class NotAnOwnerError(SigningError):
    """The key's publisher is not among the library's owners."""

    advice = "Let an owner of the library sign, or add the publisher to owners in library.yaml"


class ForeignPrefixError(SigningError):
    """The library's name is outside the publisher's prefixes, or inside another publisher's."""

    advice = "Choose a name under the publisher's prefixes in registry.yaml"
