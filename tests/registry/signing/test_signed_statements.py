import inspect
from datetime import datetime

import pytest

from registry.formats.timestamps import parse_time
from registry.names import CommitId, Digest, LibraryName
from registry.problems import InvalidLibraryError
from registry.signing import errors
from registry.signing.errors import (
    BadSignatureError,
    KeyRevokedError,
    MalformedStatementError,
    MissingSignatureError,
    NotAnOwnerError,
    OtherKeyError,
    SigningError,
    WrongNamespaceError,
)
from registry.signing.private_keys import PrivateKey
from registry.signing.publishers import PublisherKey, Publishers
from registry.signing.registry_signature import sign_registry, trusted_publishers
from registry.signing.signed_statements import (
    sign_head_statement,
    sign_release,
    verify_head,
    verify_release,
)
from registry.signing.sshsig import sign
from registry.signing.statements import HeadStatement, Namespace, ReleaseStatement
from registry.versions import parse_version

NOW = parse_time("2025-03-01T00:00:00Z")
STATEMENT = ReleaseStatement(
    name=LibraryName("file-operations"), version=parse_version("1.2.0"), digest=Digest("0" * 64)
)


def registry_yaml(key: PrivateKey) -> bytes:
    return (
        "name: demo\ntitle: Demo\npublishers:\n  acme:\n    keys:\n"
        f"      - key: {key.public}\n        revoked: 2026-01-01T00:00:00Z\n"
    ).encode()


@pytest.fixture(scope="session")
def administrator(ecdsa_key: PrivateKey) -> PrivateKey:
    return ecdsa_key


@pytest.fixture(scope="session")
def publishers(ed25519_key: PrivateKey, administrator: PrivateKey) -> Publishers:
    raw = registry_yaml(ed25519_key)
    return trusted_publishers(raw, sign_registry(raw, administrator), [administrator.public])


def verified(
    publishers: Publishers,
    signature: str,
    *,
    statement: ReleaseStatement = STATEMENT,
    owners: tuple[str, ...] = ("acme",),
    at: datetime = NOW,
) -> PublisherKey:
    return verify_release(statement, signature, publishers=publishers, owners=owners, at=at)


def test_publishers_that_an_administrator_signed_are_trusted(
    publishers: Publishers, ed25519_key: PrivateKey
) -> None:
    assert [held.key for held in publishers.all_keys()] == [ed25519_key.public]


def test_any_of_the_pinned_administrators_will_do(all_keys: tuple[PrivateKey, ...]) -> None:
    raw = registry_yaml(all_keys[0])
    pinned = [key.public for key in all_keys]
    for key in all_keys:
        assert trusted_publishers(raw, sign_registry(raw, key), pinned).named("acme")


def test_publishers_that_were_changed_after_signing_are_not_trusted(
    ed25519_key: PrivateKey, other_key: PrivateKey, administrator: PrivateKey
) -> None:
    signature = sign_registry(registry_yaml(ed25519_key), administrator)
    for altered in (registry_yaml(other_key), registry_yaml(ed25519_key) + b"\n", b"", b"{"):
        with pytest.raises(BadSignatureError):
            trusted_publishers(altered, signature, [administrator.public])


def test_a_publisher_cannot_name_publishers(
    ed25519_key: PrivateKey, administrator: PrivateKey
) -> None:
    raw = registry_yaml(ed25519_key)
    with pytest.raises(OtherKeyError):
        trusted_publishers(raw, sign_registry(raw, ed25519_key), [administrator.public])


def test_a_signature_for_a_release_names_no_publishers(
    ed25519_key: PrivateKey, administrator: PrivateKey
) -> None:
    raw = registry_yaml(ed25519_key)
    signature = sign(raw, namespace=Namespace.RELEASE, key=administrator)
    with pytest.raises(WrongNamespaceError):
        trusted_publishers(raw, signature, [administrator.public])


