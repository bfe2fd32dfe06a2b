from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from builder.catalogue import build_catalogue
from builder.catalogue.output.site_state import FORMAT
from tests.builder.catalogue.conftest import Workshop, site_files

BUILD = """
import sys
from pathlib import Path
from builder.catalogue import build_catalogue
from registry.snapshots.registry import Registry
build_catalogue(Registry.open(Path(sys.argv[1])), Path(sys.argv[2]), jobs=2)
"""
LIBRARIES = 70
ROUNDS = 8


def test_a_build_killed_anywhere_leaves_the_old_site_or_the_new_one(
    workshop: Workshop, tmp_path: Path
) -> None:
    for number in range(LIBRARIES):
        workshop.release_synthetic(number, steps=1)
    out = tmp_path / "site"
    build_catalogue(workshop.registry, out, jobs=1)
    chance = random.Random(7)
    whole = 1.0
    killed = 0
    for round_number in range(ROUNDS):
        old = site_files(out)
        workshop.commit({"registry.yaml": b"name: demo\ntitle: Round %d\n" % round_number})
        build_catalogue(workshop.registry, tmp_path / f"new-{round_number}", jobs=1)
        new = site_files(tmp_path / f"new-{round_number}")
        command = [sys.executable, "-c", BUILD, str(workshop.path), str(out)]
        started = time.monotonic()
        with subprocess.Popen(command) as process:
            try:
                process.wait(timeout=chance.uniform(0.15, whole))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                killed += 1
        if process.returncode == 0:
            whole = time.monotonic() - started
        found = site_files(out)
        assert found in (old, new)
        build_catalogue(workshop.registry, out, jobs=1)  # waits for children that are still there
        assert site_files(out) == new
    assert killed


def test_the_first_build_leaves_a_spare_that_shares_every_file(
    workshop: Workshop, tmp_path: Path
) -> None:
    for number in range(3):
        workshop.release_synthetic(number, steps=1)
    out, builds = tmp_path / "site", tmp_path / "site.builds"
    build_catalogue(workshop.registry, out)
    assert inodes(builds / "a") == inodes(builds / "b")
    assert (builds / "a.state").samefile(builds / "b.state")
    workshop.release_synthetic(3, steps=1)
    build_catalogue(workshop.registry, out)
    assert inodes(builds / "a") == inodes(builds / "b")


def test_a_site_whose_state_is_of_another_program_is_served_until_the_swap(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.release_synthetic(0, steps=1)
    out, builds = tmp_path / "site", tmp_path / "site.builds"
    build_catalogue(workshop.registry, out, search=False)
    served = out.resolve()
    before = inodes(served)
    (builds / f"{served.name}.state").unlink()
    seen: list[dict[str, int]] = []
    build_catalogue(
        workshop.registry,
        out,
        search=False,
        progress=lambda *_: seen.append(inodes(served)),
    )
    assert seen
    assert all(found == before for found in seen)
    assert out.resolve() != served
    assert inodes(builds / "a") == inodes(builds / "b")


def test_a_state_of_which_only_the_head_can_be_read_stands_for_no_tree(
    workshop: Workshop, tmp_path: Path
) -> None:
    """Its generation is that of the first build after it, and its tree another one."""
    workshop.release_synthetic(0, steps=1)
    out, builds = tmp_path / "site", tmp_path / "site.builds"
    build_catalogue(workshop.registry, out, search=False)
    (builds / "a.state").unlink()
    (builds / "b.state").unlink()
    head = msgspec.msgpack.encode({"format": FORMAT, "generation": 1})
    (builds / f"{out.resolve().name}.state").write_bytes(head)
    workshop.release_synthetic(1, steps=1)
    build_catalogue(workshop.registry, out, search=False)
    workshop.release_synthetic(2, steps=1)
    build_catalogue(workshop.registry, out, search=False)
    build_catalogue(workshop.registry, tmp_path / "fresh", search=False)
    assert site_files(out) == site_files(tmp_path / "fresh")


def inodes(tree: Path) -> dict[str, int]:
    """Every file of a tree, and which one it is."""
    return {
        path.relative_to(tree).as_posix(): path.stat().st_ino
        for path in tree.rglob("*")
        if path.is_file()
    }
