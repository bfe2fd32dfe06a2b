"""The tamper suite: one test an attack, made with plain Git or our own plumbing; each is named."""

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.errors import GitError
from registry.formats.library_file import facts_bytes
from registry.git.object_ids import blob_id
from registry.library.digest import release_digest
from registry.names import Digest, LibraryName
from registry.signing.sshsig import sign
from registry.signing.statements import Namespace, ReleaseStatement
from registry.transactions.transaction import Actor
from registry.trust.errors import DamagedObjectError, IncompleteHistoryError, UntrustedHistoryError
from registry.trust.report import Attack, CheckName, CheckState
from registry.trust.trusted_head import read_trusted, refuse_untrusted
from registry.verifying.head_statement import write_statement
from registry.versions import parse_version
from tests.registry.making import files, git, loosened
from tests.registry.verifying.scene import (
    ACME,
    OTHER,
    TOOLS,
    Scene,
    found,
    new_key,
    registry_yaml,
    states,
)

ALTERED = Attack.ALTERED_RELEASE
ARBITRARY = Attack.ARBITRARY_RELEASE


def test_nothing_was_tampered_with_and_nothing_is_found(scene: Scene) -> None:
    report = scene.report(scene.wishes(deep=True))
    assert report.findings == ()
    assert {name for name, state in states(report).items() if state is not CheckState.OK} == {
        CheckName.DESCENT,
        CheckName.STATEMENT,
        CheckName.FRESHNESS,
    }


# Releases


def test_a_file_of_a_release_is_edited_at_the_head(scene: Scene) -> None:
    scene.write(scene.edited())
    report = scene.report()
    found(report, CheckName.RELEASES, ALTERED, "file-tools 1.0.0")
    found(report, CheckName.EDITS, ALTERED, "file-tools 1.0.0", "edited after it was released")


def test_a_file_of_a_release_is_edited_and_put_back(scene: Scene) -> None:
    edit = scene.write(scene.edited())
    scene.write(scene.original())
    report = scene.report(scene.wishes(deep=True))
    finding = found(report, CheckName.EDITS, ALTERED, "file-tools 1.0.0")
    assert edit in finding.evidence
    assert states(report)[CheckName.RELEASES] is CheckState.OK


def test_a_file_of_a_release_is_edited_on_a_branch_and_put_back_before_it_is_merged(
    scene: Scene,
) -> None:
    base = scene.registry.head()
    scene.write(scene.edited())
    scene.write(scene.original())
    scene.write({"notes.md": b"x"})
    side = scene.registry.head()
    git(scene.path, "update-ref", "HEAD", base)
    scene.write({"other.md": b"y"})
    merge = git(
        scene.path, "commit-tree", f"{side}^{{tree}}", "-p", "HEAD", "-p", side, "-m", "Merge"
    )
    git(scene.path, "update-ref", "HEAD", merge)
    found(scene.report(), CheckName.EDITS, ALTERED, "file-tools 1.0.0")


def test_a_release_directory_is_deleted(scene: Scene) -> None:
    scene.write({}, removed=(f"libraries/{TOOLS}/1.0.0",))
    found(scene.report(), CheckName.EDITS, ALTERED, "file-tools 1.0.0", "was removed")


def test_a_release_directory_is_deleted_and_other_files_come_back(scene: Scene) -> None:
    facts = replace(scene.facts(), state="uninstalled")
    scene.write(
        {f"libraries/{TOOLS}/library.yaml": facts_bytes(facts)},
        removed=(f"libraries/{TOOLS}/1.0.0", f"libraries/{TOOLS}/1.1.0"),
        operation="uninstall",
        key=scene.keys.instance,
    )
    assert scene.report().is_sound
    scene.write(
        {f"libraries/{TOOLS}/1.0.0/{path}": raw for path, raw in files(TOOLS).items()}
        | scene.edited()
    )
    found(scene.report(), CheckName.EDITS, ALTERED, "file-tools 1.0.0", "edited after")


def test_a_whole_library_is_deleted_with_its_ledger(scene: Scene) -> None:
    scene.write({}, removed=(f"libraries/{TOOLS}",))
    report = scene.report()
    found(report, CheckName.LEDGERS, Attack.ROLLBACK, "file-tools 1.0.0")
    found(report, CheckName.TAGS, ARBITRARY, "file-tools 1.0.0")


def test_a_file_becomes_executable(scene: Scene) -> None:
    path = f"libraries/{TOOLS}/1.0.0/executors/copy.py"
    git(scene.path, "read-tree", "HEAD")
    git(scene.path, "update-index", "--chmod=+x", path)
    git(scene.path, "commit", "-q", "-m", "chmod")
    found(scene.report(), CheckName.RELEASES, ALTERED, "file-tools 1.0.0")


