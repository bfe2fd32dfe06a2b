"""The background build, with real processes."""

from __future__ import annotations

import os
from pathlib import Path

from server.settings import Settings
from server.site.background_build import Building
from tests.server.real_server import until

_FAILS_THEN_WAITS = 'echo "no icon" >&2; test -e tried || { touch tried; exit 1; }; cat fifo'


def test_a_build_that_failed_stays_failed_until_one_succeeds(tmp_path: Path) -> None:
    """Each retry once said "building", and so that all is well."""
    os.mkfifo(tmp_path / "fifo")
    command = ["sh", "-c", f"cd '{tmp_path}'; {_FAILS_THEN_WAITS}"]
    settings = Settings(build_retry_seconds=0.01, settle_seconds=0.01)
    building = Building(command, settings, lambda: None)
    building.start()
    try:
        building.want("a" * 40)
        until(lambda: building.state.status == "failed")
        # Opened only once the second build reads it.
        with (tmp_path / "fifo").open("w", encoding="ascii"):
            assert building.state.status == "failed"
            assert building.state.error == "no icon"
        until(lambda: building.state.status == "ready")
        assert building.state.error == ""
    finally:
        building.stop()
