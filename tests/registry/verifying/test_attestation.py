"""Where a registry declares instance keys, what only its operators may do is signed by one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry.errors import ConflictError
from registry.formats.library_file import facts_bytes
from registry.formats.model import Deprecation, LibraryFacts, Removal, Yank
from registry.names import CommitId, LibraryName
from registry.signing.private_keys import PrivateKey, parse_private_key
from registry.transactions.transaction import Actor
from registry.trust.report import Attack, CheckName, CheckState
from registry.verifying.attestation import attest
from registry.verifying.two_heads import judge_between
from tests.registry.making import NAME, files, git, new_registry, put
from tests.registry.verifying.scene import (
    OTHER,
    TOOLS,
    Scene,
    found,
    new_key,
    new_key_text,
    registry_yaml,
    states,
)

FORGED = Attack.FORGED_OPERATION
INSTANCE = f"instances/production/{TOOLS}.yaml"


def write_facts(
    scene: Scene,
    name: LibraryName = TOOLS,
    *,
    key: PrivateKey | None = None,
    operation: str = "x",
    **changes: object,
) -> CommitId:
    facts = replace(scene.facts(name), **changes)  # type: ignore[arg-type]
    path = f"libraries/{name}/library.yaml"
    return scene.write({path: facts_bytes(facts)}, operation=operation, key=key)


def unyank(scene: Scene, key: PrivateKey | None = None) -> CommitId:
    return write_facts(scene, OTHER, operation="unyank", yanked={}, key=key)


def uninstall(scene: Scene, key: PrivateKey | None = None) -> CommitId:
    raw = facts_bytes(replace(scene.facts(), state="uninstalled"))
    gone = (f"libraries/{TOOLS}/1.0.0", f"libraries/{TOOLS}/1.1.0")
    path = f"libraries/{TOOLS}/library.yaml"
    return scene.write({path: raw}, removed=gone, operation="uninstall", key=key)


def remove_one(scene: Scene, key: PrivateKey | None = None) -> CommitId:
    facts = scene.facts()
    entry = Removal(
        digest=facts.ledger["1.0.0"].digest, date="2026-01-01T00:00:00Z", by="x", request="r"
    )
    raw = facts_bytes(replace(facts, removed={"1.0.0": entry}))
    path, gone = f"libraries/{TOOLS}/library.yaml", (f"libraries/{TOOLS}/1.0.0",)
    return scene.write({path: raw}, removed=gone, operation="remove-release", key=key)


def undeprecate(scene: Scene, key: PrivateKey | None = None) -> CommitId:
    write_facts(scene, deprecated=Deprecation(reason="old"), operation="deprecate")
    return write_facts(scene, deprecated=None, operation="undeprecate", key=key)


Doing = Callable[[Scene, PrivateKey | None], CommitId]
ACTS = [
    pytest.param(unyank, id="unyank"),
    pytest.param(undeprecate, id="undeprecate"),
    pytest.param(uninstall, id="uninstall"),
    pytest.param(remove_one, id="remove one version"),
    pytest.param(lambda s, key: write_facts(s, owners=("mallory",), key=key), id="change owners"),
    pytest.param(
        lambda s, key: s.write({INSTANCE: b"enabled: false\n"}, operation="disable", key=key),
        id="disable",
    ),
    pytest.param(
        lambda s, key: s.write({INSTANCE: b"active: 1.0.0\n"}, operation="rollback", key=key),
        id="roll back",
    ),
]


@pytest.mark.parametrize("do", ACTS)
def test_an_act_is_found_unless_a_declared_key_signed_it(scene: Scene, do: Doing) -> None:
    before = scene.registry.head()
    good = do(scene, scene.keys.instance)
    assert scene.report().findings == ()
    assert judge_between(scene.registry, before, good, remembered={}).findings == ()
    git(scene.path, "update-ref", "HEAD", before)
    for key in (None, scene.keys.stranger):
        head = do(scene, key)
        (finding,) = scene.report().findings
        assert finding.attack in {FORGED, Attack.ROLLBACK}
        assert "no declared key attests it" in finding.what
        assert head in finding.evidence
        assert "--key" in finding.next_step
        (same,) = judge_between(scene.registry, before, head, remembered={}).findings
        assert same.identity == finding.identity
        git(scene.path, "update-ref", "HEAD", before)


def test_a_key_that_is_declared_later_binds_nothing_before_it(scene: Scene, tmp_path: Path) -> None:
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        made = replace(scene, registry=registry)
        facts = made.facts(NAME)
        made.write({f"libraries/{NAME}/library.yaml": facts_bytes(replace(facts, owners=("b",)))})
        made.write({"registry.yaml": registry_yaml(scene.keys)})
        report = made.report(made.wishes(pinned=False))
        assert states(report)[CheckName.ATTESTED] is CheckState.OK
        assert any("the owners became b" in note for note in report.notes)
        made.write({f"libraries/{NAME}/library.yaml": facts_bytes(replace(facts, owners=("c",)))})
        found(made.report(made.wishes(pinned=False)), CheckName.ATTESTED, FORGED, NAME)


def test_without_keys_what_was_taken_back_is_a_note(tmp_path: Path, scene: Scene) -> None:
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        made = replace(scene, registry=registry)
        path = f"libraries/{NAME}/library.yaml"
        facts = made.facts(NAME)
        raw = facts_bytes(facts)
        made.write({path: raw + b'yanked:\n  1.0.0:\n    reason: "bad"\n'}, operation="yank")
        made.write({path: raw}, operation="unyank")
        made.write({"instances/production/x.yaml": b"enabled: false\n"})
        report = made.report(made.wishes(pinned=False))
        assert report.findings == ()
        assert states(report)[CheckName.ATTESTED] is CheckState.NOT_CHECKABLE
        assert any("1 yank was taken back by the unattested commit" in n for n in report.notes)
        assert any("changed without an operation" in note for note in report.notes)


def merge(scene: Scene, tree: str, *parents: str) -> str:
    listed = [part for parent in parents for part in ("-p", parent)]
    made = git(scene.path, "commit-tree", f"{tree}^{{tree}}", *listed, "-m", "Merge")
    git(scene.path, "update-ref", "HEAD", made)
    return made


def test_a_merge_takes_over_what_was_attested_on_its_other_side(scene: Scene) -> None:
    base = scene.registry.head()
    good = unyank(scene, scene.keys.instance)
    git(scene.path, "update-ref", "HEAD", base)
    side = scene.write({"x.md": b"x"})
    head = merge(scene, good, side, good)
    assert scene.report().findings == ()
    new = CommitId(head)
    assert judge_between(scene.registry, good, new, remembered={}).findings == ()


def test_a_merge_that_takes_over_what_nobody_attested_is_found_once(scene: Scene) -> None:
    base = scene.registry.head()
    bad = unyank(scene)
    git(scene.path, "update-ref", "HEAD", base)
    side = scene.write({"x.md": b"x"})
    merge(scene, bad, side, bad)
    (finding,) = scene.report().findings
    assert bad in finding.evidence


def test_a_merge_cannot_bring_back_what_was_attested_and_taken_back_since(scene: Scene) -> None:
    """The yank was taken back once, by who may; then it was set anew, which a merge drops."""
    open_ = unyank(scene, scene.keys.instance)
    again = write_facts(scene, OTHER, yanked={"2.0.0": Yank(reason="again")}, operation="yank")
    head = merge(scene, open_, again, open_)
    finding = found(scene.report(), CheckName.YANKS, Attack.ROLLBACK, "other-tools 2.0.0")
    assert head in finding.evidence


def test_a_signed_merge_attests_what_it_brings_in(scene: Scene, tmp_path: Path) -> None:
    text = new_key_text()
    keys = replace(scene.keys, instance=parse_private_key(text))
    base = scene.write(scene.signed_registry(registry_yaml(keys)))
    bad = unyank(scene)
    git(scene.path, "update-ref", "HEAD", base)
    key = tmp_path / "key"
    key.write_bytes(text)
    key.chmod(0o600)
    made = git(
        scene.path,
        *("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}"),
        *("commit-tree", f"{bad}^{{tree}}", "-S", "-p", base, "-p", bad, "-m", "Merge"),
    )
    git(scene.path, "update-ref", "HEAD", made)
    assert scene.report().findings == ()


def test_a_branch_from_before_the_keys_brings_in_nothing_unsigned(scene: Scene) -> None:
    """Neither order of the parents helps: on its own side there were no keys yet."""
    head = scene.registry.head()
    early = git(scene.path, "rev-list", "--max-parents=0", "HEAD")
    git(scene.path, "update-ref", "HEAD", early)
    evil = scene.write({INSTANCE: b"enabled: false\n"}, operation="disable")
    git(scene.path, "read-tree", head)
    git(scene.path, "read-tree", "--prefix=instances", f"{evil}:instances")
    tree = git(scene.path, "write-tree")
    for parents in ((head, evil), (evil, head)):
        merge(scene, tree, *parents)
        finding = found(scene.report(), CheckName.ATTESTED, FORGED)
        assert "instances/production" in finding.what


def declaring_early(scene: Scene) -> CommitId:
    """On a branch from before there were keys, where a first declaration is bound by nothing."""
    git(scene.path, "update-ref", "HEAD", git(scene.path, "rev-list", "--max-parents=0", "HEAD"))
    evil = replace(scene.keys, instance=scene.keys.stranger)
    return scene.write({"registry.yaml": registry_yaml(evil)})


def signed_commit(scene: Scene, tree: str, text: str, *parents: str) -> CommitId:
    """A commit of any parents that the stranger signs."""
    who = "x <x@x> 1700000000 +0000"
    listed = "".join(f"parent {parent}\n" for parent in parents)
    tree = git(scene.path, "rev-parse", f"{tree}^{{tree}}")
    raw = f"tree {tree}\n{listed}author {who}\ncommitter {who}\n\n{text}\n".encode()
    signature = Actor(name="x", key=scene.keys.stranger).sign(raw)
    folded = "\n ".join(signature.strip().splitlines())
    whole = raw.replace(b"\n\n", f"\ngpgsig {folded}\n\n".encode(), 1)
    made = git(scene.path, "hash-object", "-t", "commit", "-w", "--stdin", stdin=whole)
    git(scene.path, "update-ref", "HEAD", made)
    return CommitId(made)


@pytest.mark.parametrize("order", [1, -1])
def test_a_stranger_who_declares_their_key_early_attests_nothing(scene: Scene, order: int) -> None:
    """Its own side believes it; the side that has declared keys never did."""
    main = scene.registry.head()
    early = declaring_early(scene)
    disabled = scene.write(
        {INSTANCE: b"enabled: false\n"}, operation="disable", key=scene.keys.stranger
    )
    git(scene.path, "read-tree", main)
    git(scene.path, "read-tree", "--prefix=instances", f"{disabled}:instances")
    tree = git(scene.path, "write-tree")
    signed_commit(scene, tree, "Merge", *[main, disabled][::order])
    assert "instances/production" in found(scene.report(), CheckName.ATTESTED, FORGED).what
    git(scene.path, "update-ref", "HEAD", main)
    bad = unyank(scene)
    text = f"Attest\n\nOperation: attest\nActor: x\nRequest-Id: r\nAttests: {bad}"
    signed_commit(scene, bad, text, *[bad, early][::order])
    assert any(bad in finding.evidence for finding in scene.report().findings)
    keyed = signed_commit(scene, early, "Merge", *[bad, early][::order])
    text = text.replace(bad, f"{bad}\nAttests: {keyed}")
    signed_commit(scene, early, text, keyed)
    kept = [finding for finding in scene.report().findings if "instance keys" in finding.what]
    assert kept


def test_a_stale_branch_takes_over_what_was_done_before_there_were_keys(
    scene: Scene, tmp_path: Path
) -> None:
    with new_registry(tmp_path / "r") as registry:
        put(registry, files())
        made = replace(scene, registry=registry)
        stale = git(registry.path, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "stale")
        facts = made.facts(NAME)
        made.write({f"libraries/{NAME}/library.yaml": facts_bytes(replace(facts, owners=("b",)))})
        head = made.write({"registry.yaml": registry_yaml(scene.keys)})
        for parents in ((head, stale), (stale, head)):
            merge(made, head, *parents)
            report = made.report(made.wishes(pinned=False))
            assert states(report)[CheckName.ATTESTED] is CheckState.OK


def test_a_removed_key_signs_nothing_any_more(scene: Scene) -> None:
    """What it signed before still counts; a branch from before its removal does not help."""
    old, new = scene.keys.instance, new_key()
    unyank(scene, old)
    before = scene.registry.head()
    keys = replace(scene.keys, instance=new)
    rotated = scene.write(scene.signed_registry(registry_yaml(keys)), key=old)
    assert scene.report().findings == ()
    scene.write({INSTANCE: b"enabled: false\n"}, operation="disable", key=old)
    found(scene.report(), CheckName.ATTESTED, FORGED)
    git(scene.path, "update-ref", "HEAD", before)
    stolen = scene.write({INSTANCE: b"enabled: false\n"}, operation="disable", key=old)
    git(scene.path, "read-tree", rotated)
    git(scene.path, "read-tree", "--prefix=instances", f"{stolen}:instances")
    head = CommitId(merge(scene, git(scene.path, "write-tree"), rotated, stolen))
    found(scene.report(), CheckName.ATTESTED, FORGED)
    assert judge_between(scene.registry, rotated, head, remembered={}).findings


def test_keys_are_changed_by_a_declared_key_or_an_administrator(scene: Scene) -> None:
    before = scene.registry.head()
    raw = registry_yaml(replace(scene.keys, instance=scene.keys.stranger))
    scene.write(scene.signed_registry(raw))
    assert scene.report().findings == ()  # an administrator signed it
    unpinned = scene.wishes(pinned=False)
    finding = found(scene.report(unpinned), CheckName.ATTESTED, FORGED)
    assert "the instance keys" in finding.what
    git(scene.path, "update-ref", "HEAD", before)
    scene.write(scene.signed_registry(raw), key=scene.keys.instance)
    assert scene.report(unpinned).findings == ()


def test_an_old_file_that_an_administrator_signed_does_not_take_keys_away(scene: Scene) -> None:
    was = {
        name: git(scene.path, "show", f"HEAD:{name}").encode() + b"\n"
        for name in ("registry.yaml", "registry.yaml.sig")
    }
    scene.write(scene.signed_registry(registry_yaml(replace(scene.keys, instance=new_key()))))
    assert scene.report().findings == ()
    scene.write(was)
    found(scene.report(), CheckName.ATTESTED, FORGED)


def test_an_uninstalled_library_has_no_release_left(scene: Scene) -> None:
    """Whoever signed it: `state` excuses a removal only where everything is gone."""
    facts: LibraryFacts = replace(scene.facts(), state="uninstalled")
    scene.write(
        {f"libraries/{TOOLS}/library.yaml": facts_bytes(facts)},
        removed=(f"libraries/{TOOLS}/1.0.0",),
        operation="uninstall",
        key=scene.keys.instance,
    )
    report = scene.report()
    altered = Attack.ALTERED_RELEASE
    found(report, CheckName.EDITS, altered, "file-tools 1.0.0", "was removed")
    found(report, CheckName.EDITS, altered, "file-tools 1.1.0", "said to be uninstalled")


@pytest.mark.parametrize("do", ACTS)
def test_attesting_later_heals_every_clone(scene: Scene, do: Doing) -> None:
    before = scene.registry.head()
    bad = do(scene, None)
    assert len(scene.report().findings) == 1
    by = Actor(name="olga", key=scene.keys.instance)
    head = attest(scene.registry, [bad], by=by)
    assert git(scene.path, "rev-parse", f"{head}^{{tree}}") == git(
        scene.path, "rev-parse", f"{bad}^{{tree}}"
    )
    assert scene.report().findings == ()
    assert judge_between(scene.registry, before, head, remembered={}).findings == ()


def test_only_a_declared_key_attests_and_only_what_is_there(scene: Scene) -> None:
    bad = unyank(scene)
    for key in (None, scene.keys.stranger):
        with pytest.raises(ConflictError, match="nobody would believe it"):
            attest(scene.registry, [bad], by=Actor(name="x", key=key))
    side = git(scene.path, "commit-tree", "HEAD^{tree}", "-m", "elsewhere")
    by = Actor(name="x", key=scene.keys.instance)
    with pytest.raises(ConflictError, match="not in the history"):
        attest(scene.registry, [CommitId(side)], by=by)
    text = f"Attest it\n\nOperation: attest\nActor: x\nRequest-Id: r\nAttests: {bad}"
    forged = git(scene.path, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", text)
    git(scene.path, "update-ref", "HEAD", forged)
    assert len(scene.report().findings) == 1


def test_attesting_does_not_make_a_yank_vanish_without_an_unyank(scene: Scene) -> None:
    bad = write_facts(scene, OTHER, yanked={})
    attest(scene.registry, [bad], by=Actor(name="x", key=scene.keys.instance))
    found(scene.report(), CheckName.YANKS, Attack.ROLLBACK, "other-tools 2.0.0")
