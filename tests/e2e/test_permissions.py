"""What users may not do ends in one message and a code, and what a group may do works."""

import os
import subprocess
from pathlib import Path

import pytest

from opsteps import COMMANDS
from registry.publishing.add import add_release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, put, write_files
from tests.unprivileged import NOBODY, SECOND, open_way, run_as

_ACCESS = 77
# What each command is given, what it ends with for a user who may only read, and whether it is
# the answer that it would give everybody else.
_READS = {
    "search": ("search copy", 0),
    "show": ("show file-tools", 0),
    "verify": ("verify", 0),
    "diff": ("diff", 0),
    "log": ("log", 0),
    "validate": ("validate .", 0),
    "package": ("package file-tools --output {home}/x.zip", 0),
    "bundle": ("bundle {home}/x.bundle", 0),
    "build": ("build . --out {home}/site", 0),
    "audit": ("audit", 0),
    "upstream": ("upstream list", 0),
    "repair": ("repair", 0),
    "new": ("new my-tools --into {home}", 0),
    "completion": ("completion bash", 0),
    "help": ("help", 0),
    "version": ("version", 0),
}
_WRITES = {
    "init": ("init sub", _ACCESS),
    "add": ("add {library}", _ACCESS),
    "release": ("release file-tools", _ACCESS),
    "remove": ("remove file-tools 1.2.0", _ACCESS),
    "install": ("install {library}", _ACCESS),
    "update": ("update", 0),  # there is nothing newer, which needs no right to tell
    "toggle": ("toggle file-tools --off", _ACCESS),
    "uninstall": ("uninstall file-tools", _ACCESS),
    "lock": ("lock", _ACCESS),
    "maintain": ("maintain", _ACCESS),
    "backup": ("backup {home}/x.backup", _ACCESS),
    "restore": ("restore registry.yaml {home}/restored", 30),
    "yank": ("yank file-tools 1.0.0 --reason broken", _ACCESS),
    "unyank": ("unyank file-tools 1.0.0", _ACCESS),
    "deprecate": ("deprecate file-tools --reason old", _ACCESS),
    "rollback": ("rollback file-tools --to 1.0.0", _ACCESS),
    "trust": ("trust HEAD", _ACCESS),
    "attest": ("attest HEAD --key {key}", _ACCESS),
    "sign-head": ("sign-head --key {key}", _ACCESS),
    "import": ("import bitrise-steplib {library}", None),
    "serve": ("serve", 2),  # its database: the message of that room
    "token": ("token create x --scope manage", 2),
    "demo": ("demo --directory demo --check", _ACCESS),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry that root owns and others may read."""
    root = tmp_path_factory.mktemp("owned")
    with new_registry(root / "registry") as made:
        put(made, files())
        put(made, files(version="1.1.0"))
        add_release(made, files(version="1.2.0"), by=Actor(name="tester"))
        follow_head(made)
    write_files(root / "library", files("new-tools"))
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / "key")], check=True
    )
    (root / "key").chmod(0o644)
    open_way(root)
    return root / "registry"


def test_every_command_is_tried() -> None:
    assert {*_READS, *_WRITES} == set(COMMANDS)


@pytest.mark.needs_ssh_keygen
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_user_who_may_only_read_gets_answers_or_one_message(place: Path, name: str) -> None:
    line, code = {**_READS, **_WRITES}[name]
    home = place.parent / f"home-{NOBODY}"
    words = line.format(home=home, library=place.parent / "library", key=place.parent / "key")
    before = git(place, "for-each-ref")
    done = run_as(NOBODY, place, *words.split())
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "Error:" not in said.replace("PermissionError:", "")
    if code is not None:
        assert done.returncode == code, said
    assert done.returncode != 1 or name == "import", said
    if done.returncode:
        lines = [text for text in done.stderr.splitlines() if text.startswith("opsteps: ")]
        assert len(lines) == 1, said
    if code == _ACCESS:
        assert "may not read or write this" in done.stderr
        assert len(done.stderr.splitlines()) == 2
        assert done.stdout == ""
    assert git(place, "for-each-ref") == before


def test_index_of_a_reader_is_kept_with_him(place: Path) -> None:
    assert run_as(NOBODY, place, "search", "copy").returncode == 0
    home = place.parent / f"home-{NOBODY}"
    assert list((home / ".cache/opsteps").glob("*/search/*"))
    assert not (place / ".git/opsteps/search").exists()


def test_reader_without_a_home_searches_too(place: Path) -> None:
    done = run_as(NOBODY, place, "search", "copy", "--kind", "step", env={"HOME": "/nonexistent"})
    assert done.returncode == 0, done.stderr
    assert "file-tools.file.copy" in done.stdout


@pytest.mark.parametrize("said", ["group", "true", "all", "0660", "0664"])
def test_second_user_of_a_group_writes_what_the_first_made(tmp_path: Path, said: str) -> None:
    path = tmp_path / "registry"
    with new_registry(path) as made:
        put(made, files())
        follow_head(made)
    _give_to_group(path, said)
    opsteps(path, "add", write_files(tmp_path / "one", files("one-tools")))
    open_way(tmp_path)
    library = write_files(tmp_path / "two", files("two-tools"))
    for words in (("add", library), ("release", "two-tools"), ("toggle", "two-tools", "--off")):
        done = run_as(SECOND, path, *words, group=SECOND)
        assert done.returncode == 0, done.stderr
    # And the first goes on with what the second made.
    done = run_as(NOBODY, path, "release", "one-tools", group=SECOND)
    assert done.returncode == 0, done.stderr
    assert (path / "libraries/two-tools/1.0.0/manifest.json").stat().st_mode & 0o020
    assert git(path, "-c", f"safe.directory={path}", "status", "--porcelain") == ""


def _give_to_group(path: Path, said: str) -> None:
    """As ``git init --shared`` would have made it; Git wants an octal mode to the letter."""
    git(path, "config", "core.sharedRepository", said)
    wanted = int(said, 8) if said.startswith("0") else 0o664
    for directory, _, names in os.walk(path):
        os.chown(directory, 0, SECOND)
        Path(directory).chmod(0o2000 | wanted | (wanted & 0o444) >> 2)
        for name in names:
            file = Path(directory, name)
            os.chown(file, 0, SECOND)
            file.chmod(wanted if file.stat().st_mode & 0o200 else wanted & 0o444)


def test_umask_is_left_alone_without_sharing(tmp_path: Path) -> None:
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        mode = (made.path / ".git/refs/heads/main").stat().st_mode
    umask = os.umask(0o022)
    os.umask(umask)
    assert mode & 0o777 == 0o666 & ~umask


def test_registry_that_may_not_even_be_read_is_one_message(tmp_path: Path) -> None:
    """In this process, whose modules are loaded: the user who may look nowhere."""
    path = tmp_path / "registry"
    new_registry(path).close()
    open_way(tmp_path)
    path.chmod(0o700)
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        try:
            Registry.open(path)
        except BaseException as error:  # noqa: BLE001 - told to the parent
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    said = os.read(reading, 10_000).decode()
    os.close(reading)
    assert said.startswith("AccessError: ")
    assert str(path) in said