def test_a_release_is_forged_without_a_signature(scene: Scene) -> None:
    scene.forge_release("9.0.0")
    finding = found(scene.report(), CheckName.SIGNATURES, ARBITRARY, "file-tools 9.0.0")
    assert "no signature" in finding.what


def test_a_release_is_forged_by_a_stranger(scene: Scene) -> None:
    scene.forge_release("9.0.0", key=scene.keys.stranger)
    finding = found(scene.report(), CheckName.SIGNATURES, ARBITRARY, "file-tools 9.0.0")
    assert "not trusted" in finding.what


# Ledgers


def test_ledger_tag_and_files_are_all_changed_and_the_history_rewritten(scene: Scene) -> None:
    """Everything that Git holds agrees; only the publisher's signature cannot be made anew."""
    signature = scene.facts().ledger["1.1.0"].signature
    git(scene.path, "reset", "-q", "--hard", f"{TOOLS}/v1.0.0")
    git(scene.path, "tag", "-d", f"{TOOLS}/v1.1.0", f"{OTHER}/v1.0.0", f"{OTHER}/v2.0.0")
    scene.forge_release("1.1.0", signature=signature)
    report = scene.report(scene.wishes(deep=True))
    assert {finding.check for finding in report.findings} == {CheckName.SIGNATURES}
    found(report, CheckName.SIGNATURES, ALTERED, "file-tools 1.1.0")


def test_digest_in_ledger_and_tag_are_changed_together(scene: Scene) -> None:
    digest = Digest("a" * 64)
    scene.edit_entry("1.0.0", digest=digest)
    git(scene.path, "tag", "-d", f"{TOOLS}/v1.0.0")
    scene.tag(f"{TOOLS}/v1.0.0", digest=digest)
    report = scene.report(scene.wishes(deep=True))
    found(report, CheckName.SIGNATURES, ALTERED, "file-tools 1.0.0")
    found(report, CheckName.LEDGERS, ALTERED, "file-tools 1.0.0", "digest")
    found(report, CheckName.DIGESTS, ALTERED, "file-tools 1.0.0")
    found(report, CheckName.TAGS, ALTERED, "file-tools 1.0.0", "moved")


def test_a_ledger_entry_is_removed(scene: Scene) -> None:
    facts = scene.facts()
    scene.write_facts(replace(facts, ledger={"1.1.0": facts.ledger["1.1.0"]}))
    report = scene.report()
    found(report, CheckName.LEDGERS, Attack.ROLLBACK, "file-tools 1.0.0")
    found(report, CheckName.TAGS, ARBITRARY, "file-tools 1.0.0")


def test_a_ledger_entry_is_removed_and_put_back(scene: Scene) -> None:
    facts = scene.facts()
    scene.write_facts(replace(facts, ledger={"1.1.0": facts.ledger["1.1.0"]}))
    scene.write_facts(facts)
    found(scene.report(), CheckName.LEDGERS, Attack.ROLLBACK, "file-tools 1.0.0")


def test_a_ledger_entry_is_removed_with_its_tag_and_directory(scene: Scene) -> None:
    facts = scene.facts()
    raw = facts_bytes(replace(facts, ledger={"1.0.0": facts.ledger["1.0.0"]}))
    scene.write({f"libraries/{TOOLS}/library.yaml": raw}, removed=(f"libraries/{TOOLS}/1.1.0",))
    git(scene.path, "tag", "-d", f"{TOOLS}/v1.1.0")
    found(scene.report(), CheckName.LEDGERS, Attack.ROLLBACK, "file-tools 1.1.0")


def test_a_ledger_shrinks_in_a_merge_that_takes_the_other_side(scene: Scene) -> None:
    git(scene.path, "branch", "stale", f"{TOOLS}/v1.0.0")
    merge = git(
        scene.path,
        *("commit-tree", "stale^{tree}", "-p", "stale", "-p", "HEAD", "-m", "Merge"),
    )
    git(scene.path, "update-ref", "HEAD", merge)
    report = scene.report()
    found(report, CheckName.LEDGERS, Attack.ROLLBACK, "file-tools 1.1.0")


def test_a_date_in_a_ledger_is_changed(scene: Scene) -> None:
    scene.edit_entry("1.0.0", date="2020-01-01T00:00:00Z")
    found(scene.report(), CheckName.LEDGERS, ALTERED, "file-tools 1.0.0", "date")


