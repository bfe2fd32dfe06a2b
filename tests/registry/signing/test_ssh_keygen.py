"""Signatures exchanged with the real ssh-keygen, both ways."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from registry.formats.timestamps import parse_time
from registry.names import CommitId, Digest, LibraryName
from registry.signing.errors import BadSignatureError, WeakKeyError
from registry.signing.keys import KeyType, parse_public_key
from registry.signing.private_keys import read_private_key
from registry.signing.publishers import Publisher, PublisherKey, PublisherName, Publishers
from registry.signing.registry_signature import sign_registry, trusted_publishers
from registry.signing.signed_statements import (
    sign_head_statement,
    sign_release,
    verify_head,
    verify_release,
)
from registry.signing.sshsig import parse_signature, sign, verify
from registry.signing.statements import HeadStatement, Namespace, ReleaseStatement
from registry.versions import parse_version

pytestmark = pytest.mark.needs_ssh_keygen

PASSPHRASE = "open sesame"
KINDS = {"ed25519": [], "ecdsa": ["-b", "256"], "rsa": ["-b", "3072"]}
NOW = parse_time("2025-01-31T12:00:00Z")
STATEMENT = ReleaseStatement(
    name=LibraryName("file-operations"), version=parse_version("1.2.0"), digest=Digest("0" * 64)
)


class KeyFile(NamedTuple):
    path: Path
    passphrase: str

    @property
    def line(self) -> str:
        return self.path.with_suffix(".pub").read_text().strip()


def ssh_keygen(*arguments: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *arguments], input=data, capture_output=True, check=False)


@pytest.fixture(scope="session", params=[(k, p) for k in KINDS for p in ("", PASSPHRASE)], ids=str)
def key_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    kind, passphrase = request.param
    path = tmp_path_factory.mktemp("keys") / kind
    made = ssh_keygen("-q", "-t", kind, *KINDS[kind], "-N", passphrase, "-f", str(path))
    assert made.returncode == 0, made.stderr
    return KeyFile(path=path, passphrase=passphrase)


def they_sign(key: KeyFile, message: bytes, namespace: str, tmp_path: Path) -> bytes:
    """What ``ssh-keygen -Y sign`` makes; it reads a passphrase from a terminal only."""
    path = key.path
    if key.passphrase:
        path = tmp_path / "unlocked"
        path.write_bytes(key.path.read_bytes())
        path.chmod(0o600)
        ssh_keygen("-q", "-p", "-P", key.passphrase, "-N", "", "-f", str(path))
    signed = ssh_keygen("-Y", "sign", "-q", "-f", str(path), "-n", namespace, data=message)
    assert signed.returncode == 0, signed.stderr
    return signed.stdout


def they_verify(line: str, signature: str, message: bytes, namespace: str, tmp_path: Path) -> bool:
    signers, file = tmp_path / "allowed_signers", tmp_path / "signature"
    signers.write_text(f"publisher {line}\n")
    file.write_text(signature)
    who = ["-f", str(signers), "-I", "publisher", "-n", namespace, "-s", str(file)]
    return ssh_keygen("-Y", "verify", *who, data=message).returncode == 0


def test_ssh_keygen_verifies_what_we_sign(key_file: KeyFile, tmp_path: Path) -> None:
    key = read_private_key(key_file.path, key_file.passphrase or None)
    signature = sign_release(STATEMENT, key)
    message = bytes(STATEMENT)
    assert they_verify(key_file.line, signature, message, "opsteps-release", tmp_path)
    assert not they_verify(key_file.line, signature, message + b"x", "opsteps-release", tmp_path)
    assert not they_verify(key_file.line, signature, message, "opsteps-head", tmp_path)


def test_we_verify_what_ssh_keygen_signs(key_file: KeyFile, tmp_path: Path) -> None:
    key = parse_public_key(key_file.line)
    signature = they_sign(key_file, bytes(STATEMENT), "opsteps-release", tmp_path)
    name = PublisherName("acme")
    held = PublisherKey(publisher=name, key=key)
    publishers = Publishers([Publisher(name=name, keys=(held,))])
    assert (
        verify_release(STATEMENT, signature, publishers=publishers, owners=["acme"], at=NOW) == held
    )
    with pytest.raises(BadSignatureError):
        verify(b"another", signature, namespace=Namespace.RELEASE, keys=(key,))


def test_our_armor_is_that_of_ssh_keygen_byte_for_byte(key_file: KeyFile, tmp_path: Path) -> None:
    key = read_private_key(key_file.path, key_file.passphrase or None)
    theirs = they_sign(key_file, b"message", "file", tmp_path)
    parsed = parse_signature(sign(b"message", namespace="file", key=key))
    # ECDSA's signatures are random, so theirs is put into our armor.
    assert replace(parsed, signature=parse_signature(theirs).signature).armored() == theirs.decode()
    if key.public.type is not KeyType.ECDSA:
        assert parsed == parse_signature(theirs)


def test_fingerprints_are_those_of_ssh_keygen(key_file: KeyFile) -> None:
    shown = ssh_keygen("-l", "-f", str(key_file.path.with_suffix(".pub"))).stdout.decode()
    assert shown.split()[1] == parse_public_key(key_file.line).fingerprint


def test_heads_are_exchanged_both_ways(key_file: KeyFile, tmp_path: Path) -> None:
    key = read_private_key(key_file.path, key_file.passphrase or None)
    statement = HeadStatement(head=CommitId("1" * 40), sequence=3, time=NOW)
    raw = bytes(statement)
    assert they_verify(
        key_file.line, sign_head_statement(statement, key), raw, "opsteps-head", tmp_path
    )
    signature = they_sign(key_file, raw, "opsteps-head", tmp_path)
    assert verify_head(raw, signature, keys=(key.public,)) == statement


def test_registries_are_exchanged_both_ways(key_file: KeyFile, tmp_path: Path) -> None:
    key = read_private_key(key_file.path, key_file.passphrase or None)
    raw = b"name: demo\ntitle: Demo\n"
    assert they_verify(key_file.line, sign_registry(raw, key), raw, "opsteps-registry", tmp_path)
    signature = they_sign(key_file, raw, "opsteps-registry", tmp_path)
    assert trusted_publishers(raw, signature, (key.public,)) == Publishers()


def test_a_short_rsa_key_of_ssh_keygen_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rsa"
    assert ssh_keygen("-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(path)).returncode == 0
    with pytest.raises(WeakKeyError, match="2048"):
        read_private_key(path)
