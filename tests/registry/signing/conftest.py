"""Keys for the tests of signatures: made anew for each session, and never kept."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from registry.signing.private_keys import PrivateKey, parse_private_key

_Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _parsed(key: _Key) -> PrivateKey:
    raw = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return parse_private_key(raw)


@pytest.fixture(scope="session")
def ed25519_key() -> PrivateKey:
    return _parsed(ed25519.Ed25519PrivateKey.generate())


@pytest.fixture(scope="session")
def other_key() -> PrivateKey:
    """Another Ed25519 key, of somebody else."""
    return _parsed(ed25519.Ed25519PrivateKey.generate())


@pytest.fixture(scope="session")
def ecdsa_key() -> PrivateKey:
    return _parsed(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="session")
def rsa_key() -> PrivateKey:
    return _parsed(rsa.generate_private_key(65_537, 3_072))


@pytest.fixture(scope="session")
def all_keys(
    ed25519_key: PrivateKey, ecdsa_key: PrivateKey, rsa_key: PrivateKey
) -> tuple[PrivateKey, ...]:
    """One key of each kind that is accepted."""
    return (ed25519_key, ecdsa_key, rsa_key)
