import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.signing.errors import (
    BadSignatureError,
    HashAlgorithmError,
    MalformedSignatureError,
    OtherKeyError,
    OversizedSignatureError,
    SignatureAlgorithmError,
    SignatureVersionError,
    SigningError,
    TrailingBytesError,
    TruncatedSignatureError,
    WrongNamespaceError,
)
from registry.signing.keys import parse_public_key
from registry.signing.private_keys import PrivateKey
from registry.signing.sshsig import Signature, parse_signature, sign, verify
from registry.signing.sshwire import mpint, string

VECTORS = Path(__file__).parent / "vectors"
MESSAGE = (VECTORS / "release.txt").read_bytes()
NAMESPACE = "opsteps-release"
KINDS = ("ed25519", "ecdsa", "rsa")
ARMORED = (VECTORS / "ed25519-sha512.sig").read_text()
PARSED = parse_signature(ARMORED)
KEY = parse_public_key((VECTORS / "ed25519.pub").read_text())
BLOB = base64.b64decode("".join(ARMORED.splitlines()[1:-1]))
BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"


def armor(blob: bytes) -> str:
    return f"{BEGIN}\n{base64.b64encode(blob).decode()}\n{END}\n"


def check(armored: str | bytes, message: bytes = MESSAGE) -> None:
    verify(message, armored, namespace=NAMESPACE, keys=(KEY,))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hashed", ["sha256", "sha512"])
def test_what_ssh_keygen_signed_is_verified(kind: str, hashed: str) -> None:
    armored = (VECTORS / f"{kind}-{hashed}.sig").read_bytes()
    keys = tuple(parse_public_key((VECTORS / f"{name}.pub").read_text()) for name in KINDS)
    assert verify(MESSAGE, armored, namespace=NAMESPACE, keys=keys) == keys[KINDS.index(kind)]
    assert parse_signature(armored).hash_algorithm == hashed
    assert parse_signature(armored).armored().encode() == armored


@given(st.data(), st.binary(max_size=5_000), st.from_regex(r"[a-z][a-z.@-]{0,40}", fullmatch=True))
def test_what_is_signed_is_verified_and_nothing_else(
    all_keys: tuple[PrivateKey, ...], data: st.DataObject, message: bytes, namespace: str
) -> None:
    key = data.draw(st.sampled_from(all_keys))
    armored = sign(message, namespace=namespace, key=key)
    publics = tuple(key.public for key in all_keys)
    assert verify(message, armored, namespace=namespace, keys=publics) == key.public
    with pytest.raises(BadSignatureError):
        verify(message + b"\0", armored, namespace=namespace, keys=publics)


@given(st.integers(0, len(BLOB) * 8 - 1))
def test_no_bit_can_be_flipped(bit: int) -> None:
    altered = bytearray(BLOB)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SigningError):
        check(armor(bytes(altered)))


@given(st.integers(1, len(BLOB) - 1))
def test_a_signature_cut_off_inside_its_armor_is_refused(length: int) -> None:
    with pytest.raises(TruncatedSignatureError):
        check(armor(BLOB[:length]))


@given(st.integers(0, len(ARMORED) - 2))
def test_a_file_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(MalformedSignatureError):
        check(ARMORED[:length])


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300), st.binary().map(armor)))
def test_arbitrary_input_is_refused_and_breaks_nothing(garbage: str | bytes) -> None:
    with pytest.raises(SigningError):
        check(garbage)


def test_the_armor_may_lack_its_last_newline_and_have_lines_of_any_width() -> None:
    check(ARMORED.rstrip("\n"))
    check(armor(BLOB))
    check(ARMORED.encode())


def test_another_message_is_refused() -> None:
    with pytest.raises(BadSignatureError, match=KEY.fingerprint.replace("+", r"\+")):
        check(ARMORED, MESSAGE.replace(b"1.2.0", b"1.2.1"))


def test_another_namespace_is_refused() -> None:
    with pytest.raises(WrongNamespaceError, match="opsteps-release"):
        verify(MESSAGE, ARMORED, namespace="opsteps-head", keys=(KEY,))


def test_a_changed_namespace_is_refused(ed25519_key: PrivateKey) -> None:
    parsed = parse_signature(sign(MESSAGE, namespace="opsteps-head", key=ed25519_key))
    forged = replace(parsed, namespace=NAMESPACE).armored()
    with pytest.raises(BadSignatureError):
        verify(MESSAGE, forged, namespace=NAMESPACE, keys=(ed25519_key.public,))


def test_a_changed_hash_algorithm_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        check(replace(PARSED, hash_algorithm="sha256").armored())


@pytest.mark.parametrize("name", ["sha1", "md5", "sha384", "SHA512", ""])
def test_another_hash_algorithm_is_refused(name: str) -> None:
    with pytest.raises(HashAlgorithmError):
        check(replace(PARSED, hash_algorithm=name).armored())


def test_another_key_is_refused(other_key: PrivateKey) -> None:
    theirs = sign(MESSAGE, namespace=NAMESPACE, key=other_key)
    with pytest.raises(OtherKeyError) as refused:
        check(theirs)
    assert other_key.public.fingerprint in refused.value.message


def test_another_key_cannot_pose_as_the_trusted_one(other_key: PrivateKey) -> None:
    theirs = parse_signature(sign(MESSAGE, namespace=NAMESPACE, key=other_key))
    with pytest.raises(BadSignatureError):
        check(replace(theirs, key_blob=KEY.blob).armored())


