"""Commands on a full or read-only disk: one that has made its change has not failed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from registry.transactions.transaction import follow_head
from tests.installed import command
from tests.registry.making import files, new_registry, put, write_files
from tests.server.places import own_mounts
from tests.server.real_server import serving

# What it does in a file system of its own: for each number of free pages a registry is copied
# there, a library is installed, and the outcome is printed.
_SERIES = """
set -e
mount -t tmpfs -o size=3m none "$1"
cd "$1"
export OPSTEPS_CACHE="$1/cache"
for pages in 1 9 200; do
  rm -rf registry filler; cp -a "$2" registry
  before=$(git -C registry rev-parse HEAD)
  head -c $(( ($(stat -f -c %a .) - pages) * 4096 )) /dev/zero > filler
  code=0; "$4" install "$3" -r registry --actor ada > ../said 2>&1 || code=$?
  after=$(git -C registry rev-parse HEAD)
  rm filler
  behind=$(git -C registry status --porcelain | wc -l)
  if [ $code = 0 ]; then "$4" maintain -r registry > ../maintained; fi
  printf '%s %s %s %s ' $code $([ $before = $after ] && echo no || echo yes) $behind \
    $(git -C registry status --porcelain | wc -l)
  tr '\\n' ' ' < ../said; echo
done
"""
_READ_ONLY = """
set -e
mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"
cd "$1"; shift
exec "$@"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        put(made, files(version="1.1.0"))
        follow_head(made)
    write_files(tmp_path / "library", files("new-tools"))
    return tmp_path / "registry"


def _run(script: str, *words: object, home: Path) -> subprocess.CompletedProcess[str]:
    kept = {"COLUMNS": "300", "NO_COLOR": "1", "HOME": str(home), "GIT_AUTHOR_NAME": "Ada"}
    return subprocess.run(
        [*own_mounts(), script, "sh", *map(str, words)],
        env={**os.environ, **kept},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_that_made_its_change_on_a_full_disk_has_not_failed(
    place: Path, tmp_path: Path
) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    opsteps = command()[0]
    done = _run(_SERIES, mounted, place, tmp_path / "library", opsteps, home=tmp_path)
    assert done.returncode == 0, done.stderr
    left = 0
    for line in done.stdout.splitlines():
        code, is_made, behind, after, said = line.split(" ", 4)
        assert (code == "0") == (is_made == "yes"), line
        assert code in {"0", "74"}, line
        assert "Traceback" not in said
        assert after == "0", line
        if code == "0" and behind != "0":
            left += 1
            assert "The change is made, commit " in said
            assert "opsteps maintain" in said
        if code == "74":
            assert "no room left" in said
    assert left, done.stdout


_WRITES = {
    "install": ("install", "{library}"),
    "toggle": ("toggle", "file-tools", "--off"),
    "maintain": ("maintain",),
    "verify": ("verify",),
    "upstream": ("upstream", "add", "pub", "https://example.com/steps.git"),
    "init": ("init", "sub"),
    "new": ("new", "my-tools"),
    "serve": ("serve", "--port", "0"),
    "token": ("token", "create", "x", "--scope", "manage"),
}
_READS = {"verify"}


def test_every_command_says_that_a_file_system_can_only_be_read(
    place: Path, tmp_path: Path
) -> None:
    """In one namespace, as each of them only reads: what one prints is between two marks."""
    library = str(tmp_path / "library")
    lines = [
        f'echo "=={name}"; "$0" {" ".join(words)} 2>&1; echo "==$?"'.replace("{library}", library)
        for name, words in _WRITES.items()
    ]
    script = _READ_ONLY.replace("set -e", "").replace('exec "$@"', "\n".join(lines))
    done = subprocess.run(
        [*own_mounts(), script, command()[0], str(place)],
        env={**os.environ, "NO_COLOR": "1", "HOME": str(tmp_path), "GIT_AUTHOR_NAME": "Ada"},
        capture_output=True,
        text=True,
        check=False,
    )
    parts = done.stdout.split("==")[1:]
    assert len(parts) == 2 * len(_WRITES), done.stdout
    wrong = {}
    for said, code in zip(parts[::2], parts[1::2], strict=True):
        name, _, text = said.partition("\n")
        is_told = bool(text) and "Traceback" not in text and "a bug" not in text
        is_right = code.strip() == "0" if name in _READS else code.strip() != "0"
        if not (is_told and is_right and (name in _READS or "read" in text.lower())):
            wrong[name] = (code.strip(), text)
    assert not wrong, json.dumps(wrong, indent=1)


_FULL = 'mount -t tmpfs -o size=1m none "$0" && head -c 2m /dev/zero > "$0/filler"; exec "$@"'


def test_a_server_that_starts_with_a_full_cache_answers_lookups(
    place: Path, tmp_path: Path
) -> None:
    """A restart is what people do when a disk is full."""
    cache = tmp_path / "full"
    cache.mkdir()
    before = ["env", f"OPSTEPS_CACHE={cache}", *own_mounts(), _FULL, str(cache)]
    with serving(place, before=before) as client:
        assert client.get("/api/v1/steps").status == 200
        assert client.health()["read_model"]["status"] == "current"


def test_a_server_answers_lookups_whose_cache_can_only_be_read(place: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    read_only = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    with serving(place, cache=cache) as client:
        before_it = client.get("/api/v1/steps").body
    before = ["env", f"OPSTEPS_CACHE={cache}", *own_mounts(), read_only, str(cache)]
    with serving(place, before=before) as client:
        assert client.get("/api/v1/steps").body == before_it