def test_without_a_pinned_key_or_a_signature_nobody_is_trusted(
    ed25519_key: PrivateKey, administrator: PrivateKey
) -> None:
    raw = registry_yaml(ed25519_key)
    with pytest.raises(OtherKeyError, match="no administrator's key is pinned"):
        trusted_publishers(raw, sign_registry(raw, administrator), [])
    for nothing in (None, "", b""):
        with pytest.raises(MissingSignatureError, match="-n opsteps-registry"):
            trusted_publishers(raw, nothing, [administrator.public])


def test_an_administrators_mistake_is_reported_with_its_place(administrator: PrivateKey) -> None:
    raw = b"name: demo\ntitle: Demo\npublishers:\n  acme:\n    keys: [{key: x}]\n"
    with pytest.raises(InvalidLibraryError) as refused:
        trusted_publishers(raw, sign_registry(raw, administrator), [administrator.public])
    assert [problem.line for problem in refused.value.problems] == [5]


def test_a_release_signed_by_its_publisher_is_verified(
    publishers: Publishers, ed25519_key: PrivateKey
) -> None:
    held = verified(publishers, sign_release(STATEMENT, ed25519_key))
    assert (held.publisher, held.fingerprint) == ("acme", ed25519_key.public.fingerprint)


@pytest.mark.parametrize(
    "altered",
    [
        {"name": LibraryName("file-operationz")},
        {"version": parse_version("1.2.1")},
        {"digest": Digest("1" + "0" * 63)},
    ],
    ids=["name", "version", "digest"],
)
def test_a_signature_holds_for_one_release_only(
    publishers: Publishers, ed25519_key: PrivateKey, altered: dict[str, object]
) -> None:
    parts = {"name": STATEMENT.name, "version": STATEMENT.version, "digest": STATEMENT.digest}
    other = ReleaseStatement(**{**parts, **altered})  # type: ignore[arg-type]  # one is replaced
    with pytest.raises(BadSignatureError) as refused:
        verified(publishers, sign_release(STATEMENT, ed25519_key), statement=other)
    assert refused.value.where == f"{other.name} {other.version}"


def test_a_release_signed_by_a_stranger_is_refused(
    publishers: Publishers, other_key: PrivateKey
) -> None:
    with pytest.raises(OtherKeyError):
        verified(publishers, sign_release(STATEMENT, other_key))


def test_a_signature_for_a_head_is_none_for_a_release(
    publishers: Publishers, ed25519_key: PrivateKey
) -> None:
    signature = sign(bytes(STATEMENT), namespace=Namespace.HEAD, key=ed25519_key)
    with pytest.raises(WrongNamespaceError):
        verified(publishers, signature)


def test_a_good_signature_by_a_key_that_may_not_sign_is_refused(
    publishers: Publishers, ed25519_key: PrivateKey
) -> None:
    signature = sign_release(STATEMENT, ed25519_key)
    with pytest.raises(NotAnOwnerError):
        verified(publishers, signature, owners=("globex",))
    with pytest.raises(KeyRevokedError):
        verified(publishers, signature, at=parse_time("2026-01-01T00:00:00Z"))


def test_a_head_is_verified_by_one_of_the_keys(
    ed25519_key: PrivateKey, other_key: PrivateKey
) -> None:
    statement = HeadStatement(head=CommitId("1" * 40), sequence=3, time=NOW)
    signature = sign_head_statement(statement, ed25519_key)
    raw = bytes(statement)
    keys = [other_key.public, ed25519_key.public]
    assert verify_head(raw, signature, keys=keys) == statement
    with pytest.raises(OtherKeyError):
        verify_head(raw, signature, keys=[other_key.public])
    with pytest.raises(BadSignatureError):
        verify_head(raw.replace(b"\n3\n", b"\n4\n"), signature, keys=keys)


def test_signed_bytes_that_are_no_head_statement_are_refused(ed25519_key: PrivateKey) -> None:
    signature = sign(b"x", namespace=Namespace.HEAD, key=ed25519_key)
    with pytest.raises(MalformedStatementError):
        verify_head(b"x", signature, keys=[ed25519_key.public])


def test_every_refusal_has_a_name_and_a_next_step() -> None:
    classes = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, SigningError)
    ]
    assert len(classes) > 20
    for kind in classes:
        assert kind.__doc__
        assert kind("refused").next_step