def test_a_signature_in_a_ledger_is_removed(scene: Scene) -> None:
    scene.edit_entry("1.0.0", signature=None)
    report = scene.report()
    found(report, CheckName.LEDGERS, ALTERED, "file-tools 1.0.0", "signature")
    found(report, CheckName.SIGNATURES, ARBITRARY, "file-tools 1.0.0", "no signature")


def test_library_yaml_is_made_unreadable(scene: Scene) -> None:
    scene.write({f"libraries/{TOOLS}/library.yaml": b"ledger: &a [*a]\n"})
    report = scene.report()
    found(report, CheckName.RELEASES, ALTERED, "file-tools", "cannot be read")
    found(report, CheckName.LEDGERS, ALTERED, "file-tools", "cannot be read")


def test_a_yank_vanishes(scene: Scene) -> None:
    scene.write_facts(replace(scene.facts(OTHER), yanked={}), OTHER)
    found(scene.report(), CheckName.YANKS, Attack.ROLLBACK, "other-tools 2.0.0")


# Signatures


@pytest.mark.parametrize("version", ["1.0.0", "1.2.0"])
def test_the_signature_of_another_release_is_pasted(scene: Scene, version: str) -> None:
    pasted = scene.facts().ledger["1.1.0"].signature
    if version in scene.facts().ledger:
        scene.edit_entry(version, signature=pasted)
    else:
        scene.forge_release(version, signature=pasted)
    found(scene.report(), CheckName.SIGNATURES, ALTERED, f"file-tools {version}")


def test_a_signature_for_another_purpose_is_pasted(scene: Scene) -> None:
    digest = release_digest(files(TOOLS, "1.2.0"))
    statement = ReleaseStatement(name=TOOLS, version=parse_version("1.2.0"), digest=digest)
    pasted = sign(bytes(statement), namespace=Namespace.COMMIT, key=scene.keys.publisher)
    scene.forge_release("1.2.0", signature=pasted)
    found(scene.report(), CheckName.SIGNATURES, ARBITRARY, "file-tools 1.2.0", "'git'")


def test_a_release_is_signed_with_an_expired_key(scene: Scene) -> None:
    scene.forge_release("1.2.0", key=scene.keys.expired, date="2024-01-01T00:00:00Z")
    found(scene.report(), CheckName.SIGNATURES, ARBITRARY, "file-tools 1.2.0", "valid until")


def test_a_release_is_signed_with_a_revoked_key(scene: Scene) -> None:
    scene.forge_release("1.2.0", key=scene.keys.retired, date="2021-01-01T00:00:00Z")
    found(scene.report(), CheckName.SIGNATURES, ARBITRARY, "file-tools 1.2.0", "is revoked")


def test_a_release_is_signed_with_a_revoked_key_and_backdated(scene: Scene) -> None:
    """Date and commit claim a time before the revocation; the commits before it are younger."""
    scene.forge_release(
        "1.2.0", key=scene.keys.retired, date="2020-01-01T00:00:00Z", seconds=1_577_836_800
    )
    finding = found(scene.report(), CheckName.SIGNATURES, ARBITRARY, "file-tools 1.2.0")
    assert "was revoked when it appeared" in finding.what


def test_the_owners_are_changed_so_that_another_publisher_can_sign(scene: Scene) -> None:
    """In the commit of the release itself: who owned the library before is who may sign."""
    raw = registry_yaml(scene.keys).decode()
    evil = f"  evil:\n    keys:\n    - key: {scene.keys.stranger.public}\n"
    scene.write(scene.signed_registry((raw + evil).encode()))
    scene.trust()
    content = files(TOOLS, "1.2.0")
    digest = release_digest(content)
    signature = scene.signature(TOOLS, "1.2.0", digest, scene.keys.stranger)
    facts = scene.facts()
    entry = replace(facts.ledger["1.0.0"], digest=digest, signature=signature)
    taken = replace(facts, owners=("evil",), ledger={**facts.ledger, "1.2.0": entry})
    scene.write(
        {f"libraries/{TOOLS}/1.2.0/{path}": raw for path, raw in content.items()}
        | {f"libraries/{TOOLS}/library.yaml": facts_bytes(taken)}
    )
    scene.tag(f"{TOOLS}/v1.2.0", version="1.2.0")
    report = scene.report()
    found(report, CheckName.SIGNATURES, ARBITRARY, "file-tools 1.2.0", "not an owner")
    assert any("owners became evil" in note for note in report.notes)


# Tags


