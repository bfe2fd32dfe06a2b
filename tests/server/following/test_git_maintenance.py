"""A server looks after its registry's Git by itself, and answers all the while."""

from pathlib import Path

from registry.maintenance.maintenance import count_packs
from registry.snapshots.registry import Registry
from tests.server.changes.test_changes import form, upload, zipped
from tests.server.real_server import making_place, release_files, serving, until

_NAMES = [f"tool-{letter}" for letter in "abcdefghijkl"]


def test_packs_are_folded_when_many_are_there(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place, Registry.open(place.path) as registry:
        with serving(place.path, maintenance_packs=len(_NAMES)) as client:
            for name in _NAMES:
                assert upload(client, form(zipped(release_files(name, "1.0.0")))).status == 200
            until(lambda: count_packs(registry) < len(_NAMES) // 2)
            # Lookups and changes go on, upon packs that are new.
            served = {one["name"] for one in client.get("/api/v1/libraries").json()}
            assert served >= set(_NAMES)
            assert upload(client, form(zipped(release_files("after", "1.0.0")))).status == 200
            assert client.health()["alarms"] == []
        assert place.git("fsck", "--no-dangling", "--no-progress") == ""


def test_zero_means_never(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place, Registry.open(place.path) as registry:
        before = count_packs(registry)
        with serving(place.path, maintenance_packs=0) as client:
            for name in _NAMES[:4]:
                assert upload(client, form(zipped(release_files(name, "1.0.0")))).status == 200
        assert count_packs(registry) >= before + 4
