"""A registry's declaration of publishers binds when an administrator has signed it.

Administrators' keys are pinned by the operator outside the registry, so that whoever may write to
the registry cannot name publishers. The signature is over the whole of ``registry.yaml``, byte by
byte: ``ssh-keygen -Y sign -n opsteps-registry -f KEY registry.yaml``.
"""

from __future__ import annotations

from collections.abc import Collection

from registry.problems import InvalidLibraryError
from registry.signing.errors import MissingSignatureError, OtherKeyError
from registry.signing.keys import PublicKey
from registry.signing.private_keys import PrivateKey
from registry.signing.publishers import Publishers
from registry.signing.publishers_file import read_publishers
from registry.signing.sshsig import sign, verify
from registry.signing.statements import Namespace

_FILE = "registry.yaml"


def sign_registry(raw: bytes, key: PrivateKey) -> str:
    """An administrator's armored signature over the bytes of ``registry.yaml``."""
    return sign(raw, namespace=Namespace.REGISTRY, key=key)


def trusted_publishers(
    raw: bytes, signature: str | bytes | None, administrators: Collection[PublicKey]
) -> Publishers:
    """The publishers of a ``registry.yaml`` that an administrator signed.

    ``administrators`` are the pinned keys; without any nothing can be trusted. The file is read
    only after its signature was verified. Raises a SigningError that names what is wrong, and
    InvalidLibraryError when what was signed has problems. An older file with its own good
    signature passes: compare with the last one trusted by `withdrawn_revocations`.
    """
    if not administrators:
        raise OtherKeyError(
            "no administrator's key is pinned",
            where=_FILE,
            next_step="Pin one outside the registry; without it no publisher can be trusted",
        )
    if not signature:
        raise MissingSignatureError(
            "no administrator has signed it",
            where=_FILE,
            next_step=f"Run 'ssh-keygen -Y sign -n {Namespace.REGISTRY} -f KEY {_FILE}'",
        )
    verify(raw, signature, namespace=Namespace.REGISTRY, keys=administrators)
    parsed = read_publishers(raw)
    if parsed.value is None:
        raise InvalidLibraryError(_FILE, parsed.problems)
    return parsed.value
