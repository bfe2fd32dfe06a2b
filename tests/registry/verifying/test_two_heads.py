"""What came between two heads is judged as a whole history is, and without reading the rest."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry.formats.library_file import facts_bytes
from registry.names import CommitId
from registry.publishing.add import add_release
from registry.publishing.release import release
from registry.publishing.withdraw import unyank, yank
from registry.snapshots.registry import Registry
from registry.trust.evidence import Release
from registry.trust.report import CheckName
from registry.verifying.tag_evidence import read_tags
from registry.verifying.two_heads import HeadJudgement, Remembered, judge_between
from registry.versions import parse_version
from tests.growth import LINEAR, growth
from tests.registry.making import files, git, new_registry
from tests.registry.verifying.scene import ACME, OTHER, TOOLS, Scene

Tamper = Callable[[Scene], object]


def served(scene: Scene) -> dict[Release, Remembered]:
    return {
        release: Remembered(tag=tag.object_id, digest=tag.digest)
        for release, tag in read_tags(scene.registry.repository).items()
        if tag.digest is not None
    }


def judged(
    scene: Scene, old: CommitId, known: dict[Release, Remembered], *, all_tags: bool = False
) -> HeadJudgement:
    return judge_between(
        scene.registry, old, scene.registry.head(), remembered=known, all_tags=all_tags
    )


def without_yank(scene: Scene) -> object:
    return scene.write_facts(replace(scene.facts(OTHER), yanked={}), OTHER)


def without_entry(scene: Scene) -> object:
    facts = scene.facts()
    return scene.write_facts(replace(facts, ledger={"1.1.0": facts.ledger["1.1.0"]}))


def moved_together(scene: Scene) -> None:
    """Files, ledger and tag all say the same, as a stranger made them."""
    scene.write(scene.edited())
    scene.edit_entry("1.0.0", digest="a" * 64)
    scene.tag(f"{TOOLS}/v1.0.0", digest="a" * 64)


def entry(scene: Scene, mode: str, path: str) -> object:
    """A commit with one more entry, of any mode, in a registry that is checked out."""
    target = (
        scene.registry.head()
        if mode == "160000"
        else git(scene.path, "hash-object", "-w", "--stdin", stdin=b"/etc")
    )
    git(scene.path, "read-tree", "HEAD")
    git(scene.path, "update-index", "--add", "--cacheinfo", f"{mode},{target},{path}")
    return git(scene.path, "commit", "-q", "-m", "x")


@pytest.mark.parametrize(
    ("check", "tamper"),
    [
        pytest.param(CheckName.EDITS, lambda s: s.write(s.edited()), id="edited release"),
        pytest.param(
            CheckName.EDITS,
            lambda s: (s.write(s.edited()), s.write(s.original())),
            id="edited and put back",
        ),
        pytest.param(CheckName.TAGS, moved_together, id="ledger and tag made to agree"),
        pytest.param(
            CheckName.LEDGERS,
            lambda s: s.edit_entry("1.0.0", date="2020-01-01T00:00:00Z"),
            id="ledger date",
        ),
        pytest.param(CheckName.LEDGERS, without_entry, id="ledger entry removed"),
        pytest.param(CheckName.YANKS, without_yank, id="yank dropped"),
        pytest.param(
            CheckName.EDITS,
            lambda s: s.write({}, removed=(f"libraries/{TOOLS}/1.0.0",)),
            id="version removed",
        ),
        pytest.param(
            CheckName.LEDGERS,
            lambda s: s.write({}, removed=(f"libraries/{TOOLS}",)),
            id="library deleted whole",
        ),
        pytest.param(
            CheckName.TREES,
            lambda s: entry(s, "120000", "libraries/evil-tools"),
            id="library is a link",
        ),
        pytest.param(
            CheckName.TREES,
            lambda s: entry(s, "160000", f"libraries/{TOOLS}/9.0.0"),
            id="version is a submodule",
        ),
        pytest.param(
            CheckName.TREES,
            lambda s: s.write({"instances/a/.gitmodules": b"[submodule]\n"}),
            id="submodules are named",
        ),
    ],
)
def test_what_a_commit_tampers_with_is_found(
    scene: Scene, check: CheckName, tamper: Tamper
) -> None:
    known, old = served(scene), scene.registry.head()
    assert judged(scene, old, known).findings == ()
    tamper(scene)
    found = judged(scene, old, known).findings
    assert check in {finding.check for finding in found}
    assert all(finding.next_step for finding in found)
    assert check in {finding.check for finding in scene.report().findings}


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda s: s.tag(f"{TOOLS}/v1.0.0"), id="moved"),
        pytest.param(lambda s: git(s.path, "tag", "-d", f"{TOOLS}/v1.0.0"), id="deleted"),
        pytest.param(
            lambda s: s.tag(
                f"{TOOLS}/v1.0.0", commit=git(s.path, "rev-parse", f"{TOOLS}/v1.0.0^{{commit}}")
            ),
            id="made anew with other notes",
        ),
        pytest.param(lambda s: s.tag("nobodys-tools/v1.0.0"), id="of an unknown library"),
        pytest.param(lambda s: s.tag(f"{TOOLS}/v9.9.9"), id="of an unknown version"),
    ],
)
def test_tags_that_changed_are_found_while_the_head_stays(scene: Scene, tamper: Tamper) -> None:
    known, old = served(scene), scene.registry.head()
    tamper(scene)
    found = judged(scene, old, known, all_tags=True).findings
    assert {finding.check for finding in found} == {CheckName.TAGS}
    assert judged(scene, old, known).findings == ()  # nothing changed, and not all were asked for


def test_a_history_that_does_not_descend_is_found(scene: Scene) -> None:
    known, old = served(scene), scene.registry.head()
    git(scene.path, "update-ref", "HEAD", "HEAD~1")
    assert {f.check for f in judged(scene, old, known).findings} == {CheckName.DESCENT}
    scene.write({"x.md": b"x"})
    assert {f.check for f in judged(scene, old, known).findings} == {CheckName.DESCENT}


def test_what_operations_do_is_no_finding(scene: Scene) -> None:
    known, old = served(scene), scene.registry.head()
    by = replace(ACME, key=scene.keys.instance)
    added = add_release(scene.registry, files(TOOLS, "1.2.0"), by=by)
    release(scene.registry, TOOLS, added.version, by=by, signer=scene.keys.publisher)
    version = parse_version("1.0.0")
    yank(scene.registry, TOOLS, version, reason="x", by=by)
    unyank(scene.registry, TOOLS, version, by=by)
    assert judged(scene, old, known).findings == ()
    assert judged(scene, old, known, all_tags=True).findings == ()
    assert judged(scene, old, {}, all_tags=True).findings == ()  # nothing is remembered yet


def test_a_version_comes_back_as_it_was_and_only_so(scene: Scene) -> None:
    """It was removed before the older head: only its tag says what it was."""
    facts = replace(scene.facts(), state="uninstalled")
    scene.write(
        {f"libraries/{TOOLS}/library.yaml": facts_bytes(facts)},
        removed=(f"libraries/{TOOLS}/1.0.0", f"libraries/{TOOLS}/1.1.0"),
        operation="uninstall",
    )
    known, old = served(scene), scene.registry.head()
    content = files(TOOLS, extra={"docs/CHANGELOG.md": b"# 1.0.0\n"})
    back = {f"libraries/{TOOLS}/1.0.0/{path}": raw for path, raw in content.items()}
    scene.write(back)
    assert judged(scene, old, known).findings == ()
    scene.write(scene.edited())
    assert {f.check for f in judged(scene, old, known).findings} == {CheckName.EDITS}


def test_a_branch_from_before_an_unyank_is_merged_after_it(scene: Scene) -> None:
    base = scene.registry.head()
    by = replace(ACME, key=scene.keys.instance)
    unyank(scene.registry, OTHER, parse_version("2.0.0"), by=by)
    known, old = served(scene), scene.registry.head()
    side = git(scene.path, "commit-tree", f"{base}^{{tree}}", "-p", base, "-m", "side")
    merge = git(
        scene.path, *("commit-tree", f"{old}^{{tree}}", "-p", old, "-p", side, "-m", "Merge")
    )
    git(scene.path, "update-ref", "HEAD", merge)
    assert judged(scene, old, known).findings == ()


def test_tags_that_come_after_the_head_are_no_finding(scene: Scene) -> None:
    """Fetched, or being made right now: the tag moves before the branch."""
    known, old = served(scene), scene.registry.head()
    scene.forge_release("9.0.0")
    git(scene.path, "update-ref", "HEAD", old)
    assert judged(scene, old, known, all_tags=True).findings == ()


def test_it_costs_what_changed_and_not_the_registry(tmp_path: Path) -> None:
    heads = {size: many(tmp_path / str(size), size) for size in (100, 800)}

    def judge(size: int) -> None:
        registry, old = heads[size]
        (note,) = judge_between(registry, old, registry.head(), remembered={}).notes
        assert "the owners became zoe" in note

    assert growth(judge, 100) < LINEAR / 8
    for registry, _ in heads.values():
        registry.close()


def many(path: Path, size: int) -> tuple[Registry, CommitId]:
    """A registry of so many libraries, and its head before one of them changed."""
    registry = new_registry(path)
    head = registry.head()
    put_many(registry, [f"lib-x{number}x" for number in range(size)], "ada")
    before = registry.head()
    put_many(registry, ["lib-x0x"], "zoe")
    assert before != head
    return registry, before


def put_many(registry: Registry, names: list[str], owner: str) -> None:
    facts = f"owners: [{owner}]\nledger: {{}}\n"
    rows = [f"commit {registry.branch}\ncommitter a <a@b> 1700000000 +0000\ndata 1\nx\n"]
    rows.append(f"from {registry.head()}\n")
    for name in names:
        for path in ("library.yaml", "1.0.0/manifest.json", "1.0.0/steps/a.json"):
            rows.append(f"M 100644 inline libraries/{name}/{path}\n")
            rows.append(f"data {len(facts)}\n{facts}\n")
    git(registry.path, "fast-import", "--quiet", "--force", stdin="".join(rows).encode())