def test_a_tag_is_moved_to_another_commit(scene: Scene) -> None:
    git(scene.path, "tag", "-f", "-a", "-m", "x", f"{TOOLS}/v1.0.0", "HEAD")
    found(scene.report(), CheckName.TAGS, ARBITRARY, "file-tools 1.0.0", "annotated release tag")


def test_a_tag_is_made_anew_on_another_commit_with_the_right_digest(scene: Scene) -> None:
    scene.tag(f"{TOOLS}/v1.0.0")
    found(scene.report(), CheckName.TAGS, ALTERED, "file-tools 1.0.0", "moved")


def test_a_tag_is_made_anew_on_a_commit_that_is_not_in_the_history(scene: Scene) -> None:
    head = scene.registry.head()
    scene.write({"x.md": b"x"})
    scene.tag(f"{TOOLS}/v1.0.0")
    git(scene.path, "update-ref", "HEAD", head)
    found(scene.report(), CheckName.TAGS, Attack.MIX_AND_MATCH, "file-tools 1.0.0")


def test_a_tag_states_another_tree(scene: Scene) -> None:
    right = git(scene.path, "rev-parse", f"{TOOLS}/v1.0.0^{{commit}}")
    tree = git(scene.path, "rev-parse", f"HEAD:libraries/{TOOLS}/1.1.0")
    scene.tag(f"{TOOLS}/v1.0.0", commit=right, tree=tree)
    report = scene.report()
    found(report, CheckName.TAGS, ALTERED, "file-tools 1.0.0", "tree that its tag states")
    found(report, CheckName.RELEASES, ALTERED, "file-tools 1.0.0")


def test_a_tag_states_another_digest(scene: Scene) -> None:
    right = git(scene.path, "rev-parse", f"{TOOLS}/v1.0.0^{{commit}}")
    scene.tag(f"{TOOLS}/v1.0.0", commit=right, digest="b" * 64)
    found(scene.report(), CheckName.TAGS, ALTERED, "file-tools 1.0.0", "digests")


def test_a_tag_is_deleted(scene: Scene) -> None:
    git(scene.path, "tag", "-d", f"{TOOLS}/v1.0.0")
    found(scene.report(), CheckName.TAGS, ALTERED, "file-tools 1.0.0", "deleted")


def test_a_tag_is_replaced_by_a_lightweight_one(scene: Scene) -> None:
    git(scene.path, "tag", "-f", f"{TOOLS}/v1.0.0", f"{TOOLS}/v1.0.0^{{commit}}")
    found(scene.report(), CheckName.TAGS, ARBITRARY, "file-tools 1.0.0", "annotated")


def test_the_tag_of_one_library_is_put_under_the_name_of_another(scene: Scene) -> None:
    git(scene.path, "update-ref", f"refs/tags/{OTHER}/v1.0.0", f"refs/tags/{TOOLS}/v1.0.0")
    report = scene.report()
    finding = found(report, CheckName.TAGS, ARBITRARY, "other-tools 1.0.0", "another name")
    assert "file-tools/v1.0.0" in finding.evidence


@pytest.mark.parametrize("ref", [f"{TOOLS}/v9.9.9", "nobodys-tools/v1.0.0", f"{TOOLS}/vx"])
def test_a_tag_stands_for_a_release_that_no_ledger_knows(scene: Scene, ref: str) -> None:
    scene.tag(ref)
    name, _, version = ref.partition("/v")
    found(scene.report(), CheckName.TAGS, ARBITRARY, f"{name} {version}", "never heard of it")


# registry.yaml


def test_a_publishers_key_is_added_without_an_administrator(scene: Scene) -> None:
    raw = registry_yaml(scene.keys).decode()
    evil = f"  evil:\n    keys:\n    - key: {scene.keys.stranger.public}\n"
    scene.write({"registry.yaml": (raw + evil).encode()})
    report = scene.report()
    found(report, CheckName.PUBLISHERS, ARBITRARY, what="no administrator vouches")
    assert states(report)[CheckName.SIGNATURES] is CheckState.NOT_CHECKABLE


def test_registry_yaml_is_signed_by_somebody_who_is_no_administrator(scene: Scene) -> None:
    scene.write(scene.signed_registry(registry_yaml(scene.keys), by=scene.keys.publisher))
    found(scene.report(), CheckName.PUBLISHERS, ARBITRARY, what="not trusted")


def test_the_policy_is_relaxed_without_an_administrator(scene: Scene) -> None:
    raw = registry_yaml(scene.keys).replace(b"signatures: required", b"signatures: optional")
    scene.write({"registry.yaml": raw})
    found(scene.report(), CheckName.PUBLISHERS, ARBITRARY)


