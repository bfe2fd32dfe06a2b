import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from registry.signing.errors import (
    MalformedKeyError,
    SigningError,
    UnsupportedKeyError,
    WeakKeyError,
)
from registry.signing.keys import KeyType, parse_public_key, parse_public_keys
from registry.signing.private_keys import PrivateKey
from registry.signing.sshwire import mpint, string

VECTORS = Path(__file__).parent / "vectors"
# As `ssh-keygen -l` showed them.
FINGERPRINTS = {
    "ed25519": "SHA256:Eh0sQkzRWdBH0MBMEGyxU1MjwH8BkgupZ8AFSjQTje8",
    "ecdsa": "SHA256:/baBjrOxauZVII4SXbdexSBV04sdI9j30dfwYzlmNFA",
    "rsa": "SHA256:iyr9Q+vJAKDnzveQiCoMZH7VxycIF+mTmuZBiCJWPZA",
}
LINE = (VECTORS / "ed25519.pub").read_text().strip()
BLOB = base64.b64decode(LINE.split()[1])


def line_of(kind: str, blob: bytes) -> str:
    return f"{kind} {base64.b64encode(blob).decode()} comment"


def rsa_blob(exponent: int, modulus: int) -> bytes:
    return string(b"ssh-rsa") + mpint(exponent) + mpint(modulus)


def openssh(
    key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize("kind", FINGERPRINTS)
def test_a_key_of_ssh_keygen_is_read_and_written_as_it_was(kind: str) -> None:
    line = (VECTORS / f"{kind}.pub").read_text().strip()
    key = parse_public_key(line)
    assert key.type is KeyType[kind.upper()]
    assert key.fingerprint == FINGERPRINTS[kind]
    assert key.comment == "publisher@example.com"
    assert str(key) == line


def test_the_comment_is_no_part_of_the_key() -> None:
    bare = " ".join(LINE.split()[:2])
    assert parse_public_key(bare) == parse_public_key(f"  {bare}   jane of acme \n")
    assert parse_public_key(f"{bare}   jane of acme\n").comment == "jane of acme"
    assert str(parse_public_key(bare)) == bare


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 ",
        "ssh-ed25519 ????",
        f'command="true" {LINE}',
        f"no-pty {LINE}",
        LINE.replace("\n", "") + "\nssh-rsa",
        LINE + " \x1b[31m",
        LINE + "x" * 4_000,
        LINE.replace("ssh-ed25519", "ssh-rsa"),
        line_of("ssh-ed25519", b""),
        line_of("ssh-ed25519", BLOB[:-1]),
        line_of("ssh-ed25519", BLOB + b"\0"),
        line_of("ssh-ed25519", string(b"ssh-ed25519") + string(b"\0" * 31)),
        line_of("ssh-ed25519", b"\xff\xff\xff\xff" + BLOB),
        line_of("ssh-ed25519", string("ssh-ed25519é".encode()) + string(b"\0" * 32)),
        line_of("ssh-ed25519", string(b"ssh\x00ed25519") + string(b"\0" * 32)),
        line_of(
            "ecdsa-sha2-nistp256",
            string(b"ecdsa-sha2-nistp256") + string(b"nistp256") + string(b"\4" + b"\1" * 64),
        ),
        line_of(
            "ecdsa-sha2-nistp256",
            string(b"ecdsa-sha2-nistp256") + string(b"nistp384") + string(b"\4" + b"\1" * 64),
        ),
        line_of("ssh-rsa", string(b"ssh-rsa") + string(b"\0\1\0\1") + mpint(3**2_000)),
        line_of("ssh-rsa", string(b"ssh-rsa") + mpint(65_537) + string(b"\xff" * 384)),
    ],
)
def test_a_line_that_is_no_key_is_refused(line: str) -> None:
    with pytest.raises(MalformedKeyError) as refused:
        parse_public_key(line, where="keys:3")
    assert refused.value.where == "keys:3"


def test_base64_with_bits_to_spare_is_refused() -> None:
    bare = (VECTORS / "ecdsa.pub").read_text().split()[1]
    assert bare.endswith("=")
    spare = bare.rstrip("=")
    other = spare[:-1] + chr(ord(spare[-1]) + 1) + bare[len(spare) :]
    assert base64.b64decode(other) == base64.b64decode(bare)
    with pytest.raises(MalformedKeyError, match="one form"):
        parse_public_key(f"ecdsa-sha2-nistp256 {other}")


def test_other_kinds_of_keys_are_refused() -> None:
    nistp384 = openssh(ec.generate_private_key(ec.SECP384R1()).public_key())
    certificate = line_of("ssh-ed25519-cert-v01@openssh.com", BLOB)
    security_key = line_of("sk-ssh-ed25519@openssh.com", BLOB)
    for line in (nistp384, certificate, security_key, line_of("ssh-dss", BLOB)):
        with pytest.raises(UnsupportedKeyError):
            parse_public_key(line)


@pytest.mark.parametrize(
    ("exponent", "bits"),
    [(65_537, 3_071), (65_537, 8_193), (3, 3_072), (65_536, 3_072), (2**32 + 1, 3_072)],
)
def test_a_weak_or_costly_rsa_key_is_refused(exponent: int, bits: int) -> None:
    with pytest.raises(WeakKeyError) as refused:
        parse_public_key(line_of("ssh-rsa", rsa_blob(exponent, 2**bits - 1)), where="keys:1")
    assert refused.value.where == "keys:1"
    assert "ed25519" in refused.value.next_step


def test_a_real_rsa_key_of_2048_bits_is_refused() -> None:
    with pytest.raises(WeakKeyError, match="2048"):
        parse_public_key(openssh(rsa.generate_private_key(65_537, 2_048).public_key()))


def test_a_file_of_keys_has_comments_and_empty_lines(all_keys: tuple[PrivateKey, ...]) -> None:
    lines = "\n\n".join(str(key.public) for key in all_keys)
    assert parse_public_keys(f"# who may\n\n{lines}\n") == tuple(key.public for key in all_keys)


def test_a_file_of_keys_says_which_line_is_wrong() -> None:
    with pytest.raises(MalformedKeyError) as refused:
        parse_public_keys(f"# who may\n{LINE}\nx\n", where="administrators")
    assert refused.value.where == "administrators:3"


@given(st.text(max_size=100), st.binary(max_size=100))
def test_arbitrary_lines_are_refused_and_break_nothing(text: str, blob: bytes) -> None:
    for line in (text, f"ssh-ed25519 {text}", *(line_of(kind, blob) for kind in KeyType)):
        with pytest.raises(SigningError):
            parse_public_key(line)
