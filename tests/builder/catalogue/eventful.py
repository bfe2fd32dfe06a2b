"""A registry in which everything happened that the catalogue tells of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from registry.names import LibraryName
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.publishing.withdraw import deprecate, yank
from registry.signing.private_keys import PrivateKey, parse_private_key
from registry.snapshots.registry import Registry
from registry.sources.release_source import read_source
from registry.transactions.transaction import Actor
from registry.versions import parse_version
from tests.builder.catalogue.conftest import Workshop

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "registry" / "libraries"
PUBLISHER = "acme"
FILES = LibraryName("file-operations-basic")
INTEGRATIONS = LibraryName("custom-integrations")
NETWORK = LibraryName("network-tools-premium")


def new_key() -> PrivateKey:
    """An Ed25519 key, never kept."""
    key = Ed25519PrivateKey.generate()
    return parse_private_key(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


def declaration(
    publisher: PrivateKey | None, instance: PrivateKey | None = None, title: str = "Demo registry"
) -> bytes:
    """A ``registry.yaml`` with a publisher's key and an instance's."""
    facts: dict[str, object] = {
        "name": "demo",
        "title": title,
        "url": "https://steps.example.com",
        "publishers": {},
        "policy": {},
    }
    if publisher is not None:
        facts["publishers"] = {PUBLISHER: {"keys": [{"key": str(publisher.public)}]}}
    if instance is not None:
        facts["policy"] = {"instance_keys": [str(instance.public)]}
    return orjson.dumps(facts)


def publish(
    registry: Registry, files: Mapping[str, bytes], *, by: Actor, signer: PrivateKey | None = None
) -> None:
    """Add and release."""
    added = add_release(registry, files, by=by)
    release(registry, added.name, added.version, by=by, signer=signer)


def advisory(name: str, *, fixed: str | None, severity: str = "HIGH") -> dict[str, object]:
    """An advisory about a library, in OSV's form."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "schema_version": "1.7.0",
        "id": f"OPS-2026-{name}",
        "modified": "2026-10-01T00:00:00Z",
        "published": "2026-10-01T00:00:00Z",
        "summary": "A path with two dots leaves the directory it was given",
        "details": "An archive whose names hold `../` writes **outside** of its destination.",
        "aliases": ["CVE-2026-12345"],
        "references": [{"type": "WEB", "url": "https://example.com/advisory"}],
        "affected": [
            {
                "package": {"ecosystem": "OpsConductor", "name": name},
                "ranges": [{"type": "SEMVER", "events": events}],
            }
        ],
        "database_specific": {"severity": severity},
    }


def fill(workshop: Workshop) -> None:
    """Let it all happen, to the three example libraries."""
    registry = workshop.registry
    publisher, instance = new_key(), new_key()
    workshop.commit({"registry.yaml": declaration(publisher, instance)})
    author = Actor(name=PUBLISHER, key=instance)
    for manifest in sorted(EXAMPLES.glob("*/*/manifest.json")):
        signer = publisher if manifest.parent.name != "1.0.0" else None
        publish(registry, dict(read_source(manifest.parent)), by=author, signer=signer)
    first, second = parse_version("1.0.0"), parse_version("1.1.0")
    yank(
        registry, FILES, first, reason="It lost the time of files.", replacement=second,
        by=Actor(name="operator"),
    )  # fmt: skip
    deprecate(
        registry, INTEGRATIONS, reason="Nobody looks after it.", replacement=FILES,
        by=Actor(name="operator", key=instance),
    )  # fmt: skip
    workshop.commit(
        {
            f"advisories/{found['id']}.yaml": orjson.dumps(found)
            for found in (
                advisory(FILES, fixed="2.0.0"),
                advisory(NETWORK, fixed=None, severity="CRITICAL"),
            )
        }
    )
