"""One version is removed: its entry and its directory change together, and nothing else passes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.errors import ConflictError, NotFoundError
from registry.formats.library_file import facts_bytes, with_removal
from registry.formats.model import LibraryFacts, Removal
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.library.digest import release_digest
from registry.names import Digest
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.publishing.withdraw import yank
from registry.signing.private_keys import PrivateKey
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.trust.report import Attack, CheckName, VerificationReport
from registry.verifying.attestation import attest
from registry.verifying.verification import VerificationOptions, verify_registry
from registry.versions import parse_version
from tests.registry.making import NAME, files, git, new_registry, put
from tests.registry.verifying.scene import ACME, TOOLS, Scene, found, new_key, registry_yaml

OLD, NEW = parse_version("1.0.0"), parse_version("1.1.0")
BY = Actor(name="olga", request="r-7")
DIRECTORY = f"libraries/{TOOLS}/1.0.0"


def removed(facts: LibraryFacts, version: str = "1.0.0", **changes: str) -> LibraryFacts:
    """The facts with an entry, as an attacker or an operation writes it."""
    entry = Removal(
        digest=facts.ledger["1.0.0"].digest, date="2026-01-01T00:00:00Z", by="olga", request="r"
    )
    changed = replace(entry, **changes)  # type: ignore[arg-type]
    return replace(facts, removed={**facts.removed, version: changed})


def write_facts(scene: Scene, facts: LibraryFacts, *gone: str) -> None:
    scene.write({f"libraries/{TOOLS}/library.yaml": facts_bytes(facts)}, removed=gone)


def removal_of(registry: Registry, text: str = "1.0.0") -> Removal | None:
    return read_library(registry, NAME).facts.removed.get(text)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        put(registry, files(version="1.1.0"))
        git(registry.path, "reset", "-q", "--hard")
        yield registry


def look(registry: Registry) -> VerificationReport:
    return verify_registry(
        registry, VerificationOptions(now=datetime.now(UTC), deep=True), trusted=None
    ).report


def test_removing_one_version_is_written_down_and_sound(two: Registry) -> None:
    ledger = read_library(two, NAME).facts.ledger
    done = Installer(two).uninstall(NAME, [OLD], by=BY)
    entry = removal_of(two)
    assert entry is not None
    assert (entry.digest, entry.by, entry.request) == (ledger["1.0.0"].digest, "olga", "r-7")
    assert read_library(two, NAME).facts.ledger == ledger
    assert git(two.path, "rev-parse", "file-tools/v1.0.0^{tag}")
    assert "Operation: remove-release" in git(two.path, "log", "-1", "--format=%B", done.commit)
    assert look(two).findings == ()
    assert look(two).notes == ()


def test_uninstalling_the_rest_and_everything_coming_back_stays_sound(two: Registry) -> None:
    installer = Installer(two)
    installer.uninstall(NAME, [OLD], by=BY)
    installer.uninstall(NAME, by=BY)
    assert look(two).findings == ()
    for version in ("1.1.0", "1.0.0"):
        installer.install([check_incoming(files(version=version))], by=BY)
        assert look(two).findings == ()
    assert removal_of(two) is None
    assert read_library(two, NAME).facts.state == "active"


@pytest.mark.parametrize("way", ["install", "add"])
def test_the_same_bytes_come_back_at_once_and_other_bytes_never(two: Registry, way: str) -> None:
    def bring(content: dict[str, bytes]) -> None:
        if way == "install":
            Installer(two).install([check_incoming(content)], by=BY)
        else:
            add_release(two, content, by=BY)

    Installer(two).uninstall(NAME, [OLD], by=BY)
    with pytest.raises(ConflictError, match="with other content"):
        bring(files(extra={"docs/README.md": b"# Other\n"}))
    bring(files())
    assert removal_of(two) is None
    assert look(two).findings == ()
    record = two.snapshot().library(NAME).release(OLD)
    assert record is not None
    assert record.is_served


def test_adding_back_what_was_uninstalled_whole_makes_the_library_active(two: Registry) -> None:
    Installer(two).uninstall(NAME, by=BY)
    add_release(two, files(), by=BY)
    assert read_library(two, NAME).facts.state == "active"
    assert look(two).findings == ()


def test_the_last_version_by_name_is_removed_and_the_library_uninstalled(two: Registry) -> None:
    Installer(two).uninstall(NAME, [OLD, NEW], by=BY)
    facts = read_library(two, NAME).facts
    assert facts.state == "uninstalled"
    assert facts.removed.keys() == {"1.0.0", "1.1.0"}
    assert look(two).findings == ()


def test_removed_twice_says_since_when(two: Registry) -> None:
    Installer(two).uninstall(NAME, [OLD], by=BY)
    with pytest.raises(NotFoundError, match=r"removed already, since .* by olga"):
        Installer(two).uninstall(NAME, [OLD], by=BY)


def test_a_pin_to_a_removed_version_goes_with_it(two: Registry) -> None:
    installer = Installer(two)
    installer.pin(NAME, OLD, by=BY)
    installer.uninstall(NAME, [OLD], by=BY)
    library = two.snapshot().library(NAME)
    assert library.instance.active is None
    assert library.active is not None
    assert library.active.version == NEW
    with pytest.raises(NotFoundError, match=r"no release 1\.0\.0 that is served"):
        installer.pin(NAME, OLD, by=BY)


def test_a_version_that_another_instance_is_pinned_to_stays(two: Registry) -> None:
    with Registry.open(two.path, instance="staging") as staging:
        Installer(staging).pin(NAME, OLD, by=BY)
    with pytest.raises(ConflictError, match=r"'staging' is pinned to file-tools 1\.0\.0"):
        Installer(two).uninstall(NAME, [OLD], by=BY)


def test_a_removed_version_can_be_yanked(two: Registry) -> None:
    Installer(two).uninstall(NAME, [OLD], by=BY)
    yank(two, NAME, OLD, reason="it deletes too much", by=BY)
    assert removal_of(two) is not None
    assert look(two).findings == ()


# What an attacker may write


def test_a_directory_goes_and_nothing_says_so(scene: Scene) -> None:
    scene.write({}, removed=(DIRECTORY,), operation="uninstall")
    finding = found(scene.report(), CheckName.EDITS, Attack.ALTERED_RELEASE, "file-tools 1.0.0")
    assert "opsteps uninstall file-tools 1.0.0" in finding.next_step


Forgery = Callable[[Scene], None]


def other_digest(scene: Scene) -> None:
    write_facts(scene, removed(scene.facts(), digest=release_digest({"x": b"y"})), DIRECTORY)


def never_released(scene: Scene) -> None:
    write_facts(scene, removed(scene.facts(), "7.0.0"))


def still_there(scene: Scene) -> None:
    write_facts(scene, removed(scene.facts()))


def entry_vanishes(scene: Scene) -> None:
    before = scene.facts()
    write_facts(scene, removed(before), DIRECTORY)
    write_facts(scene, before)


def entry_is_rewritten(scene: Scene) -> None:
    before = scene.facts()
    write_facts(scene, removed(before), DIRECTORY)
    write_facts(scene, removed(before, by="somebody else"))


def other_bytes_come_back(scene: Scene) -> None:
    before = scene.facts()
    write_facts(scene, removed(before), DIRECTORY)
    facts = {f"libraries/{TOOLS}/library.yaml": facts_bytes(before)}
    scene.write({**{f"{DIRECTORY}/{p}": raw for p, raw in files(TOOLS).items()}, **facts})


@pytest.mark.parametrize(
    ("forge", "what", "version"),
    [
        (other_digest, "with another digest than the ledger's", "1.0.0"),
        (never_released, "it was never released", "7.0.0"),
        (still_there, "its directory is there", "1.0.0"),
        (entry_vanishes, "vanished, and the release did not come back", "1.0.0"),
        (entry_is_rewritten, "was changed", "1.0.0"),
        (other_bytes_come_back, "edited after it was released", "1.0.0"),
    ],
)
def test_each_forgery_has_its_name(scene: Scene, forge: Forgery, what: str, version: str) -> None:
    forge(scene)
    where = f"file-tools {version}"
    found(scene.report(), CheckName.EDITS, Attack.ALTERED_RELEASE, where, what)


def test_a_version_that_is_said_to_be_removed_and_is_there_is_not_served(scene: Scene) -> None:
    still_there(scene)
    record = scene.registry.snapshot().library(TOOLS).release(OLD)
    assert record is not None
    assert "says that it was removed" in record.alarm


def test_branches_that_removed_and_that_did_not_are_merged(two: Registry) -> None:
    git(two.path, "checkout", "-q", "-b", "side")
    (two.path / "notes.md").write_text("x")
    git(two.path, "add", "-A")
    git(two.path, "commit", "-qm", "notes")
    git(two.path, "checkout", "-q", "main")
    Installer(two).uninstall(NAME, [OLD], by=BY)
    git(two.path, "reset", "-q", "--hard")
    git(two.path, "merge", "-q", "--no-ff", "-m", "merge", "side")
    git(two.path, "checkout", "-q", "side")
    (two.path / "more.md").write_text("y")
    git(two.path, "add", "-A")
    git(two.path, "commit", "-qm", "more notes")
    git(two.path, "merge", "-q", "--no-ff", "-m", "merge", "main")
    assert removal_of(two) is not None
    assert look(two).findings == ()


# What was removed before there were entries


def test_an_old_removal_is_healed_by_writing_it_down_and_never_forgotten(two: Registry) -> None:
    git(two.path, "rm", "-rq", "libraries/file-tools/1.0.0")
    git(two.path, "commit", "-qm", "Uninstall file-tools 1.0.0\n\nOperation: uninstall\nActor: x")
    commit = git(two.path, "rev-parse", "HEAD")
    assert len(look(two).findings) == 1
    Installer(two).uninstall(NAME, [OLD], by=BY)
    report = look(two)
    assert report.findings == ()
    (note,) = report.notes
    assert f"removed without a record in commit {commit[:12]}" in note
    assert "by olga (not attested)" in note


def test_an_old_removal_is_healed_after_the_rest_was_uninstalled(two: Registry) -> None:
    git(two.path, "rm", "-rq", "libraries/file-tools/1.0.0")
    git(two.path, "commit", "-qm", "remove")
    installer = Installer(two)
    installer.uninstall(NAME, by=BY)
    assert len(look(two).findings) == 1
    installer.uninstall(NAME, [OLD], by=BY)
    assert look(two).findings == ()
    assert read_library(two, NAME).facts.state == "uninstalled"


def test_an_old_removal_whose_bytes_are_back_is_healed_by_removing_them_again(
    two: Registry,
) -> None:
    git(two.path, "rm", "-rq", "libraries/file-tools/1.0.0")
    git(two.path, "commit", "-qm", "remove")
    installer = Installer(two)
    installer.install([check_incoming(files())], by=BY)
    assert len(look(two).findings) == 1
    installer.uninstall(NAME, [OLD], by=BY)
    installer.install([check_incoming(files())], by=BY)
    assert look(two).findings == ()


def test_where_there_are_instance_keys_only_an_attested_record_heals(scene: Scene) -> None:
    scene.write({}, removed=(DIRECTORY,))
    before = scene.facts()
    write_facts(
        scene, with_removal(before, OLD, date="2026-01-01T00:00:00Z", by="mallory", request="r")
    )
    finding = found(scene.report(), CheckName.EDITS, Attack.ALTERED_RELEASE, "file-tools 1.0.0")
    assert "--key" in finding.next_step


def test_an_attested_record_heals_where_there_are_instance_keys(scene: Scene) -> None:
    scene.write({}, removed=(DIRECTORY,))
    attested = replace(BY, key=scene.keys.instance)
    Installer(scene.registry).uninstall(TOOLS, [OLD], by=attested)
    report = scene.report()
    assert report.findings == ()
    assert any("(attested)" in note for note in report.notes)


def test_a_record_on_another_branch_heals_nothing(two: Registry) -> None:
    base = two.head()
    Installer(two).uninstall(NAME, [OLD], by=BY)
    other = two.head()
    git(two.path, "reset", "-q", "--hard", base)
    git(two.path, "rm", "-rq", "libraries/file-tools/1.0.0")
    git(two.path, "commit", "-qm", "remove")
    git(two.path, "merge", "-q", "--no-ff", "-m", "merge", other)
    assert len(look(two).findings) == 1


def test_a_candidate_is_not_removed_by_uninstalling(two: Registry) -> None:
    add_release(two, files(version="2.0.0"), by=ACME)
    with pytest.raises(ConflictError, match="is a candidate") as refused:
        Installer(two).uninstall(NAME, [parse_version("2.0.0")], by=BY)
    assert "opsteps remove file-tools 2.0.0" in refused.value.next_step
    release(two, NAME, parse_version("2.0.0"), by=ACME)


def test_digest_of_an_entry_is_a_digest(two: Registry) -> None:
    Installer(two).uninstall(NAME, [OLD], by=BY)
    entry = removal_of(two)
    assert entry is not None
    assert entry.digest == Digest(release_digest(files()))


# What was written down before there were instance keys, or by a key that is gone


def _declared(registry: Registry, key: PrivateKey) -> None:
    raw = (registry.path / "registry.yaml").read_bytes()
    policy = f"instance_keys: ['{key.public}']".encode()
    changed = raw.replace(b"instance_keys: []", policy)
    assert changed != raw
    (registry.path / "registry.yaml").write_bytes(changed)
    git(registry.path, "commit", "-qam", "Declare a key")


def _healed(registry: Registry) -> None:
    git(registry.path, "rm", "-rq", "libraries/file-tools/1.0.0")
    git(registry.path, "commit", "-qm", "remove")
    Installer(registry).uninstall(NAME, [OLD], by=BY)
    git(registry.path, "reset", "-q", "--hard")


def test_what_was_healed_before_the_first_key_stays_so(two: Registry) -> None:
    _healed(two)
    _declared(two, new_key())
    assert look(two).findings == ()
    assert any("(not attested)" in note for note in look(two).notes)


def test_a_branch_from_before_the_first_key_heals_nothing_when_it_is_merged_later(
    two: Registry,
) -> None:
    git(two.path, "switch", "-qc", "side")
    _healed(two)
    side = two.head()
    git(two.path, "switch", "-q", "main")
    _declared(two, new_key())
    for first, second in (("main", "side"), ("side", "main")):
        git(two.path, "switch", "-q", "--detach", first)
        git(two.path, "merge", "-q", "--no-ff", "-m", "merge", second)
        finding = found(look(two), CheckName.EDITS, Attack.ALTERED_RELEASE, "file-tools 1.0.0")
        assert f"'opsteps attest {side[:12]} --key KEY'" in finding.next_step


@pytest.mark.parametrize("what", ["the entry", "the removal"])
def test_an_entry_that_nobody_signed_is_attested_later(scene: Scene, what: str) -> None:
    gone = scene.write({}, removed=(DIRECTORY,))
    write_facts(scene, removed(scene.facts()))
    finding = found(scene.report(), CheckName.EDITS, Attack.ALTERED_RELEASE, "file-tools 1.0.0")
    entry = scene.registry.head()
    assert f"'opsteps attest {entry[:12]} --key KEY'" in finding.next_step
    by = replace(BY, key=scene.keys.instance)
    attest(scene.registry, [entry if what == "the entry" else gone], by=by)
    edits = [one for one in scene.report().findings if one.check is CheckName.EDITS]
    assert edits == []


def test_what_a_key_signed_before_it_was_replaced_heals_still(scene: Scene) -> None:
    scene.write({}, removed=(DIRECTORY,))
    old = scene.keys.instance
    Installer(scene.registry).uninstall(TOOLS, [OLD], by=replace(BY, key=old))
    keys = replace(scene.keys, instance=new_key())
    scene.write(scene.signed_registry(registry_yaml(keys)), key=old)
    assert scene.report().findings == ()
