"""The service behind install, update, pin, toggle and uninstall, on real repositories."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from registry.errors import ConflictError, NotFoundError
from registry.formats.model import LibraryFacts
from registry.history.audit_trail import read_audit_trail
from registry.installing.errors import DependencyConflictError, DependentsError
from registry.installing.incoming import Incoming, UpstreamOrigin, check_incoming
from registry.installing.installer import Installer, InstallResult
from registry.library.release_state import LibraryStatus, ReleaseState
from registry.names import CORE, LibraryName
from registry.problems import InvalidLibraryError
from registry.publishing.add import add_release
from registry.snapshots.library_at_head import LibraryAtHead
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import NAME, files, git, new_registry, put, version

_BY = Actor(name="olga")
_OTHER = LibraryName("backup-tools")
_THIRD = LibraryName("night-shift")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def installer(registry: Registry) -> Installer:
    return Installer(registry)


def incoming(
    name: str = NAME,
    number: str = "1.0.0",
    *,
    needs: Sequence[str] = (),
    upstream: str | None = None,
    description: str = "Works with files.",
) -> Incoming:
    facts = LibraryFacts(owners=("acme",))
    origin = (
        UpstreamOrigin(upstream=upstream, facts=facts, date="2026-01-02T03:04:05Z")
        if upstream
        else None
    )
    content = files(name, number, dependencies=list(needs), description=description)
    return check_incoming(content, origin=origin)


def active(registry: Registry, name: LibraryName = NAME) -> str | None:
    library = registry.snapshot().library(name)
    return str(library.active.version) if library.active is not None else None


def test_an_install_is_one_commit_with_a_tag_and_is_served(installer: Installer) -> None:
    registry = installer.registry
    before = registry.head()
    done = installer.install([incoming()], by=_BY)
    assert done.changed
    assert done.commit == registry.head()
    assert git(registry.path, "rev-list", "--count", f"{before}..HEAD") == "1"
    library = registry.snapshot().library(NAME)
    assert library.status is LibraryStatus.ENABLED
    assert library.content is not None
    assert library.facts.owners == ("olga",)
    entry = next(read_audit_trail(registry, limit=1))
    assert (entry.operation, entry.actor) == ("install", "olga")
    assert git(registry.path, "cat-file", "-t", "file-tools/v1.0.0") == "tag"


def test_the_same_again_changes_nothing_and_answers_the_same(installer: Installer) -> None:
    first = installer.install([incoming()], by=_BY)
    again = installer.install([incoming()], by=_BY)
    assert not again.changed
    assert again.commit == first.commit
    assert _without_tags(again.step(NAME).after) == _without_tags(first.step(NAME).after)


def _without_tags(state: LibraryAtHead) -> LibraryAtHead:
    """The tag of a release is made after the state that the change leads to is decided."""
    releases = (replace(record, tag=None, stated=None) for record in state.releases)
    return replace(state, releases=tuple(releases))


def test_other_content_under_a_released_version_is_refused(installer: Installer) -> None:
    installer.install([incoming()], by=_BY)
    with pytest.raises(ConflictError, match="other content"):
        installer.install([incoming(description="Another one.")], by=_BY)


def test_twenty_simultaneous_installs_are_one_commit_and_one_tag(registry: Registry) -> None:
    before = registry.head()
    outcomes, failures = [], []

    def install() -> None:
        try:
            with Registry.open(registry.path) as mine:
                outcomes.append(Installer(mine).install([incoming()], by=_BY))
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=install) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert git(registry.path, "rev-list", "--count", f"{before}..HEAD") == "1"
    assert {one.commit for one in outcomes} == {registry.head()}
    assert [one.changed for one in outcomes].count(True) == 1


def test_versions_stay_side_by_side_and_the_greatest_stable_one_is_active(
    installer: Installer,
) -> None:
    for number in ("1.0.0", "2.0.0", "1.1.0", "3.0.0-rc.1"):
        installer.install([incoming(number=number)], by=_BY)
    assert active(installer.registry) == "2.0.0"
    library = installer.registry.snapshot().library(NAME)
    assert len(library.releases) == 4


def test_an_update_makes_a_version_active_and_pins_only_where_it_must(installer: Installer) -> None:
    registry = installer.registry
    installer.install([incoming(), incoming(number="2.0.0")], by=_BY)
    done = installer.arrange(
        [incoming(number="1.1.0")], follow={NAME: version("1.1.0")}, operation="update", by=_BY
    )
    assert active(registry) == "1.1.0"
    assert done.step(NAME).after.instance.pin == version("1.1.0")
    done = installer.arrange(
        [incoming(number="3.0.0")], follow={NAME: version("3.0.0")}, operation="update", by=_BY
    )
    assert active(registry) == "3.0.0"
    assert done.step(NAME).after.instance.pin is None


def test_a_pin_is_set_and_cleared(installer: Installer) -> None:
    installer.install([incoming(), incoming(number="2.0.0")], by=_BY)
    installer.pin(NAME, version("1.0.0"), by=_BY)
    assert active(installer.registry) == "1.0.0"
    installer.pin(NAME, None, by=_BY)
    assert active(installer.registry) == "2.0.0"
    with pytest.raises(NotFoundError, match=r"no release 9\.0\.0"):
        installer.pin(NAME, version("9.0.0"), by=_BY)


def test_off_and_on_again(installer: Installer) -> None:
    installer.install([incoming()], by=_BY)
    done = installer.set_enabled(NAME, enabled=False, by=_BY)
    assert not done.step(NAME).after.is_enabled
    assert installer.registry.snapshot().library(NAME).status is LibraryStatus.DISABLED
    assert not installer.set_enabled(NAME, enabled=False, by=_BY).changed
    installer.set_enabled(NAME, enabled=True, by=_BY)
    # Nothing that is no default is left to be said.
    assert not git(installer.registry.path, "ls-tree", "HEAD", "instances/production/")


def test_an_uninstalled_library_keeps_its_name_its_ledger_and_its_tags(
    installer: Installer,
) -> None:
    registry = installer.registry
    installer.install([incoming(), incoming(number="1.1.0")], by=_BY)
    installer.pin(NAME, version("1.0.0"), by=_BY)
    installer.uninstall(NAME, by=_BY)
    library = registry.snapshot().library(NAME)
    assert not library.is_listed
    assert library.facts.state == "uninstalled"
    assert set(library.facts.ledger) == {"1.0.0", "1.1.0"}
    assert {record.state for record in library.releases} == {ReleaseState.WITHDRAWN}
    with pytest.raises(NotFoundError, match="uninstalled"):
        installer.uninstall(NAME, by=_BY)
    with pytest.raises(ConflictError, match="other content"):
        installer.install([incoming(description="A squatter's.")], by=_BY)
    installer.install([incoming()], by=_BY)
    assert active(registry) == "1.0.0"
    assert registry.snapshot().library(NAME).facts.state == "active"


def test_one_of_several_versions_is_removed(installer: Installer) -> None:
    installer.install([incoming(), incoming(number="1.1.0")], by=_BY)
    installer.uninstall(NAME, [version("1.1.0")], by=_BY)
    assert active(installer.registry) == "1.0.0"
    with pytest.raises(NotFoundError, match="removed already"):
        installer.uninstall(NAME, [version("1.1.0")], by=_BY)


def test_an_authors_candidate_survives_an_uninstall(installer: Installer) -> None:
    registry = installer.registry
    installer.install([incoming()], by=_BY)
    add_release(registry, files(version="2.0.0"), by=_BY)
    installer.uninstall(NAME, by=_BY)
    assert git(registry.path, "ls-tree", "HEAD", "libraries/file-tools/2.0.0/")


def test_a_candidate_with_the_same_files_is_released_one_with_others_is_in_the_way(
    installer: Installer,
) -> None:
    registry = installer.registry
    add_release(registry, files(), by=_BY)
    installer.install([check_incoming(files())], by=_BY)
    assert active(registry) == "1.0.0"
    add_release(registry, files(version="1.1.0", description="Mine."), by=_BY)
    with pytest.raises(ConflictError, match="candidate"):
        installer.install([incoming(number="1.1.0")], by=_BY)


def test_core_is_neither_disabled_nor_removed(installer: Installer) -> None:
    with pytest.raises(ConflictError, match="built in"):
        installer.set_enabled(CORE, enabled=False, by=_BY)
    with pytest.raises(ConflictError, match="built in"):
        installer.uninstall(CORE, by=_BY)


def test_what_is_not_there_is_not_found(installer: Installer) -> None:
    acts: list[Callable[[], InstallResult]] = [
        lambda: installer.set_enabled(NAME, enabled=True, by=_BY),
        lambda: installer.uninstall(NAME, by=_BY),
        lambda: installer.pin(NAME, None, by=_BY),
        lambda: installer.arrange([], follow={NAME: version("1.0.0")}, operation="update", by=_BY),
    ]
    for act in acts:
        with pytest.raises(NotFoundError, match="not installed"):
            act()


def test_a_requirement_that_nothing_meets_is_refused_and_named(installer: Installer) -> None:
    before = installer.registry.head()
    with pytest.raises(DependencyConflictError, match=r"backup-tools 1\.0\.0 needs file-tools>=2"):
        installer.install([incoming(_OTHER, needs=["file-tools>=2"])], by=_BY)
    installer.install([incoming()], by=_BY)
    with pytest.raises(DependencyConflictError, match=r"file-tools 1\.0\.0 is active"):
        installer.install([incoming(_OTHER, needs=["file-tools>=2"])], by=_BY)
    with pytest.raises(DependencyConflictError, match="core"):
        installer.install([incoming(_OTHER, needs=["core>=99"])], by=_BY)
    assert git(installer.registry.path, "rev-list", "--count", f"{before}..HEAD") == "1"


def test_what_belongs_together_is_installed_together(installer: Installer) -> None:
    parts = [incoming(_OTHER, needs=["file-tools>=1", "core"]), incoming()]
    done = installer.install(parts, by=_BY)
    assert {step.change.name for step in done.steps} == {NAME, _OTHER}
    assert active(installer.registry, _OTHER) == "1.0.0"


def test_what_others_need_is_not_taken_away(installer: Installer) -> None:
    installer.install([incoming(), incoming(_OTHER, needs=["file-tools<2"])], by=_BY)
    acts: list[Callable[[], InstallResult]] = [
        lambda: installer.uninstall(NAME, by=_BY),
        lambda: installer.set_enabled(NAME, enabled=False, by=_BY),
        lambda: installer.install([incoming(number="2.0.0")], by=_BY),
    ]
    for act in acts:
        with pytest.raises(DependentsError, match=r"backup-tools 1\.0\.0 needs file-tools<2"):
            act()
    # A version that is not active bothers nobody.
    installer.pin(NAME, version("1.0.0"), by=_BY)
    installer.install([incoming(number="2.0.0")], by=_BY)
    with pytest.raises(DependentsError):
        installer.pin(NAME, None, by=_BY)


def test_a_cascade_takes_along_all_that_need_it_in_one_commit(installer: Installer) -> None:
    registry = installer.registry
    parts = [
        incoming(),
        incoming(_OTHER, needs=["file-tools"]),
        incoming(_THIRD, needs=["backup-tools"]),
    ]
    before = installer.install(parts, by=_BY).commit
    done = installer.set_enabled(NAME, enabled=False, cascade=True, by=_BY)
    assert [step.change.name for step in done.steps] == [NAME, _OTHER, _THIRD]
    assert git(registry.path, "rev-list", "--count", f"{before}..HEAD") == "1"
    with pytest.raises(DependencyConflictError, match="backup-tools is disabled"):
        installer.set_enabled(_THIRD, enabled=True, by=_BY)
    installer.set_enabled(_THIRD, enabled=True, cascade=True, by=_BY)
    assert registry.snapshot().library(NAME).is_enabled
    done = installer.uninstall(NAME, cascade=True, by=_BY)
    assert len(done.steps) == 3
    assert not any(registry.snapshot().library(name).is_listed for name in (NAME, _OTHER, _THIRD))


def test_a_requirement_that_did_not_hold_before_blocks_nobody(installer: Installer) -> None:
    registry = installer.registry
    put(registry, files())
    put(registry, files(_OTHER, dependencies=["file-tools>=9"]))
    installer.set_enabled(NAME, enabled=False, by=_BY)
    installer.uninstall(NAME, by=_BY)


def test_where_a_library_is_from_is_remembered(installer: Installer) -> None:
    registry = installer.registry
    installer.install([incoming(upstream="public")], by=_BY)
    library = registry.snapshot().library(NAME)
    facts = library.instance
    assert (facts.upstream, facts.version) == ("public", "1.0.0")
    assert facts.digest == library.facts.ledger["1.0.0"].digest
    assert library.facts.owners == ("acme",)
    assert facts.installed_at is not None
    installer.uninstall(NAME, by=_BY)
    assert registry.snapshot().library(NAME).instance.upstream == "public"


def test_versions_from_two_places_never_mix(installer: Installer) -> None:
    installer.install([incoming(upstream="private")], by=_BY)
    for other in ("public", None):
        with pytest.raises(ConflictError, match="never mix"):
            installer.install([incoming(number="9.9.9", upstream=other)], by=_BY)
    installer.install([incoming(_OTHER)], by=_BY)
    with pytest.raises(ConflictError, match="never mix"):
        installer.install([incoming(_OTHER, "9.9.9", upstream="public")], by=_BY)


def test_grants_and_unknown_fields_of_the_operator_survive(installer: Installer) -> None:
    registry = installer.registry
    installer.install([incoming()], by=_BY)
    follow_head(registry)
    file = registry.path / "instances/production/file-tools.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("grants:\n  network: ['*:443']\n")
    git(registry.path, "add", "instances")
    git(registry.path, "commit", "-q", "--no-verify", "-m", "grant")
    installer.set_enabled(NAME, enabled=False, by=_BY)
    shown = git(registry.path, "show", "HEAD:instances/production/file-tools.yaml")
    assert "*:443" in shown
    assert "enabled: false" in shown


def test_a_refused_library_leaves_no_trace(installer: Installer) -> None:
    registry = installer.registry
    objects = sorted((registry.path / ".git/objects").rglob("*"))
    with pytest.raises(InvalidLibraryError):
        check_incoming(files(extra={"executors/../evil.py": b""}))
    with pytest.raises(DependencyConflictError):
        installer.install([incoming(needs=["nobody-has-it"])], by=_BY)
    assert sorted((registry.path / ".git/objects").rglob("*")) == objects


def test_files_with_another_digest_than_asked_for_are_refused() -> None:
    good = incoming()
    with pytest.raises(ConflictError, match="digest"):
        check_incoming(files(description="Altered."), expected=good.digest)


def test_who_needs_a_library_is_listed(installer: Installer) -> None:
    installer.install([incoming(), incoming(_OTHER, needs=["file-tools<2"])], by=_BY)
    (found,) = installer.dependents(NAME)
    assert (found.name, found.requirement, found.is_enabled) == (_OTHER, "file-tools<2", True)
    assert installer.dependents(_OTHER) == ()