def test_without_a_trusted_key_nothing_is_verified() -> None:
    with pytest.raises(OtherKeyError):
        verify(MESSAGE, ARMORED, namespace=NAMESPACE, keys=())
    with pytest.raises(OtherKeyError):
        PARSED.require(
            MESSAGE,
            namespace=NAMESPACE,
            key=parse_public_key((VECTORS / "ecdsa.pub").read_text()),
        )


@pytest.mark.parametrize("algorithm", ["ssh-rsa", "ssh-dss", "none", "ecdsa-sha2-nistp384"])
def test_another_signature_algorithm_is_refused(algorithm: str) -> None:
    with pytest.raises(SignatureAlgorithmError, match=algorithm):
        check(replace(PARSED, algorithm=algorithm).armored())


def test_a_signature_algorithm_of_another_kind_of_key_is_refused() -> None:
    with pytest.raises(SignatureAlgorithmError, match="the key is ssh-ed25519"):
        check(replace(PARSED, algorithm="rsa-sha2-512").armored())


def test_rsa_is_verified_with_the_hash_that_it_names(rsa_key: PrivateKey) -> None:
    parsed = parse_signature(sign(MESSAGE, namespace=NAMESPACE, key=rsa_key))
    assert parsed.algorithm == "rsa-sha2-512"
    with pytest.raises(BadSignatureError):
        verify(
            MESSAGE,
            replace(parsed, algorithm="rsa-sha2-256").armored(),
            namespace=NAMESPACE,
            keys=(rsa_key.public,),
        )


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        mpint(1),
        mpint(0) + mpint(0),
        mpint(1) + mpint(1) + b"\0",
        string(b"\0\1") + mpint(1),
        string(b"\xff") + mpint(1),
    ],
)
def test_malformed_ecdsa_numbers_are_refused(ecdsa_key: PrivateKey, signature: bytes) -> None:
    parsed = parse_signature(sign(MESSAGE, namespace=NAMESPACE, key=ecdsa_key))
    with pytest.raises(BadSignatureError):
        verify(
            MESSAGE,
            replace(parsed, signature=signature).armored(),
            namespace=NAMESPACE,
            keys=(ecdsa_key.public,),
        )


@pytest.mark.parametrize("version", [0, 2, 2**32 - 1])
def test_another_version_is_refused(version: int) -> None:
    with pytest.raises(SignatureVersionError, match=str(version)):
        check(armor(BLOB[:6] + version.to_bytes(4, "big") + BLOB[10:]))


@pytest.mark.parametrize(
    "armored",
    [
        ARMORED + "\n",
        ARMORED + "x",
        ARMORED + ARMORED,
        ARMORED.rstrip("\n") + " ",
        armor(BLOB + b"\0"),
    ],
)
def test_trailing_bytes_are_refused(armored: str) -> None:
    with pytest.raises(TrailingBytesError):
        check(armored)


def test_trailing_bytes_inside_the_inner_signature_are_refused() -> None:
    inner = string(b"ssh-ed25519") + string(PARSED.signature)
    head = BLOB[: -len(string(inner))]
    assert head + string(inner) == BLOB
    with pytest.raises(TrailingBytesError):
        check(armor(head + string(inner + b"\0")))


@pytest.mark.parametrize(
    "armored",
    [
        "",
        "x" + ARMORED,
        "\n" + ARMORED,
        ARMORED.replace("\n", "\r\n"),
        ARMORED.replace("SSH SIGNATURE", "SSHSIGNATURE"),
        f"{BEGIN}\n{END}\n\n",
        ARMORED.replace(f"\n{END}", f"\n\n{END}"),
        ARMORED.replace(BEGIN, f"{BEGIN}\n"),
        ARMORED.replace("U1NI", "U1N!"),
        ARMORED.replace("U1NI", "U1 NI"),
        ARMORED.replace("U1NI", "é1NI"),
        ARMORED.replace("U1NI", "\ud800NI"),
        armor(b"SSHGIS" + BLOB[6:]),
    ],
)
def test_what_is_not_armored_as_it_should_be_is_refused(armored: str) -> None:
    with pytest.raises(MalformedSignatureError):
        check(armored)


def test_a_reserved_field_is_refused_because_no_signature_covers_it() -> None:
    namespace = string(NAMESPACE.encode())
    before, _, after = BLOB.partition(namespace)
    with pytest.raises(MalformedSignatureError, match="reserved"):
        check(armor(before + namespace + string(b"x") + after[4:]))


@pytest.mark.parametrize("namespace", [b"", b"\0", b"\xff", "é".encode()])
def test_an_empty_or_unprintable_namespace_is_refused(namespace: bytes) -> None:
    raw = BLOB.replace(string(NAMESPACE.encode()), string(namespace))
    with pytest.raises(MalformedSignatureError):
        check(armor(raw))


def test_a_signature_longer_than_the_limit_is_refused() -> None:
    with pytest.raises(OversizedSignatureError, match="8,000"):
        check(ARMORED + "x" * 8_000)


def test_the_largest_accepted_rsa_signature_fits_the_limit() -> None:
    signature = Signature(
        key_blob=string(b"ssh-rsa") + mpint(2**32 - 1) + mpint(2**8_192 - 1),
        namespace="opsteps-registry",
        hash_algorithm="sha512",
        algorithm="rsa-sha2-512",
        signature=b"\xff" * 1_024,
    )
    assert parse_signature(signature.armored()) == signature
