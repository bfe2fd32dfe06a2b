"""What a signature is worth: only a declared publisher's over exactly this release is verified."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.facts.signature_mark import MarkKind, mark_of, read_trust
from registry.formats.library_file import facts_bytes
from registry.formats.model import LedgerEntry, LibraryFacts
from registry.names import LibraryName
from registry.signing.registry_signature import sign_registry
from registry.transactions.transaction import Actor
from tests.builder.catalogue.conftest import Workshop, site_files
from tests.builder.catalogue.eventful import PUBLISHER, declaration, new_key, publish

KEY, OTHER, ADMINISTRATOR = new_key(), new_key(), new_key()


@pytest.fixture
def signed(workshop: Workshop) -> LibraryName:
    """A library with a signed release and one that is not."""
    workshop.commit({"registry.yaml": declaration(KEY)})
    by = Actor(name=PUBLISHER)
    made = [content.library(1, steps=1, version=version) for version in ("1.0.0", "1.1.0")]
    publish(workshop.registry, made[0].files, by=by)
    publish(workshop.registry, made[1].files, by=by, signer=KEY)
    return made[0].name


def kinds(workshop: Workshop, name: LibraryName) -> dict[str, MarkKind]:
    snapshot = workshop.registry.snapshot()
    trust = read_trust(workshop.registry, snapshot, ())
    library = snapshot.library(name)
    return {str(r.version): mark_of(library, r, trust).kind for r in library.releases}


def change_ledger(workshop: Workshop, name: LibraryName, **signatures: str | None) -> None:
    """Put other signatures into the ledger, as somebody who may push could."""
    facts = workshop.registry.snapshot().library(name).facts
    ledger = {
        version: LedgerEntry(
            digest=entry.digest,
            date=entry.date,
            signature=signatures.get(f"v{version.replace('.', '_')}", entry.signature),
        )
        for version, entry in facts.ledger.items()
    }
    changed = LibraryFacts(owners=facts.owners, ledger=ledger)
    workshop.commit({f"libraries/{name}/library.yaml": facts_bytes(changed)})


def test_a_publishers_signature_is_verified(workshop: Workshop, signed: LibraryName) -> None:
    assert kinds(workshop, signed) == {"1.1.0": MarkKind.VERIFIED, "1.0.0": MarkKind.UNSIGNED}


def test_a_signature_copied_from_another_release_is_bad(
    workshop: Workshop, signed: LibraryName
) -> None:
    entry = workshop.registry.snapshot().library(signed).facts.ledger["1.1.0"]
    change_ledger(workshop, signed, v1_0_0=entry.signature)
    assert kinds(workshop, signed)["1.0.0"] is MarkKind.BAD


def test_what_is_no_signature_is_bad(workshop: Workshop, signed: LibraryName) -> None:
    change_ledger(workshop, signed, v1_0_0="<script>alert(1)</script>")
    assert kinds(workshop, signed)["1.0.0"] is MarkKind.BAD
    build_catalogue(workshop.registry, workshop.path.parent / "site", jobs=1, search=False)
    page = site_files(workshop.path.parent / "site")[f"libraries/{signed}/1.0.0/index.html"]
    assert b"does not hold" in page
    assert b"<script>alert" not in page


def test_a_key_that_nobody_declares_verifies_nothing(
    workshop: Workshop, signed: LibraryName
) -> None:
    workshop.commit({"registry.yaml": declaration(OTHER)})
    assert kinds(workshop, signed)["1.1.0"] is MarkKind.UNKNOWN
    workshop.commit({"registry.yaml": declaration(None)})
    assert kinds(workshop, signed)["1.1.0"] is MarkKind.UNKNOWN


def test_a_publisher_that_is_no_owner_verifies_nothing(
    workshop: Workshop, signed: LibraryName
) -> None:
    facts = workshop.registry.snapshot().library(signed).facts
    stolen = LibraryFacts(owners=("somebody",), ledger=facts.ledger)
    workshop.commit({f"libraries/{signed}/library.yaml": facts_bytes(stolen)})
    assert kinds(workshop, signed)["1.1.0"] is MarkKind.UNKNOWN


def test_a_declaration_counts_as_confirmed_only_when_an_administrator_signed_it(
    workshop: Workshop,
) -> None:
    def is_confirmed() -> bool:
        snapshot = workshop.registry.snapshot()
        return read_trust(workshop.registry, snapshot, [ADMINISTRATOR.public]).is_confirmed

    raw = declaration(KEY)
    workshop.commit({"registry.yaml": raw})
    assert not is_confirmed()
    workshop.commit({"registry.yaml.sig": sign_registry(raw, OTHER).encode()})
    assert not is_confirmed()
    workshop.commit({"registry.yaml.sig": sign_registry(raw, ADMINISTRATOR).encode()})
    assert is_confirmed()
    assert not read_trust(workshop.registry, workshop.registry.snapshot(), ()).is_confirmed
    facts = orjson.loads(raw) | {"title": "Changed afterwards"}
    workshop.commit({"registry.yaml": orjson.dumps(facts)})
    assert not is_confirmed()


def test_the_pages_say_whether_the_publisher_is_confirmed(
    workshop: Workshop, signed: LibraryName, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    page = f"libraries/{signed}/index.html"
    build_catalogue(workshop.registry, out, jobs=1, search=False)
    assert b"not confirmed by an administrator here" in site_files(out)[page]
    raw = declaration(KEY)
    workshop.commit({"registry.yaml.sig": sign_registry(raw, ADMINISTRATOR).encode()})
    build_catalogue(
        workshop.registry, out, jobs=1, search=False, administrators=[ADMINISTRATOR.public]
    )
    assert b"an administrator of this registry has confirmed" in site_files(out)[page]