def test_an_old_registry_yaml_without_a_revocation_comes_back(scene: Scene) -> None:
    """With its own good signature, which an administrator once made."""
    old = scene.signed_registry(registry_yaml(scene.keys, revoked=None))
    scene.write(old)
    scene.write(scene.signed_registry(registry_yaml(scene.keys)))
    scene.write(old)
    finding = found(scene.report(), CheckName.PUBLISHERS, Attack.ROLLBACK)
    assert scene.keys.retired.public.fingerprint in finding.what


def test_registry_yaml_is_made_unreadable(scene: Scene) -> None:
    scene.write({"registry.yaml": b"publishers: []\n"})
    report = scene.report(scene.wishes(pinned=False))
    found(report, CheckName.PUBLISHERS, ALTERED, what="cannot be read")
    assert states(report)[CheckName.SIGNATURES] is CheckState.NOT_CHECKABLE


def test_all_libraries_are_deleted(scene: Scene) -> None:
    scene.write({}, removed=("libraries",))
    found(scene.report(), CheckName.LEDGERS, Attack.ROLLBACK, "file-tools 1.0.0")


def test_registry_yaml_is_deleted(scene: Scene) -> None:
    scene.write({}, removed=("registry.yaml",))
    found(scene.report(), CheckName.PUBLISHERS, ALTERED, what="no registry.yaml")


# The head


def test_the_head_is_set_back(scene: Scene) -> None:
    scene.trust()
    trusted = scene.registry.head()
    git(scene.path, "reset", "-q", "--hard", "HEAD~1")
    finding = found(scene.report(), CheckName.DESCENT, Attack.ROLLBACK)
    assert trusted in finding.evidence
    assert "opsteps trust" in finding.next_step
    with pytest.raises(UntrustedHistoryError, match="rollback: "):
        refuse_untrusted(scene.registry, scene.registry.head())


def test_the_history_is_rewritten(scene: Scene) -> None:
    scene.trust()
    git(scene.path, "commit", "-q", "--amend", "--allow-empty", "-m", "Another past")
    found(scene.report(), CheckName.DESCENT, Attack.REWRITTEN_HISTORY)
    with pytest.raises(UntrustedHistoryError, match="rewritten history: "):
        refuse_untrusted(scene.registry, scene.registry.head())


