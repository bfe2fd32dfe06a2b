"""Where a registry declares instance keys, what needs one is refused without it."""

import json
import re
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from registry.names import LibraryName
from registry.publishing.withdraw import yank
from registry.signing.private_keys import parse_private_key
from registry.transactions.transaction import Actor, follow_head
from registry.versions import parse_version
from tests.installed import opsteps
from tests.server.changes.test_changes import change
from tests.server.real_server import Place, making_place, serving, until


def make_key(path: Path) -> Path:
    private = Ed25519PrivateKey.generate()
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return path


def declare(place: Place, *keys: Path) -> None:
    lines = json.dumps([str(parse_private_key(key.read_bytes()).public) for key in keys])
    facts = (place.path / "registry.yaml").read_text()
    declared = facts.replace("instance_keys: []", f"instance_keys: {lines}")
    assert declared != facts
    place.commit_file("registry.yaml", declared)


def withdraw(place: Place, version: str) -> None:
    by = Actor(name="ada")
    yank(place.registry, LibraryName("alpha"), parse_version(version), reason="bad", by=by)
    follow_head(place.registry)


def test_a_head_that_is_trusted_is_judged_all_the_same(tmp_path: Path) -> None:
    """Only --accept acknowledges what was found upon the way to it."""
    key = make_key(tmp_path / "key")
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0")
        declare(place, key)
        with serving(place.path, poll_seconds=0.05, settle_seconds=0) as client:
            until(lambda: client.health()["alarms"] == [])
            opsteps(place.path, "toggle", "alpha", "--off", "--key", key)
            client.until_served(place.git("rev-parse", "HEAD"))
            place.git("commit", "-q", "--amend", "--no-verify", "-m", "x")
            until(lambda: "rewritten history" in client.health()["problem"])
            opsteps(place.path, "trust", "HEAD")
            client.until_served(place.git("rev-parse", "HEAD"))
            until(lambda: any("forged operation" in one for one in client.health()["alarms"]))
            opsteps(place.path, "attest", "HEAD", "--key", key)
            until(lambda: client.health()["alarms"] == [])


def test_commands_and_servers_ask_for_the_key_before_they_write(tmp_path: Path) -> None:
    key, other = make_key(tmp_path / "key"), make_key(tmp_path / "other")
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0")
        place.publish("alpha", "1.1.0")
        withdraw(place, "1.0.0")
        declare(place, key)
        head = place.git("rev-parse", "HEAD")
        for asked in (
            ("unyank", "alpha", "1.0.0"),
            ("rollback", "alpha", "--to", "1.1.0"),
            ("uninstall", "alpha", "1.0.0"),
            ("unyank", "alpha", "1.0.0", "--key", other),
        ):
            said = opsteps(place.path, *asked, expect=5)
            assert "instance keys" in said
            assert "--key" in said
        with serving(place.path) as client:
            reply = change(client, "PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
            assert reply.status == 409
            assert "OPSTEPS_INSTANCE_KEY" in reply.json()["detail"]
            (warning,) = client.health()["warnings"]
            assert "this server has none" in warning
            facts = (place.path / "registry.yaml").read_text()
            keys = re.sub("instance_keys: .*", "instance_keys: []", facts)
            place.commit_file("registry.yaml", keys)
            until(lambda: not client.health()["warnings"])
            place.git("reset", "-q", "--hard", head)
            opsteps(place.path, "trust", head)
        with serving(place.path, instance_key=other) as client:
            until(lambda: client.health()["warnings"])
            assert "instance_key names none of them" in client.health()["warnings"][0]
        assert place.git("rev-parse", "HEAD") == head
        with serving(place.path, instance_key=key) as client:
            assert client.health()["warnings"] == []
            reply = change(client, "PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
            assert reply.status == 200, reply.body
        # What only adds or withdraws needs none.
        place.publish("beta", "1.0.0")
        withdraw(place, "1.1.0")
        opsteps(place.path, "unyank", "alpha", "1.0.0", "--key", key)
        opsteps(place.path, "uninstall", "alpha", "1.0.0", "--key", key)
        said = opsteps(place.path, "verify", "--deep")
        assert "Sound" in said
        assert "attested" in said
