import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from builder.bundling.errors import (
    BundleError,
    DivergedError,
    MissingCommitError,
    MovedTagError,
    NotABundleError,
    OlderBundleError,
    UnsignedBundleError,
    UnsoundBundleError,
)
from builder.bundling.header import read_header
from builder.bundling.import_bundle import import_bundle
from builder.bundling.make_bundle import MadeBundle, make_bundle
from builder.bundling.refs import is_plain_branch, is_registry_tag
from builder.bundling.signed_head import Demands
from builder.packaging.errors import WriteError
from registry.errors import ConflictError, NotARegistryError, NotFoundError, ReportedError
from registry.formats.parsing import parse_registry_facts
from registry.formats.yaml_text import dump_yaml
from registry.signing.private_keys import PrivateKey, parse_private_key
from registry.signing.registry_signature import sign_registry
from registry.signing.signed_statements import sign_head_statement
from registry.signing.statements import HeadStatement
from registry.snapshots.registry import Registry
from registry.transactions.transaction import follow_head
from registry.trust.trusted_head import read_trusted
from tests.installed import OPSTEPS
from tests.registry.making import (
    NAME,
    commit_all,
    commits_with_old_dates,
    files,
    git,
    new_registry,
    put,
    version,
)

ROOT = Path(__file__).resolve().parents[3]
NOBODY = Demands()


def opsteps(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
    )


def new_key() -> tuple[bytes, PrivateKey]:
    made = Ed25519PrivateKey.generate()
    raw = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return raw, parse_private_key(raw)


KEY_FILE, KEY = new_key()
_, STRANGER = new_key()
_, ADMINISTRATOR = new_key()


def write_policy(registry: Registry, *keys: PrivateKey, by: PrivateKey | None = None) -> None:
    """Name the keys that sign heads, and have an administrator sign that."""
    follow_head(registry)
    raw = (registry.path / "registry.yaml").read_bytes()
    facts = parse_registry_facts(raw).value
    assert facts is not None
    policy = {"instance_keys": [str(key.public) for key in keys]}
    raw = dump_yaml({"name": facts.name, "title": facts.title, "policy": policy})
    (registry.path / "registry.yaml").write_bytes(raw)
    if by is not None:
        (registry.path / "registry.yaml.sig").write_text(sign_registry(raw, by))
    commit_all(registry.path, "Say who signs heads")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Registry]:
    """A registry with one release."""
    with new_registry(tmp_path / "source") as made:
        put(made, files())
        follow_head(made)
        yield made