def test_the_history_is_rewritten_and_the_old_one_thrown_away(scene: Scene) -> None:
    scene.trust()
    git(scene.path, "commit", "-q", "--amend", "--allow-empty", "-m", "Another past")
    git(scene.path, "-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
    git(scene.path, "reflog", "expire", "--expire=now", "--all")
    git(scene.path, "prune", "--expire=now")
    found(scene.report(), CheckName.DESCENT, Attack.REWRITTEN_HISTORY)


def sign_head(scene: Scene, *, time: datetime | None = None, least: int = 1) -> int:
    moment = (time or datetime.now(UTC)).replace(microsecond=0)
    signed = write_statement(scene.registry, scene.keys.instance, by=ACME, time=moment, least=least)
    return signed.statement.sequence


def statement_branch(scene: Scene) -> str:
    return git(scene.path, "rev-parse", "opsteps-head")


def test_a_statement_that_is_too_old_freezes_the_state(scene: Scene) -> None:
    sign_head(scene, time=datetime.now(UTC) - timedelta(hours=30))
    assert scene.report(scene.wishes(hours=48)).is_sound
    found(scene.report(scene.wishes(hours=24)), CheckName.FRESHNESS, Attack.FREEZE)


def test_an_old_statement_is_replayed(scene: Scene) -> None:
    sign_head(scene)
    old = statement_branch(scene)
    sign_head(scene)
    scene.trust()
    git(scene.path, "update-ref", "refs/heads/opsteps-head", old)
    found(scene.report(), CheckName.STATEMENT, Attack.ROLLBACK, what="number 2 was seen already")


def test_the_statement_is_taken_away(scene: Scene) -> None:
    sign_head(scene)
    scene.trust()
    git(scene.path, "update-ref", "-d", "refs/heads/opsteps-head")
    found(scene.report(), CheckName.STATEMENT, Attack.FREEZE)


def test_a_statement_is_from_the_future(scene: Scene) -> None:
    sign_head(scene, time=datetime.now(UTC) + timedelta(hours=1))
    found(scene.report(), CheckName.STATEMENT, Attack.FAST_FORWARD, what="from the future")


def test_the_number_of_a_statement_jumps_ahead(scene: Scene) -> None:
    sign_head(scene)
    scene.trust()
    sign_head(scene, least=10**17)
    found(scene.report(), CheckName.STATEMENT, Attack.FAST_FORWARD, what="beyond")


def test_the_first_statement_jumps_ahead(scene: Scene) -> None:
    sign_head(scene, least=10**17)
    found(scene.report(), CheckName.STATEMENT, Attack.FAST_FORWARD, what="beyond")


def test_a_later_statement_is_older(scene: Scene) -> None:
    sign_head(scene)
    scene.trust()
    sign_head(scene, time=datetime.now(UTC) - timedelta(hours=5))
    found(scene.report(), CheckName.STATEMENT, Attack.ROLLBACK, what="is older than")


def test_a_new_statement_comes_with_an_older_head(scene: Scene) -> None:
    sign_head(scene)
    git(scene.path, "reset", "-q", "--hard", "HEAD~1")
    found(scene.report(), CheckName.STATEMENT, Attack.ROLLBACK, what="head is older")


def test_the_statement_of_one_history_comes_with_the_head_of_another(scene: Scene) -> None:
    sign_head(scene)
    git(scene.path, "commit", "-q", "--amend", "--allow-empty", "-m", "Another past")
    found(scene.report(), CheckName.STATEMENT, Attack.MIX_AND_MATCH)


def test_two_statements_have_one_number(scene: Scene) -> None:
    sign_head(scene)
    scene.trust()
    git(scene.path, "update-ref", "-d", "refs/heads/opsteps-head")
    scene.write({"x.md": b"x"})
    sign_head(scene)
    found(scene.report(), CheckName.STATEMENT, Attack.MIX_AND_MATCH, what="two statements")


def test_a_statement_is_forged(scene: Scene) -> None:
    """By a key that was declared for a moment, after a genuine one was seen here."""
    write_statement(scene.registry, scene.keys.instance, by=Actor(name="x"), time=datetime.now(UTC))
    scene.trust()
    stranger = new_key()
    evil = replace(scene.keys, instance=stranger)
    scene.write(scene.signed_registry(registry_yaml(evil)))
    write_statement(scene.registry, stranger, by=Actor(name="x"), time=datetime.now(UTC))
    scene.write(scene.signed_registry(registry_yaml(scene.keys)))
    found(scene.report(), CheckName.STATEMENT, Attack.FORGED_STATEMENT)


def on_statement_branch(scene: Scene, content: dict[str, bytes]) -> None:
    rows = [
        f"100644 blob {git(scene.path, 'hash-object', '-w', '--stdin', stdin=raw)}\t{name}\n"
        for name, raw in content.items()
    ]
    tree = git(scene.path, "mktree", stdin="".join(rows).encode())
    commit = git(scene.path, "commit-tree", tree, "-m", "x")
    git(scene.path, "update-ref", "refs/heads/opsteps-head", commit)


def test_a_statement_is_put_there_without_a_signature(scene: Scene) -> None:
    sign_head(scene)
    raw = git(scene.path, "show", "opsteps-head:head.txt").encode() + b"\n"
    on_statement_branch(scene, {"head.txt": raw})
    found(scene.report(), CheckName.STATEMENT, Attack.FORGED_STATEMENT, what="lacks")


def test_signed_bytes_that_are_no_statement_are_refused(scene: Scene) -> None:
    raw = b"opsteps-head-v2\n"
    signature = sign(raw, namespace=Namespace.HEAD, key=scene.keys.instance).encode()
    on_statement_branch(scene, {"head.txt": raw, "head.txt.sig": signature})
    found(scene.report(), CheckName.STATEMENT, Attack.FORGED_STATEMENT, what="not a head statement")
    assert sign_head(scene) == 1


def test_branch_of_statements_is_no_branch(scene: Scene) -> None:
    blob = git(scene.path, "hash-object", "-w", "--stdin", stdin=b"x")
    (scene.path / ".git" / "refs" / "heads" / "opsteps-head").write_text(f"{blob}\n")
    with pytest.raises(GitError, match="is not a branch"):
        scene.report()


# The repository itself


def test_replacement_objects_and_grafts_change_nothing(scene: Scene) -> None:
    path = f"libraries/{TOOLS}/1.0.0/executors/copy.py"
    scene.write(scene.edited())
    edited = scene.registry.head()
    before = scene.report()
    git(scene.path, "replace", f"{edited}:{path}", f"{edited}~1:{path}")
    git(scene.path, "replace", f"{edited}^{{tree}}", f"{edited}~1^{{tree}}")
    first = git(scene.path, "rev-list", "--max-parents=0", "HEAD")
    info = scene.path / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "grafts").write_text(f"{edited} {first}\n")
    after = scene.report()
    assert after.findings == before.findings
    assert after.counts == before.counts


