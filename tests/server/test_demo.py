from __future__ import annotations

import subprocess
from pathlib import Path

from registry.snapshots.registry import Registry
from registry.transactions.edits import edited_paths
from server.demo import example_releases, make_demo_registry
from tests.installed import OPSTEPS


def test_the_demo_makes_serves_and_checks_itself(tmp_path: Path) -> None:
    command = [str(OPSTEPS), "demo", "--check"]
    for made in (len(example_releases()), 0):
        done = subprocess.run(
            [*command, "--directory", str(tmp_path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert f"({made} releases made)" in done.stderr


def test_an_interrupted_demo_is_completed(tmp_path: Path) -> None:
    registry, made = make_demo_registry(tmp_path / "registry")
    registry.close()
    assert made == len(example_releases())
    again, missing = make_demo_registry(tmp_path / "registry")
    assert missing == 0
    assert not edited_paths(again)
    again.close()
    opened = Registry.open(tmp_path / "registry")
    versions = {
        (library.name, record.version)
        for library in opened.snapshot().libraries()
        for record in library.releases
    }
    opened.close()
    assert {(name, version) for name, version, _ in example_releases()} <= versions
