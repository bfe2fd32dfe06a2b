"""Releases: notes from the changelog, signatures in the ledger, and the policy about them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import VersionTooLowError
from builder.releasing import release_candidate
from registry.library.changelog import NOTES_CHARACTERS, notes_of
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.signing.errors import MissingSignatureError, NotAnOwnerError, OtherKeyError
from registry.signing.private_keys import PrivateKey, parse_private_key
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import (
    NAME,
    commit_all,
    files,
    git,
    new_registry,
    put,
    version,
    write_files,
)

_BY = Actor(name="acme")
_CHANGELOG = (
    b"# Changelog\n\n## [1.1.0] - 2026-01-02\n\n### Added\n\n- a way out\n\n## 1.0.0\n\nFirst.\n"
)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        yield made


def test_notes_are_the_section_of_the_version() -> None:
    assert notes_of(_CHANGELOG, version("1.1.0")) == "### Added\n\n- a way out"
    assert notes_of(_CHANGELOG, version("1.0.0")) == "First."
    assert notes_of(_CHANGELOG, version("2.0.0")) == ""


@given(st.binary(max_size=400))
def test_any_changelog_gives_printable_notes(raw: bytes) -> None:
    notes = notes_of(b"## 1.0.0\n" + raw, version("1.0.0"))
    assert len(notes) <= NOTES_CHARACTERS
    assert all(c.isprintable() or c in "\n\t" for c in notes)


def test_notes_are_in_the_tag_and_cannot_fake_its_digest(registry: Registry) -> None:
    fake = b"## 1.0.0\n\nGood.\n\nDigest: sha256:" + b"0" * 64 + b"\nTree: " + b"0" * 40 + b"\n"
    add_release(registry, files(extra={"docs/CHANGELOG.md": fake}), by=_BY)
    release(registry, NAME, by=_BY)
    assert "Good." in git(registry.path, "tag", "-l", "--format=%(contents)", "file-tools/v1.0.0")
    assert registry.snapshot().library(NAME).releases[0].is_served


def test_version_below_what_its_changes_demand_is_refused(registry: Registry) -> None:
    put(registry, files())
    wider = {"permissions": {"network": ["*:443"]}}
    add_release(registry, files(version="1.0.1", step_fields=wider), by=_BY)
    head = registry.head()
    with pytest.raises(VersionTooLowError, match=r"demands 2\.0\.0") as caught:
        release_candidate(registry, NAME, by=_BY)
    assert "opsteps diff file-tools 1.0.0 1.0.1" in caught.value.next_step
    assert registry.head() == head
    add_release(registry, files(version="2.0.0", step_fields=wider), by=_BY)
    assert str(release_candidate(registry, NAME, by=_BY).version) == "2.0.0"


def make_key() -> PrivateKey:
    return parse_private_key(
        Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
        )
    )


def declare(registry: Registry, text: str) -> None:
    follow_head(registry)
    write_files(registry.path, {"registry.yaml": f"name: steps\ntitle: Steps\n{text}".encode()})
    commit_all(registry.path)


def test_signature_of_a_publisher_is_kept_in_the_ledger(registry: Registry) -> None:
    key = make_key()
    declare(registry, f"publishers: {{acme: {{keys: [{{key: {key.public}}}]}}}}\n")
    add_release(registry, files(), by=_BY)
    released = release(registry, NAME, by=_BY, signer=key)
    assert released.signed_by == "acme"
    signature = read_library(registry, NAME).facts.ledger["1.0.0"].signature
    assert signature is not None
    assert "BEGIN SSH SIGNATURE" in signature


def test_key_of_nobody_is_refused(registry: Registry) -> None:
    add_release(registry, files(), by=_BY)
    with pytest.raises(OtherKeyError):
        release(registry, NAME, by=_BY, signer=make_key())


def test_key_of_a_publisher_who_is_no_owner_is_refused(registry: Registry) -> None:
    key = make_key()
    declare(registry, f"publishers: {{other: {{keys: [{{key: {key.public}}}]}}}}\n")
    add_release(registry, files(), by=_BY)
    with pytest.raises(NotAnOwnerError):
        release(registry, NAME, by=_BY, signer=key)


def test_policy_that_demands_signatures_refuses_a_release_without(registry: Registry) -> None:
    declare(registry, "policy: {signatures: required}\n")
    add_release(registry, files(), by=_BY)
    head = registry.head()
    with pytest.raises(MissingSignatureError, match="policy"):
        release(registry, NAME, by=_BY)
    assert registry.head() == head