def test_hostile_configuration_hooks_and_attributes_change_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    scene.write(scene.edited())
    before = scene.report(scene.wishes(deep=True))
    proof = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {proof}\ncat\n")
    program.chmod(0o755)
    for key, value in {
        "core.fsmonitor": str(program),
        "core.hooksPath": str(tmp_path),
        "core.pager": str(program),
        "core.sshCommand": str(program),
        "diff.external": str(program),
        "diff.orderFile": str(program),
        "diff.ignoreSubmodules": "all",
        "filter.evil.clean": str(program),
        "filter.evil.smudge": str(program),
        "diff.evil.textconv": str(program),
        "diff.evil.command": str(program),
        "gpg.program": str(program),
        "gpg.ssh.program": str(program),
        "log.showSignature": "true",
        "log.showRoot": "false",
        "alias.rev-list": f"!{program}",
        "core.quotePath": "true",
        "core.alternateRefsCommand": str(program),
    }.items():
        git(scene.path, "config", key, value)
    (scene.path / ".git" / "info").mkdir(exist_ok=True)
    (scene.path / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil text\n")
    (scene.path / ".gitattributes").write_text("* filter=evil diff=evil export-ignore\n")
    for hook in ("reference-transaction", "post-index-change", "pre-auto-gc"):
        target = scene.path / ".git" / "hooks" / hook
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(program)
    after = scene.report(scene.wishes(deep=True))
    assert after.findings == before.findings
    assert not proof.exists()


@pytest.mark.parametrize("name", [".git", ".GIT", ".g\u200cit", "git~1", ".git ", ".."])
def test_a_tree_holds_a_name_that_git_keeps_for_itself(scene: Scene, name: str) -> None:
    blob = git(scene.path, "hash-object", "-w", "--stdin", stdin=b"[core]\n")
    inner = git(scene.path, "mktree", "-z", stdin=f"100644 blob {blob}\t{name}\0".encode())
    listing = git(scene.path, "ls-tree", "HEAD")
    root = git(scene.path, "mktree", stdin=f"{listing}\n040000 tree {inner}\tdocs\n".encode())
    commit = git(scene.path, "commit-tree", root, "-p", "HEAD", "-m", "x")
    git(scene.path, "update-ref", "HEAD", commit)
    found(scene.report(), CheckName.TREES, ARBITRARY)


def in_release(scene: Scene, entry: bytes, version: str = "1.2.0") -> None:
    """A release whose tree has one more entry, with everything around it as it should be."""
    scene.forge_release(version, key=scene.keys.publisher)
    path = f"libraries/{TOOLS}/{version}"
    parent = git(scene.path, "rev-parse", "HEAD~1")
    tree = git(scene.path, "rev-parse", f"HEAD:{path}")
    listing = git(scene.path, "ls-tree", "-z", tree)
    tree = git(scene.path, "mktree", "-z", "--missing", stdin=listing.encode() + entry)
    released = tree
    for folder, name in (
        (f"libraries/{TOOLS}", version),
        ("libraries", TOOLS),
        ("", "libraries"),
    ):
        rows = git(scene.path, "ls-tree", "-z", f"HEAD:{folder}").split("\0")
        kept = [row for row in rows if row and not row.endswith(f"\t{name}")]
        rows = [*kept, f"040000 tree {tree}\t{name}"]
        tree = git(scene.path, "mktree", "-z", stdin=("\0".join(rows) + "\0").encode())
    commit = git(scene.path, "commit-tree", tree, "-p", parent, "-m", "x")
    git(scene.path, "update-ref", "HEAD", commit)
    scene.tag(f"{TOOLS}/v{version}", version=version, tree=released)


@pytest.mark.parametrize("mode", ["120000 blob", "160000 commit"])
def test_a_release_holds_a_link_or_submodule_that_no_digest_covers(scene: Scene, mode: str) -> None:
    target = git(scene.path, "hash-object", "-w", "--stdin", stdin=b"/etc/passwd")
    if "commit" in mode:
        target = scene.registry.head()
    in_release(scene, f"{mode} {target}\tzzz\0".encode())
    report = scene.report(scene.wishes(deep=True))
    assert {finding.check for finding in report.findings} == {CheckName.TREES}
    found(report, CheckName.TREES, ARBITRARY, "file-tools 1.2.0", "no digest covers")


def test_a_release_holds_a_file_twice(scene: Scene) -> None:
    blob = git(scene.path, "hash-object", "-w", "--stdin", stdin=b"{}")
    in_release(scene, f"100644 blob {blob}\tmanifest.json\0".encode())
    found(scene.report(), CheckName.TREES, ARBITRARY, "file-tools 1.2.0", "twice")


def test_trees_of_a_release_name_each_other_over_and_over(scene: Scene) -> None:
    """A few bytes that stand for a billion files: nothing may walk them one by one."""
    blob = git(scene.path, "hash-object", "-w", "--stdin", stdin=b"x")
    tree = git(scene.path, "mktree", stdin=f"100644 blob {blob}\tx\n".encode())
    for _ in range(30):
        rows = f"040000 tree {tree}\ta\n040000 tree {tree}\tb\n"
        tree = git(scene.path, "mktree", stdin=rows.encode())
    in_release(scene, f"040000 tree {tree}\tzzz\0".encode())
    assert scene.report().is_sound
    report = scene.report(scene.wishes(deep=True))
    found(report, CheckName.DIGESTS, ALTERED, "file-tools 1.2.0", "cannot be computed")


def test_a_library_is_there_twice(scene: Scene) -> None:
    """Which of the two a reader sees depends on the reader."""
    evil = git(scene.path, "rev-parse", f"HEAD:libraries/{OTHER}")
    listing = git(scene.path, "ls-tree", "HEAD:libraries")
    twice = f"{listing}\n040000 tree {evil}\t{TOOLS}\n".encode()
    tree = git(scene.path, "mktree", stdin=twice)
    rows = git(scene.path, "ls-tree", "HEAD").splitlines()
    kept = [row for row in rows if not row.endswith("\tlibraries")]
    root = "\n".join([*kept, f"040000 tree {tree}\tlibraries", ""])
    root = git(scene.path, "mktree", stdin=root.encode())
    commit = git(scene.path, "commit-tree", root, "-p", "HEAD", "-m", "x")
    git(scene.path, "update-ref", "HEAD", commit)
    found(scene.report(), CheckName.TREES, ARBITRARY, what="'file-tools' twice")


def loose_object(scene: Scene, object_id: str) -> Path:
    path = loosened(scene.path, object_id)
    path.chmod(0o644)
    return path


def test_a_byte_of_an_object_is_flipped(scene: Scene) -> None:
    facts = git(scene.path, "rev-parse", f"HEAD:libraries/{TOOLS}/library.yaml")
    path = loose_object(scene, facts)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DamagedObjectError, match=facts):
        scene.report()