@pytest.fixture
def signed(source: Registry) -> Registry:
    """As `source`, with a key that signs its heads."""
    write_policy(source, KEY)
    return source


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A registry that was imported from a bundle of the source."""

    path: Path
    head: str

    def state(self) -> tuple[str, str, frozenset[str]]:
        """Refs, where HEAD is, and every file but those that only order our own processes."""
        kept = {
            str(path.relative_to(self.path))
            for path in self.path.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        }
        return git(self.path, "for-each-ref"), git(self.path, "rev-parse", "HEAD"), frozenset(kept)

    def served(self) -> dict[str, str]:
        """The releases that a server would serve, with their digests."""
        return served(self.path)


def served(path: Path) -> dict[str, str]:
    with Registry.open(path) as opened:
        return {
            f"{library.name} {record.version}": str(record.digest)
            for library in opened.snapshot().libraries()
            for record in library.releases
            if record.is_served
        }


def bundled(registry: Registry, target: Path, *, since: str | None = None) -> MadeBundle:
    follow_head(registry)
    return make_bundle(registry, target, since=since)


def test_tags_below_commits_with_old_dates_are_bundled(source: Registry, tmp_path: Path) -> None:
    first = source.head()
    put(source, files(version="1.1.0"))
    commits_with_old_dates(source)
    assert bundled(source, tmp_path / "all.bundle").tags == 2
    assert bundled(source, tmp_path / "rest.bundle", since=first).tags == 1


def received(registry: Registry, tmp_path: Path) -> Receiver:
    bundled(registry, tmp_path / "first.bundle")
    done = import_bundle(tmp_path / "first.bundle", tmp_path / "receiver", NOBODY)
    return Receiver(path=tmp_path / "receiver", head=done.head)


def refused(
    kind: type[ReportedError],
    match: str,
    bundle: Path,
    receiver: Receiver,
    demands: Demands = NOBODY,
) -> None:
    """The import raises this error and changes nothing at all."""
    before = receiver.state()
    with pytest.raises(kind, match=match):
        import_bundle(bundle, receiver.path, demands)
    assert receiver.state() == before


def refused_anew(
    kind: type[ReportedError], match: str, bundle: Path, demands: Demands = NOBODY
) -> None:
    """As `refused`, for a new directory: it is not made, and nothing beside it."""
    place = bundle.parent / "place"
    place.mkdir()
    with pytest.raises(kind, match=match):
        import_bundle(bundle, place / "deep" / "new", demands)
    assert list(place.iterdir()) == []
    place.rmdir()


def attackers_bundle(path: Path, target: Path, *revisions: str) -> Path:
    """What somebody makes with plain Git."""
    git(
        path,
        "bundle",
        "create",
        "-q",
        str(target),
        *(revisions or ("HEAD", "--branches", "--tags")),
    )
    return target


# The whole journey.


def test_registry_travels_on_a_stick_and_is_kept_up_to_date(
    signed: Registry, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(KEY_FILE)
    (tmp_path / "key").chmod(0o600)
    stick, offline = tmp_path / "stick", tmp_path / "offline"
    stick.mkdir()
    done = opsteps(
        "bundle", stick / "all.bundle", "-r", signed.path, "--key", "key", "--json", cwd=tmp_path
    )
    made = json.loads(done.stdout)
    assert (made["bytes"], made["tags"], made["is_signed"]) == (
        (stick / "all.bundle").stat().st_size,
        1,
        True,
    )
    assert made["statement"]["sequence"] == 1

    done = opsteps("import", "bundle", stick / "all.bundle", offline, "--max-age", 1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Made the registry {offline} at {made['head'][:12]}\n")
    assert served(offline) == served(signed.path)
    assert (offline / "libraries" / NAME / "1.0.0" / "manifest.json").is_file()
    assert git(offline, "status", "--porcelain") == ""
    with Registry.open(offline) as opened:
        assert opened.snapshot().content(NAME, version("1.0.0")).manifest.name == NAME

    put(signed, files(version="1.1.0"))
    follow_head(signed)
    options = ["-r", signed.path, "--key", "key", "--since", made["head"]]
    done = opsteps("bundle", stick / "more.bundle", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "tags   1" in done.stdout
    assert (stick / "more.bundle").stat().st_size < made["bytes"]
    done = opsteps("import", "bundle", stick / "more.bundle", offline, "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert (answer["before"], answer["new_tags"], answer["ignored_refs"]) == (made["head"], 1, 0)
    assert answer["statement"]["sequence"] == 2
    assert served(offline) == served(signed.path)
    assert f"{NAME} 1.1.0" in served(offline)
    assert (offline / "libraries" / NAME / "1.1.0" / "manifest.json").is_file()
    assert git(offline, "status", "--porcelain") == ""
    git(offline, "fsck", "--strict")


def test_same_bundle_again_changes_nothing(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    before = git(receiver.path, "for-each-ref")
    done = import_bundle(tmp_path / "first.bundle", receiver.path, NOBODY)
    assert (done.before, done.new_tags) == (done.head, 0)
    assert git(receiver.path, "for-each-ref") == before


def test_bare_registry_receives_as_well(source: Registry, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(source.path), "bare.git")
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle")
    import_bundle(tmp_path / "it.bundle", tmp_path / "bare.git", NOBODY)
    assert served(tmp_path / "bare.git") == served(source.path)


def test_empty_directory_receives_as_well(source: Registry, tmp_path: Path) -> None:
    (tmp_path / "receiver").mkdir()
    assert received(source, tmp_path).served() == served(source.path)


def test_plain_git_clones_the_bundle(source: Registry, tmp_path: Path) -> None:
    bundled(source, tmp_path / "it.bundle")
    git(tmp_path, "clone", "-q", "it.bundle", "clone")
    assert served(tmp_path / "clone") == served(source.path)


def test_new_directory_may_lie_deep(source: Registry, tmp_path: Path) -> None:
    bundled(source, tmp_path / "it.bundle")
    import_bundle(tmp_path / "it.bundle", tmp_path / "a" / "b" / "c", NOBODY)
    assert served(tmp_path / "a" / "b" / "c") == served(source.path)


def test_edited_file_of_the_receiver_is_left_as_it_is(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    facts = f"libraries/{NAME}/library.yaml"
    (receiver.path / facts).write_text("mine")
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle")
    done = import_bundle(tmp_path / "it.bundle", receiver.path, NOBODY)
    assert done.kept == (facts,)
    assert (receiver.path / facts).read_text() == "mine"


def test_rollback_tags_travel_and_other_tags_do_not(source: Registry, tmp_path: Path) -> None:
    for name in ("rollback/1", "backup", "rollback/01", "Other/v1.0.0"):
        git(source.path, "tag", "-a", "-m", "x", name)
    receiver = received(source, tmp_path)
    tags = git(receiver.path, "tag", "-l").split()
    assert tags == [f"{NAME}/v1.0.0", "rollback/1"]


def test_imported_head_is_the_trusted_one(signed: Registry, tmp_path: Path) -> None:
    stated(signed, KEY, sequence=3)
    receiver = received(signed, tmp_path)
    for sequence, number in ((3, "1.0.0"), (4, "1.1.0")):
        with Registry.open(receiver.path) as opened:
            trusted = read_trusted(opened)
            assert trusted is not None
            assert (trusted.head, trusted.sequence) == (opened.head(), sequence)
        if sequence == 3:
            put(signed, files(version="1.1.0"))
            stated(signed, KEY, sequence=4)
            bundled(signed, tmp_path / "it.bundle")
            import_bundle(tmp_path / "it.bundle", receiver.path, NOBODY)
        assert f"{NAME} {number}" in receiver.served()


def test_statement_that_a_remote_holds_travels(signed: Registry, tmp_path: Path) -> None:
    """A workflow signs on the Git host; a clone of it makes the bundle."""
    stated(signed, KEY)
    git(tmp_path, "clone", "-q", str(signed.path), "clone")
    with Registry.open(tmp_path / "clone") as clone:
        assert make_bundle(clone, tmp_path / "it.bundle").is_signed
    done = import_bundle(tmp_path / "it.bundle", tmp_path / "new", NOBODY)
    assert done.trusted.statement is not None


# Making one.


def test_nothing_new_is_no_bundle(source: Registry, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nothing has happened since"):
        bundled(source, tmp_path / "it.bundle", since="HEAD")
    assert not (tmp_path / "it.bundle").exists()


def test_commit_of_another_history_is_no_start(source: Registry, tmp_path: Path) -> None:
    other = git(source.path, "commit-tree", "-m", "other", "HEAD^{tree}")
    with pytest.raises(BundleError, match="not in the history of the head"):
        bundled(source, tmp_path / "it.bundle", since=other)


def test_shallow_clone_is_not_bundled(source: Registry, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", source.path.as_uri(), "shallow")
    with (
        Registry.open(tmp_path / "shallow", check_clone=False) as shallow,
        pytest.raises(BundleError, match=r"lacks a part .*git fetch --unshallow"),
    ):
        make_bundle(shallow, tmp_path / "it.bundle")


def test_detached_head_is_not_bundled(source: Registry, tmp_path: Path) -> None:
    git(source.path, "checkout", "-q", "--detach")
    with pytest.raises(BundleError, match="HEAD is on no branch"):
        make_bundle(source, tmp_path / "it.bundle")


def test_key_that_no_importer_would_believe_makes_no_bundle(
    source: Registry, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(KEY_FILE)
    done = opsteps("bundle", "it.bundle", "-r", source.path, "--key", "key", cwd=tmp_path)
    assert done.returncode == 8
    assert "does not list the key" in done.stderr
    assert not (tmp_path / "it.bundle").exists()


def test_unsigned_bundle_says_so(source: Registry, tmp_path: Path) -> None:
    done = opsteps("bundle", "it.bundle", "-r", source.path, cwd=tmp_path)
    assert done.stderr == "warning: its head is not signed; '--key KEY' signs it\n"


# Files that are no bundles, or damaged ones.


def test_missing_file_is_named(tmp_path: Path) -> None:
    refused_anew(NotFoundError, "cannot be read: No such file", tmp_path / "missing.bundle")


def test_place_that_cannot_be_written_is_named(source: Registry, tmp_path: Path) -> None:
    bundled(source, tmp_path / "it.bundle")
    (tmp_path / "file").write_text("x")
    with pytest.raises(WriteError, match="cannot be written: File exists"):
        import_bundle(tmp_path / "it.bundle", tmp_path / "file" / "new", NOBODY)
    with pytest.raises(NotARegistryError):
        import_bundle(tmp_path / "it.bundle", tmp_path / "file", NOBODY)
    assert (tmp_path / "file").read_text() == "x"


def test_file_that_is_no_bundle(tmp_path: Path) -> None:
    for content in (b"", b"hello", b"PK\x03\x04", b"\xff" * 100_000, b"# v2 git bundle"):
        (tmp_path / "it.bundle").write_bytes(content)
        refused_anew(NotABundleError, "this is not a Git bundle", tmp_path / "it.bundle")


def test_bundle_of_another_version(source: Registry, tmp_path: Path) -> None:
    git(source.path, "bundle", "create", "-q", "--version=3", str(tmp_path / "it.bundle"), "main")
    refused_anew(NotABundleError, "version 3, and only 2 is read", tmp_path / "it.bundle")


@pytest.mark.parametrize("part", [0.01, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_truncated_bundle(source: Registry, tmp_path: Path, part: float) -> None:
    bundled(source, tmp_path / "it.bundle")
    content = (tmp_path / "it.bundle").read_bytes()
    (tmp_path / "it.bundle").write_bytes(content[: int(len(content) * part)])
    refused_anew(NotABundleError, "damaged", tmp_path / "it.bundle")


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7, 0.9, 1.0])
def test_bundle_with_a_changed_byte(source: Registry, tmp_path: Path, part: float) -> None:
    receiver = received(source, tmp_path)
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle")
    content = bytearray((tmp_path / "it.bundle").read_bytes())
    content[int((len(content) - 1) * part)] ^= 1
    (tmp_path / "it.bundle").write_bytes(content)
    refused(NotABundleError, "damaged", tmp_path / "it.bundle", receiver)


def test_bundle_without_the_objects_of_a_ref(source: Registry, tmp_path: Path) -> None:
    bundled(source, tmp_path / "it.bundle")
    content = (tmp_path / "it.bundle").read_bytes()
    line = b"%b refs/tags/other/v1.0.0\n\n" % (b"1" * 40)
    (tmp_path / "it.bundle").write_bytes(content.replace(b"\n\nPACK", b"\n" + line + b"PACK", 1))
    refused_anew(NotABundleError, r"not complete: what refs/tags/other", tmp_path / "it.bundle")


def test_pack_that_lacks_history_without_saying_so(source: Registry, tmp_path: Path) -> None:
    """The line that names what is needed was taken out."""
    start = git(source.path, "rev-parse", "HEAD")
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle", since=start)
    content = (tmp_path / "it.bundle").read_bytes()
    lines = content.split(b"\n")
    kept = b"\n".join(line for line in lines if not line.startswith(b"-" + start.encode()))
    (tmp_path / "it.bundle").write_bytes(kept)
    refused_anew(NotABundleError, "damaged", tmp_path / "it.bundle")


def test_incremental_bundle_into_a_new_directory_names_the_commit(
    source: Registry, tmp_path: Path
) -> None:
    start = git(source.path, "rev-parse", "HEAD")
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle", since=start)
    refused_anew(MissingCommitError, f"from the commit {start}, which is", tmp_path / "it.bundle")


def test_incremental_bundle_upon_an_earlier_one_that_was_skipped(
    source: Registry, tmp_path: Path
) -> None:
    receiver = received(source, tmp_path)
    put(source, files(version="1.1.0"))
    start = source.head()
    put(source, files(version="1.2.0"))
    bundled(source, tmp_path / "it.bundle", since=start)
    refused(MissingCommitError, f"{start}, which is not here", tmp_path / "it.bundle", receiver)


def test_needed_commit_that_no_head_has_earned_does_not_count(
    source: Registry, tmp_path: Path
) -> None:
    """It lies around in the receiver, and what it builds upon may not."""
    receiver = received(source, tmp_path)
    put(source, files(version="1.1.0"))
    start = source.head()
    raw = git(source.path, "cat-file", "commit", start)
    git(
        receiver.path,
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--literally",
        "--stdin",
        stdin=f"{raw}\n".encode(),
    )
    put(source, files(version="1.2.0"))
    bundled(source, tmp_path / "it.bundle", since=start)
    refused(MissingCommitError, "which is not here", tmp_path / "it.bundle", receiver)


# Attacks on what is here already.


def test_moved_tag(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    git(source.path, "tag", "-f", "-a", "-m", "another", f"{NAME}/v1.0.0")
    bundle = attackers_bundle(source.path, tmp_path / "it.bundle")
    refused(MovedTagError, f"tags were moved: {NAME}/v1.0.0 name", bundle, receiver)


def test_tag_that_became_lightweight(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    git(source.path, "tag", "-f", f"{NAME}/v1.0.0", f"{NAME}/v1.0.0^{{commit}}")
    bundle = attackers_bundle(source.path, tmp_path / "it.bundle")
    refused(MovedTagError, "tags were moved", bundle, receiver)


def test_rewritten_history(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    git(source.path, "commit", "-q", "--amend", "-m", "never happened")
    bundle = attackers_bundle(source.path, tmp_path / "it.bundle")
    refused(DivergedError, "does not descend from the one that is here", bundle, receiver)


def test_history_of_another_registry(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    with new_registry(tmp_path / "other") as other:
        put(other, files("other"))
        bundled(other, tmp_path / "it.bundle")
    refused(DivergedError, "does not descend", tmp_path / "it.bundle", receiver)


def test_commits_only_here_are_not_lost(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    commit_all(receiver.path, "mine")
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle")
    refused(DivergedError, "was committed only here", tmp_path / "it.bundle", receiver)


def test_earlier_bundle_does_not_roll_back(source: Registry, tmp_path: Path) -> None:
    bundled(source, tmp_path / "old.bundle")
    put(source, files(version="1.1.0"))
    receiver = received(source, tmp_path)
    refused(
        OlderBundleError, "comes before the one that is here", tmp_path / "old.bundle", receiver
    )


def test_bundle_without_the_receivers_branch(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    git(source.path, "branch", "-q", "-m", "trunk")
    bundle = attackers_bundle(source.path, tmp_path / "it.bundle")
    refused(BundleError, "does not hold the branch 'main'", bundle, receiver)


def test_registry_that_moved_meanwhile(source: Registry, tmp_path: Path) -> None:
    from builder.bundling.import_bundle import _move
    from builder.bundling.refs import choose_refs

    receiver = received(source, tmp_path)
    with (tmp_path / "first.bundle").open("rb") as file:
        offer = choose_refs(read_header(file, where=""), branch="refs/heads/main", where="")
    stale = source.repository.resolve_commit("HEAD~1")
    with Registry.open(receiver.path) as opened, pytest.raises(ConflictError, match="has moved on"):
        _move(opened, stale, offer, {})


def test_what_a_killed_import_left_is_cleared(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    left = receiver.path / ".git" / "opsteps" / "incoming" / ".opsteps-incoming-x"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle")
    import_bundle(tmp_path / "it.bundle", receiver.path, NOBODY)
    assert not left.exists()


# Attacks inside the bundle.


def test_release_that_was_edited_in_place(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    readme = source.path / "libraries" / NAME / "1.0.0" / "docs" / "README.md"
    readme.write_text("# Edited\n")
    commit_all(source.path)
    bundled(source, tmp_path / "it.bundle")
    refused(UnsoundBundleError, f"{NAME} 1.0.0", tmp_path / "it.bundle", receiver)
    refused_anew(UnsoundBundleError, f"{NAME} 1.0.0", tmp_path / "it.bundle")


@pytest.mark.parametrize(
    ("mode", "path"),
    [
        pytest.param("160000", "libraries/evil-tools", id="library that is a submodule"),
        pytest.param("120000", "libraries/evil-tools", id="library that is a link"),
        pytest.param("160000", f"libraries/{NAME}/9.0.0", id="version that is a submodule"),
        pytest.param("120000", "instances/production", id="instance that is a link"),
        pytest.param("100644", "libraries/.gitmodules", id="submodules are named"),
        pytest.param("120000", "advisories", id="advisories are a link"),
    ],
)
def test_links_and_submodules_are_not_let_in(
    source: Registry, tmp_path: Path, mode: str, path: str
) -> None:
    target = git(source.path, "hash-object", "-w", "--stdin", stdin=b"/etc")
    target = git(source.path, "rev-parse", "HEAD") if mode == "160000" else target
    git(source.path, "update-index", "--add", "--cacheinfo", f"{mode},{target},{path}")
    git(source.path, "commit", "-q", "-m", "x")
    bundled(source, tmp_path / "it.bundle")
    refused_anew(UnsoundBundleError, path.rpartition("/")[2], tmp_path / "it.bundle")


def test_ledger_that_was_edited(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    facts = source.path / "libraries" / NAME / "library.yaml"
    digest = served(source.path)[f"{NAME} 1.0.0"]
    facts.write_text(facts.read_text().replace(digest, "0" * 64))
    commit_all(source.path)
    bundled(source, tmp_path / "it.bundle")
    refused(UnsoundBundleError, f"{NAME} 1.0.0", tmp_path / "it.bundle", receiver)


def test_release_without_its_tag(source: Registry, tmp_path: Path) -> None:
    git(source.path, "tag", "-d", f"{NAME}/v1.0.0")
    bundled(source, tmp_path / "it.bundle")
    refused_anew(UnsoundBundleError, f"{NAME} 1.0.0", tmp_path / "it.bundle")


HOSTILE = [
    "refs/heads/../../config",
    "refs/heads/-option",
    "refs/heads/--upload-pack=touch /tmp/x",
    "refs/heads/other",
    "refs/heads/x.lock",
    "refs/replace/" + "1" * 40,
    "refs/notes/commits",
    "refs/opsteps/incoming/x",
    "refs/remotes/origin/main",
    "refs/stash",
    "refs/tags/../../../escape",
    "refs/tags/-d",
    "refs/tags/core/v1.0.0",
    "../../escape",
    "-d",
    "FETCH_HEAD",
    "refs/tags/\x1b[31m/v1.0.0",
]


def test_refs_that_nobody_asked_for_are_not_taken(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle")
    head = source.head()
    content = (tmp_path / "it.bundle").read_bytes()
    lines = "".join(f"{head} {ref}\n" for ref in HOSTILE).encode()
    (tmp_path / "it.bundle").write_bytes(content.replace(b"\n\nPACK", b"\n" + lines + b"\nPACK", 1))
    expected = ["refs/heads/main", f"refs/tags/{NAME}/v1.0.0", f"refs/tags/{NAME}/v1.1.0"]
    fresh = tmp_path / "fresh"
    for directory in (receiver.path, fresh):
        done = import_bundle(tmp_path / "it.bundle", directory, NOBODY)
        assert done.ignored_refs == len(HOSTILE)
        assert git(directory, "for-each-ref", "--format=%(refname)").split("\n") == expected
        assert served(directory) == served(source.path)
    assert not (fresh / ".git" / "FETCH_HEAD").exists()


def test_ref_that_is_named_twice(source: Registry, tmp_path: Path) -> None:
    bundled(source, tmp_path / "it.bundle")
    content = (tmp_path / "it.bundle").read_bytes()
    line = b"%b refs/heads/main\n\n" % (b"1" * 40)
    (tmp_path / "it.bundle").write_bytes(content.replace(b"\n\nPACK", b"\n" + line + b"PACK", 1))
    refused_anew(NotABundleError, "twice", tmp_path / "it.bundle")


def commit_tree(path: Path, name: str, blob: str, mode: str = "100644") -> None:
    """Put an entry at the root of the head, past every check of `git add`."""
    listing = git(path, "ls-tree", "HEAD") + f"\n{mode} blob {blob}\t{name}\n"
    tree = git(path, "mktree", stdin=listing.encode())
    commit = git(path, "commit-tree", "-p", "HEAD", "-m", "x", tree)
    git(path, "update-ref", "refs/heads/main", commit)


@pytest.mark.parametrize("name", [".git", ".GIT", "git~1", ".g\u200cit", ".."])
def test_tree_that_would_write_into_git(source: Registry, tmp_path: Path, name: str) -> None:
    receiver = received(source, tmp_path)
    blob = git(
        source.path, "hash-object", "-w", "--stdin", stdin=b"[core]\n\tfsmonitor = touch x\n"
    )
    commit_tree(source.path, name, blob)
    bundle = attackers_bundle(source.path, tmp_path / "it.bundle")
    refused(NotABundleError, "bad object", bundle, receiver)


@pytest.mark.parametrize(
    "content",
    [
        b'[submodule "x"]\n\tpath = x\n\turl = -u./payload\n',
        b'[submodule "../x"]\n\tpath = x\n\turl = https://example.com\n',
        b'[submodule "x"]\n\tpath = x\n\turl = https://example.com\n\tupdate = !touch x\n',
    ],
)
def test_hostile_submodules(source: Registry, tmp_path: Path, content: bytes) -> None:
    receiver = received(source, tmp_path)
    blob = git(source.path, "hash-object", "-w", "--stdin", stdin=content)
    commit_tree(source.path, ".gitmodules", blob)
    bundle = attackers_bundle(source.path, tmp_path / "it.bundle")
    refused(NotABundleError, "bad object", bundle, receiver)


def test_configuration_of_the_receiver_runs_nothing(source: Registry, tmp_path: Path) -> None:
    receiver = received(source, tmp_path)
    ran = tmp_path / "ran"
    hooks = receiver.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-checkout", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    git(receiver.path, "config", "core.fsmonitor", f"touch {ran}")
    put(source, files(version="1.1.0"))
    bundled(source, tmp_path / "it.bundle")
    import_bundle(tmp_path / "it.bundle", receiver.path, NOBODY)
    assert not ran.exists()


# Who signed it, and when.


def stated(
    registry: Registry,
    key: PrivateKey,
    *,
    head: str | None = None,
    sequence: int = 1,
    age: timedelta = timedelta(),
) -> None:
    """A statement that says anything, as its signer can make it."""
    made = HeadStatement(
        head=registry.repository.resolve_commit(head or "HEAD"),
        sequence=sequence,
        time=datetime.now(UTC) - age,
    )
    listing = ""
    for name, content in (
        ("head.txt", bytes(made)),
        ("head.txt.sig", sign_head_statement(made, key).encode()),
    ):
        blob = git(registry.path, "hash-object", "-w", "--stdin", stdin=content)
        listing += f"100644 blob {blob}\t{name}\n"
    tree = git(registry.path, "mktree", stdin=listing.encode())
    commit = git(registry.path, "commit-tree", "-m", "statement", tree)
    git(registry.path, "update-ref", "refs/heads/opsteps-head", commit)


def test_bundle_without_a_statement(signed: Registry, tmp_path: Path) -> None:
    bundled(signed, tmp_path / "it.bundle")
    refused_anew(UnsignedBundleError, "it has no statement", tmp_path / "it.bundle")


def test_statement_of_a_stranger(signed: Registry, tmp_path: Path) -> None:
    stated(signed, STRANGER)
    bundled(signed, tmp_path / "it.bundle")
    refused_anew(UnsignedBundleError, "no key that is known", tmp_path / "it.bundle")


def test_statement_about_an_earlier_head(signed: Registry, tmp_path: Path) -> None:
    """Somebody added commits to what was signed."""
    stated(signed, KEY, head="HEAD~1")
    made = bundled(signed, tmp_path / "it.bundle")
    assert not made.is_signed
    refused_anew(UnsignedBundleError, "about the head", tmp_path / "it.bundle")


def test_statement_that_is_too_old(signed: Registry, tmp_path: Path) -> None:
    stated(signed, KEY, age=timedelta(hours=25))
    bundled(signed, tmp_path / "it.bundle")
    day = Demands(max_age=timedelta(hours=24))
    refused_anew(
        UnsoundBundleError,
        "freeze: the statement is older than 24 hours",
        tmp_path / "it.bundle",
        day,
    )
    import_bundle(tmp_path / "it.bundle", tmp_path / "new", Demands(max_age=timedelta(hours=26)))


def test_age_of_a_registry_that_nobody_signs_is_unknown(source: Registry, tmp_path: Path) -> None:
    bundled(source, tmp_path / "it.bundle")
    day = Demands(max_age=timedelta(hours=24))
    refused_anew(UnsignedBundleError, "it has no statement", tmp_path / "it.bundle", day)


def test_statement_from_the_future(signed: Registry, tmp_path: Path) -> None:
    stated(signed, KEY, age=timedelta(hours=-2))
    bundled(signed, tmp_path / "it.bundle")
    refused_anew(
        UnsoundBundleError, "fast-forward: the statement is from the future", tmp_path / "it.bundle"
    )


def test_statement_with_an_earlier_number(signed: Registry, tmp_path: Path) -> None:
    stated(signed, KEY, sequence=7)
    receiver = received(signed, tmp_path)
    put(signed, files(version="1.1.0"))
    stated(signed, KEY, sequence=6)
    bundled(signed, tmp_path / "it.bundle")
    refused(
        UnsoundBundleError,
        "rollback: the statement is number 6, and number 7",
        tmp_path / "it.bundle",
        receiver,
    )


def test_keys_that_the_bundle_itself_brings_count_for_nothing(
    signed: Registry, tmp_path: Path
) -> None:
    stated(signed, KEY)
    receiver = received(signed, tmp_path)
    write_policy(signed, STRANGER)
    stated(signed, STRANGER, sequence=2)
    bundled(signed, tmp_path / "it.bundle")
    refused(UnsignedBundleError, "no key that is known", tmp_path / "it.bundle", receiver)


def test_administrators_vouch_for_new_keys(source: Registry, tmp_path: Path) -> None:
    pinned = Demands(administrators=(ADMINISTRATOR.public,))
    write_policy(source, KEY, by=ADMINISTRATOR)
    stated(source, KEY)
    receiver = received(source, tmp_path)
    write_policy(source, STRANGER, by=ADMINISTRATOR)
    stated(source, STRANGER, sequence=2)
    bundled(source, tmp_path / "it.bundle")
    done = import_bundle(tmp_path / "it.bundle", receiver.path, pinned)
    assert done.trusted.statement is not None
    assert (done.trusted.statement.sequence, done.trusted.notes) == (2, ())


def unsigned(_: Registry) -> None:
    """Nobody signs it."""


def by_a_stranger(registry: Registry) -> None:
    write_policy(registry, KEY, by=STRANGER)


def changed_after(registry: Registry) -> None:
    write_policy(registry, KEY, by=ADMINISTRATOR)
    write_policy(registry, KEY, STRANGER)


@pytest.mark.parametrize("prepare", [unsigned, by_a_stranger, changed_after])
def test_registry_that_no_administrator_signed(
    signed: Registry, tmp_path: Path, prepare: Callable[[Registry], None]
) -> None:
    prepare(signed)
    stated(signed, KEY)
    bundled(signed, tmp_path / "it.bundle")
    pinned = Demands(administrators=(ADMINISTRATOR.public,))
    refused_anew(UnsoundBundleError, "no administrator vouches for", tmp_path / "it.bundle", pinned)


def test_first_import_says_that_it_takes_the_bundles_word(signed: Registry, tmp_path: Path) -> None:
    stated(signed, KEY)
    bundled(signed, tmp_path / "it.bundle")
    done = opsteps("import", "bundle", "it.bundle", "new", cwd=tmp_path)
    assert done.stderr.startswith("not checkable: no administrator's key was given")


def test_administrators_come_from_a_file(source: Registry, tmp_path: Path) -> None:
    write_policy(source, KEY, by=ADMINISTRATOR)
    stated(source, KEY)
    bundled(source, tmp_path / "it.bundle")
    (tmp_path / "good").write_text(f"# ours\n{ADMINISTRATOR.public}\n")
    (tmp_path / "bad").write_text(f"{STRANGER.public}\n")
    (tmp_path / "empty").write_text("\n")
    run = ["import", "bundle", "it.bundle", "new", "--administrators"]
    assert opsteps(*run, "bad", cwd=tmp_path).returncode == 19
    for name in ("empty", "missing"):
        assert opsteps(*run, name, cwd=tmp_path).returncode == 8
    assert not (tmp_path / "new").exists()
    done = opsteps(*run, "good", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("kind", "option"), [("bundle", "--limit"), ("bitrise-steplib", "--max-age")]
)
def test_option_that_means_nothing_here_is_refused(tmp_path: Path, kind: str, option: str) -> None:
    done = opsteps("import", kind, "it.bundle", "new", option, 1, cwd=tmp_path)
    assert done.returncode == 2
    assert option in done.stderr


# The pure parts.


@given(raw=st.binary(max_size=400))
def test_any_bytes_are_a_header_or_refused(raw: bytes) -> None:
    with pytest.raises(NotABundleError):
        read_header(BytesIO(b"# v2 git bundle\n" + raw.replace(b"\n", b"") + b"x"), where="")


@given(text=st.text(max_size=30))
def test_branch_that_is_plain_is_one_to_git(text: str) -> None:
    ref = f"refs/heads/{text}"
    if is_plain_branch(ref):
        subprocess.run(["git", "check-ref-format", ref], check=True)
        assert not text.startswith("-")


names = st.from_regex(r"[a-zA-Z0-9.@{~^:/-]{1,12}(\.lock)?", fullmatch=True)


@given(text=names)
def test_hostile_branch_that_is_plain_is_one_to_git(text: str) -> None:
    ref = f"refs/heads/{text}"
    if is_plain_branch(ref):
        subprocess.run(["git", "check-ref-format", ref], check=True)


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [
        ("file-tools/v1.0.0", True),
        ("file-tools/v1.0.0-rc.1", True),
        ("rollback/1", True),
        ("rollback/0", False),
        ("rollback/1/x", False),
        ("rollback/v1.0.0", False),
        ("file-tools/v1.0", False),
        ("file-tools/v01.0.0", False),
        ("file-tools/1.0.0", False),
        ("../v1.0.0", False),
        ("a/b/v1.0.0", False),
        ("file-tools/v1.0.0\n", False),
        ("-x/v1.0.0", False),
    ],
)
def test_only_release_and_rollback_tags_are_a_registrys(name: str, *, is_ours: bool) -> None:
    assert is_registry_tag(name) is is_ours
