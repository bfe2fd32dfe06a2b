from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from registry.signing.errors import (
    PassphraseError,
    PrivateKeyError,
    UnsupportedKeyError,
    WeakKeyError,
)
from registry.signing.private_keys import parse_private_key, read_private_key
from registry.signing.sshsig import sign, verify

PLAIN = NoEncryption()
LOCKED = BestAvailableEncryption(b"open sesame")


def ed25519_file(encryption: NoEncryption | BestAvailableEncryption = PLAIN) -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, encryption)


def test_a_key_with_a_passphrase_signs(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(ed25519_file(LOCKED))
    key = read_private_key(path, "open sesame")
    verify(b"x", sign(b"x", namespace="n", key=key), namespace="n", keys=(key.public,))


def test_a_passphrase_that_is_missing_wrong_or_too_much_is_refused() -> None:
    locked = ed25519_file(LOCKED)
    with pytest.raises(PassphraseError, match="needs a passphrase"):
        parse_private_key(locked)
    with pytest.raises(PassphraseError, match="wrong"):
        parse_private_key(locked, "open barley")
    with pytest.raises(PassphraseError, match="has no passphrase"):
        parse_private_key(ed25519_file(), "open sesame")


def test_the_secret_is_in_no_representation() -> None:
    key = parse_private_key(ed25519_file())
    assert "loaded" not in repr(key)
    assert repr(key) == f"PrivateKey(public={key.public!r})"


def test_keys_that_nobody_would_verify_cannot_sign() -> None:
    short = rsa.generate_private_key(65_537, 2_048)
    with pytest.raises(WeakKeyError):
        parse_private_key(short.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, PLAIN))
    curve = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(UnsupportedKeyError):
        parse_private_key(curve.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, PLAIN))


def test_other_formats_of_private_keys_are_refused() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(PrivateKeyError, match="OpenSSH"):
        parse_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, PLAIN))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PrivateKeyError, match="No such file") as refused:
        read_private_key(tmp_path / "none")
    assert refused.value.where == str(tmp_path / "none")
    with pytest.raises(PrivateKeyError, match="directory"):
        read_private_key(tmp_path)


def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(ed25519_file() + b"\n" * 65_536)
    with pytest.raises(PrivateKeyError, match="65,536"):
        read_private_key(path)


@given(st.data())
def test_a_damaged_file_is_refused_and_breaks_nothing(data: st.DataObject) -> None:
    raw = bytearray(ed25519_file())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    try:
        key = parse_private_key(bytes(raw))
    except (PrivateKeyError, UnsupportedKeyError):
        return
    # The damage was in a part that does not matter, such as the comment.
    verify(b"x", sign(b"x", namespace="n", key=key), namespace="n", keys=(key.public,))