def test_an_object_has_other_content_than_its_id_says(scene: Scene) -> None:
    """Git itself reads it without a word: it compares ids only when objects are fetched."""
    path = f"libraries/{TOOLS}/1.0.0/executors/copy.py"
    blob = git(scene.path, "rev-parse", f"HEAD:{path}")
    evil = b"import os\n"
    assert blob != blob_id(evil)
    header = b"blob %d\0" % len(evil)
    loose_object(scene, blob).write_bytes(zlib.compress(header + evil))
    assert git(scene.path, "cat-file", "-p", blob) == evil.decode().strip()
    with pytest.raises(DamagedObjectError, match=blob):
        scene.report(scene.wishes(deep=True))


def test_an_object_is_missing(scene: Scene) -> None:
    tree = git(scene.path, "rev-parse", f"HEAD:libraries/{TOOLS}")
    loose_object(scene, tree).unlink()
    with pytest.raises(DamagedObjectError, match=tree):
        scene.report()


def test_the_history_is_cut_off(scene: Scene, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{scene.path}", "shallow")
    shallow = scene.copy_of(tmp_path / "shallow")
    with pytest.raises(IncompleteHistoryError) as caught:
        shallow.report()
    assert "--unshallow" in caught.value.next_step
    shallow.registry.close()


def test_a_library_has_a_name_that_is_none(scene: Scene) -> None:
    """It is no library for anybody; its tags are nobody's either."""
    scene.write({"libraries/Evil_Name/library.yaml": b"{}\n"})
    scene.tag("Evil_Name/v1.0.0")
    assert scene.report().is_sound
    assert LibraryName("Evil_Name") not in {f.library for f in scene.report().findings}


def test_what_was_remembered_is_not_forgotten_by_a_verification_that_finds_an_attack(
    scene: Scene,
) -> None:
    scene.trust()
    before = read_trusted(scene.registry)
    scene.write(scene.edited())
    assert not scene.report().is_sound
    assert read_trusted(scene.registry) == before
