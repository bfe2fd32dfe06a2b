"""What is no attack and must not be taken for one, and what cannot be checked and says so."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from registry.formats.library_file import facts_bytes
from registry.names import CommitId, LibraryName
from registry.publishing.add import add_release
from registry.publishing.bulk_import import ImportedRelease, import_releases
from registry.publishing.release import release
from registry.transactions.transaction import Actor
from registry.trust.report import Attack, CheckName, CheckState, Finding, VerificationReport
from registry.verifying.head_statement import write_statement
from registry.verifying.verification import VerificationOptions, verify_registry
from registry.versions import parse_version
from tests.registry.making import files, git, new_registry, put
from tests.registry.verifying.scene import ACME, OTHER, TOOLS, Scene, found, registry_yaml, states

UNPINNED = "no administrator's key is pinned"


def detail(report: VerificationReport, name: CheckName) -> str:
    return next(check.detail for check in report.checks if check.name is name)


def uninstall(scene: Scene) -> None:
    facts = replace(scene.facts(), state="uninstalled")
    scene.write(
        {f"libraries/{TOOLS}/library.yaml": facts_bytes(facts)},
        removed=(f"libraries/{TOOLS}/1.0.0", f"libraries/{TOOLS}/1.1.0"),
        operation="uninstall",
        key=scene.keys.instance,
    )


def test_new_registry_is_sound(tmp_path: Path) -> None:
    with new_registry(tmp_path / "r") as registry:
        report = verify_registry(
            registry, VerificationOptions(now=datetime.now(UTC), deep=True), trusted=None
        ).report
    assert report.is_sound
    assert report.counts.releases == 0


def test_uninstalled_library_is_sound_also_when_it_comes_back(scene: Scene) -> None:
    original = scene.facts()
    uninstall(scene)
    assert scene.report(scene.wishes(deep=True)).is_sound
    back = {f"libraries/{TOOLS}/1.0.0/{p}": raw for p, raw in files(TOOLS, "1.0.0").items()}
    changelog = {f"libraries/{TOOLS}/1.0.0/docs/CHANGELOG.md": b"# 1.0.0\n"}
    facts = {f"libraries/{TOOLS}/library.yaml": facts_bytes(original)}
    scene.write({**back, **changelog, **facts})
    assert scene.report(scene.wishes(deep=True)).findings == ()


def test_digest_of_a_release_that_was_uninstalled_is_still_computed(scene: Scene) -> None:
    uninstall(scene)
    assert "4 releases" in detail(scene.report(scene.wishes(deep=True)), CheckName.DIGESTS)


def test_yank_that_an_operation_took_back_is_sound(scene: Scene) -> None:
    raw = facts_bytes(replace(scene.facts(OTHER), yanked={}))
    scene.write(
        {f"libraries/{OTHER}/library.yaml": raw}, operation="unyank", key=scene.keys.instance
    )
    assert scene.report().is_sound


def test_branch_from_before_an_unyank_may_be_merged_after_it(scene: Scene) -> None:
    side = git(scene.path, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "Side")
    raw = facts_bytes(replace(scene.facts(OTHER), yanked={}))
    scene.write(
        {f"libraries/{OTHER}/library.yaml": raw}, operation="unyank", key=scene.keys.instance
    )
    merge = git(scene.path, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-p", side, "-m", "Merge")
    git(scene.path, "update-ref", "HEAD", merge)
    assert scene.report().is_sound


def test_word_of_an_unyank_elsewhere_in_a_message_takes_nothing_back(scene: Scene) -> None:
    raw = facts_bytes(replace(scene.facts(OTHER), yanked={}))
    message = "Operation: unyank\n\nThat is what it says.\n\nOperation: release"
    scene.write({f"libraries/{OTHER}/library.yaml": raw}, message)
    found(scene.report(), CheckName.YANKS, Attack.ROLLBACK, "other-tools 2.0.0")


def test_two_branches_with_a_release_each_may_be_merged(scene: Scene) -> None:
    registry, signer = scene.registry, scene.keys.publisher
    base = registry.head()
    for name in (TOOLS, OTHER):
        git(scene.path, "update-ref", "HEAD", base)
        add_release(registry, files(name, "3.0.0"), by=ACME)
        release(registry, name, by=ACME, signer=signer)
        git(scene.path, "update-ref", f"refs/heads/with-{name}", "HEAD")
    git(scene.path, "reset", "-q", "--hard", f"with-{TOOLS}")
    git(scene.path, "merge", "-q", "--no-edit", f"with-{OTHER}")
    report = scene.report(scene.wishes(deep=True))
    assert report.findings == ()
    assert report.counts.releases == 6


def test_signature_may_come_later_than_the_release(scene: Scene) -> None:
    relaxed = registry_yaml(scene.keys).replace(b"signatures: required", b"signatures: optional")
    scene.write(scene.signed_registry(relaxed))
    scene.forge_release("1.2.0")
    assert scene.report().is_sound
    digest = scene.facts().ledger["1.2.0"].digest
    scene.edit_entry("1.2.0", signature=scene.signature(TOOLS, "1.2.0", digest))
    report = scene.report()
    assert report.is_sound
    assert report.counts.signatures == 5


def test_line_that_is_no_key_among_the_instance_keys_takes_no_other_away(scene: Scene) -> None:
    raw = registry_yaml(scene.keys).replace(b"instance_keys:\n", b"instance_keys:\n  - not a key\n")
    assert b"not a key" in raw
    scene.write(scene.signed_registry(raw))
    write_statement(scene.registry, scene.keys.instance, by=ACME, time=datetime.now(UTC))
    assert states(scene.report())[CheckName.STATEMENT] is CheckState.OK


def test_date_that_is_none_leaves_a_signature_unchecked_and_that_is_a_finding(
    scene: Scene,
) -> None:
    scene.forge_release("1.2.0", key=scene.keys.publisher, date="2026-02-31T00:00:00Z")
    report = scene.report()
    attack = Attack.ARBITRARY_RELEASE
    found(report, CheckName.SIGNATURES, attack, "file-tools 1.2.0", "cannot be checked")


def test_candidates_may_be_edited_and_removed(scene: Scene) -> None:
    candidate = {f"libraries/{TOOLS}/5.0.0/{p}": raw for p, raw in files(TOOLS, "5.0.0").items()}
    scene.write(candidate)
    scene.write(scene.edited(version="5.0.0"))
    scene.write({}, removed=(f"libraries/{TOOLS}/5.0.0",))
    assert scene.report(scene.wishes(deep=True)).is_sound


def test_imported_history_is_sound(tmp_path: Path) -> None:
    with new_registry(tmp_path / "r") as registry:
        items = [
            ImportedRelease(
                name=LibraryName("imported"),
                version=parse_version(version),
                files=files("imported", version),
                date="2019-01-01T00:00:00Z",
            )
            for version in ("1.0.0", "1.1.0", "2.0.0")
        ]
        import_releases(registry, items, by=Actor(name="importer"))
        report = verify_registry(
            registry, VerificationOptions(now=datetime.now(UTC), deep=True), trusted=None
        ).report
    assert report.findings == ()
    assert report.counts.releases == 3


def test_packed_repository_is_read_as_well(scene: Scene) -> None:
    git(scene.path, "gc", "-q")
    git(scene.path, "pack-refs", "--all")
    assert scene.report(scene.wishes(deep=True)).is_sound


def test_other_tags_are_nobodys_business(scene: Scene) -> None:
    git(scene.path, "tag", "rollback/1")
    git(scene.path, "tag", "some-note")
    git(scene.path, "tag", "-a", "-m", "x", "Not A Library".replace(" ", "_") + "/v1.0.0")
    assert scene.report().is_sound


def test_releases_that_were_fetched_and_not_merged_are_only_noted(scene: Scene) -> None:
    head = scene.registry.head()
    for version in ("3.0.0", "3.1.0"):
        scene.forge_release(version, key=scene.keys.publisher)
    git(scene.path, "update-ref", "HEAD", head)
    report = scene.report()
    assert report.findings == ()
    assert report.notes[0].startswith("2 tags are of releases that come after this head")


def test_tag_on_a_branch_that_does_not_come_after_the_head_is_a_finding(scene: Scene) -> None:
    head = scene.registry.head()
    git(scene.path, "reset", "-q", "--hard", "HEAD~1")
    scene.forge_release("3.0.0", key=scene.keys.publisher)
    git(scene.path, "update-ref", "HEAD", head)
    attack = Attack.ARBITRARY_RELEASE
    found(scene.report(), CheckName.TAGS, attack, "file-tools 3.0.0", "never heard of it")


def test_stray_files_and_directories_are_no_releases(scene: Scene) -> None:
    scene.write({f"libraries/{TOOLS}/notes/x.md": b"x", f"libraries/{TOOLS}/x.md": b"x"})
    assert scene.report().is_sound


def test_without_administrators_a_statement_is_only_as_good_as_what_is_declared(
    scene: Scene,
) -> None:
    write_statement(scene.registry, scene.keys.instance, by=ACME, time=datetime.now(UTC))
    report = scene.report(scene.wishes(pinned=False))
    assert report.is_sound
    assert states(report)[CheckName.STATEMENT] is CheckState.NOT_CHECKABLE


def test_without_administrators_it_is_said_what_that_leaves_open(scene: Scene) -> None:
    report = scene.report(scene.wishes(pinned=False))
    assert report.is_sound
    for name in (CheckName.PUBLISHERS, CheckName.SIGNATURES):
        assert states(report)[name] is CheckState.NOT_CHECKABLE
        assert UNPINNED in detail(report, name)


def test_without_administrators_a_bad_signature_is_still_found(scene: Scene) -> None:
    scene.forge_release("9.0.0", key=scene.keys.stranger)
    report = scene.report(scene.wishes(pinned=False))
    found(report, CheckName.SIGNATURES, Attack.ARBITRARY_RELEASE, "file-tools 9.0.0")


def test_registry_without_signatures_says_who_vouches(tmp_path: Path) -> None:
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        report = verify_registry(
            registry, VerificationOptions(now=datetime.now(UTC)), trusted=None
        ).report
    assert report.is_sound
    assert "only Git and the ledger" in detail(report, CheckName.SIGNATURES)


def test_first_head_is_trusted_and_that_is_said(scene: Scene) -> None:
    report = scene.report()
    assert "no head was trusted here before" in detail(report, CheckName.DESCENT)
    scene.trust()
    scene.write({"x.md": b"x"})
    after = scene.report()
    assert states(after)[CheckName.DESCENT] is CheckState.OK
    assert after.trusted == report.head


def test_report_says_how_many_commits_are_newer_than_the_statement(scene: Scene) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    write_statement(scene.registry, scene.keys.instance, by=ACME, time=now)
    assert "it is the head" in detail(scene.report(scene.wishes(now=now)), CheckName.STATEMENT)
    scene.write({"x.md": b"x"})
    scene.write({"y.md": b"x"})
    report = scene.report(scene.wishes(now=now, hours=24))
    assert "2 commits are newer" in detail(report, CheckName.STATEMENT)
    assert "fresh until 2030-01-02 00:00" in detail(report, CheckName.FRESHNESS)


def test_every_change_of_owners_is_listed_also_for_who_verifies_first(scene: Scene) -> None:
    def became(*owners: str) -> None:
        raw = facts_bytes(replace(scene.facts(), owners=owners))
        scene.write({f"libraries/{TOOLS}/library.yaml": raw}, key=scene.keys.instance)

    became("acme", "first")
    became("acme", "first", "second")
    scene.trust()
    first, second = scene.report().notes
    assert "acme, first (before: acme)" in first
    assert "acme, first, second" in second


def test_acknowledged_finding_is_listed_and_fails_no_more_and_a_new_one_does(scene: Scene) -> None:
    scene.write(scene.edited())
    scene.write(scene.original())
    verified = scene.verified()
    (finding,) = verified.report.findings
    accepted = replace(verified.head, accepted=(finding.identity,))
    report = verify_registry(scene.registry, scene.wishes(), trusted=accepted).report
    assert report.is_sound
    assert report.accepted == (finding,)
    scene.write(scene.edited())
    scene.write(scene.original())
    again = verify_registry(scene.registry, scene.wishes(), trusted=accepted).report
    assert len(again.findings) == 1
    assert again.findings != (finding,)


def test_what_a_head_is_worth_now_cannot_be_acknowledged(scene: Scene) -> None:
    scene.trust()
    git(scene.path, "reset", "-q", "--hard", "HEAD~1")
    verified = scene.verified()
    known = tuple(finding.identity for finding in verified.report.findings)
    accepted = replace(verified.head, head=verified.report.trusted or CommitId(""), accepted=known)
    assert not verify_registry(scene.registry, scene.wishes(), trusted=accepted).report.is_sound


def test_identity_tells_findings_apart_by_each_of_their_parts() -> None:
    base = Finding(
        check=CheckName.TAGS, attack=Attack.ROLLBACK, what="w", next_step="n", library="a"
    )
    changed = [
        replace(base, check=CheckName.EDITS),
        replace(base, attack=Attack.FREEZE),
        replace(base, what="x"),
        replace(base, library="", version="a"),
        replace(base, evidence="e"),
    ]
    assert len({item.identity for item in [base, *changed]}) == 6
    assert replace(base, next_step="other words").identity == base.identity
