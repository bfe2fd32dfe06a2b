from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.quality.facts import CHANGELOG, README, QualityFacts, facts_of
from builder.quality.model import Scored
from builder.quality.page import quality_page
from builder.quality.scoring import CRITERIA, TOTAL, score
from builder.quality.trust_criteria import age_step
from registry.advisories.matching import hits_of
from registry.advisories.reading import NO_ADVISORIES
from registry.checks.release import check_release
from registry.formats.model import ReleaseContent
from registry.sources.release_source import read_source
from tests.registry.making import NAME, files, new_registry, put

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted(ROOT.glob("examples/registry/libraries/*/*/manifest.json"))
NOW = "2026-01-01T00:00:00Z"
GOOD_STEP = {
    "parameters": {
        "source": {"type": "file", "required": True, "description": "What is copied."},
        "mode": {
            "type": "string",
            "description": "As digits.",
            "validation": {"pattern": "[0-7]+"},
        },
    },
    "examples": [{"name": "One", "parameters": {"source": "/a", "mode": "644"}}],
    "required_permissions": ["file_read"],
    "permissions": {"filesystem": {"read": ["{source}"]}},
    "returns": {"type": "object"},
}


def content(step: dict[str, Any] | None = None, **fields: Any) -> ReleaseContent:
    base = {"required_permissions": ["file_read"]}
    made = files(step_fields={**GOOD_STEP, **(step or {})}, **{**base, **fields})
    checked = check_release(made, strict=False)
    assert checked.content is not None, checked.problems
    return checked.content


def facts(step: dict[str, Any] | None = None, **changes: Any) -> QualityFacts:
    about = {key: changes.pop(key) for key in tuple(changes) if key in _FACTS}
    base: dict[str, Any] = {
        "content": content(step, **changes),
        "as_of": NOW,
        "newest": "2025-12-01T00:00:00Z",
        "signed": True,
        "has_tests": True,
        "documents": {README: b"# Title\n" + b"word " * 100, CHANGELOG: b"## 1.0.0\n\nFirst.\n"},
    }
    return QualityFacts(**{**base, **about})


_FACTS = frozenset(QualityFacts.__dataclass_fields__)


def criterion(key: str, given_facts: QualityFacts) -> Scored:
    return next(item for item in score(given_facts).criteria if item.key == key)


def test_a_library_that_lacks_nothing_has_all_points() -> None:
    quality = score(facts())
    assert [item.key for item in quality.criteria if item.improve] == []
    assert quality.points == TOTAL


def test_the_weights_make_100_and_the_page_in_docs_is_written_from_them() -> None:
    assert sum(item.possible for item in CRITERIA) == TOTAL
    assert len({item.key for item in CRITERIA}) == len(CRITERIA)
    assert (ROOT / "docs/quality.md").read_text(encoding="utf-8") == quality_page()


@pytest.mark.parametrize(
    ("key", "earned", "changes"),
    [
        ("readme", 0, {"documents": {}}),
        ("readme", 4, {"documents": {README: b"# Title\n" + b"word " * 50}}),
        ("readme", 0, {"documents": {README: b"# word" + b" word" * 200}}),
        ("changelog", 0, {"documents": {CHANGELOG: b"## 0.9.0\n\nOld.\n"}}),
        ("changelog", 0, {"documents": {CHANGELOG: b"## 1.0.0\n"}}),
        ("tests", 0, {"has_tests": False}),
        ("tests", 10, {"has_tests": False, "steps": [{"file": "steps/copy.json"}]}),
        ("licence", 3, {"license": "LicenseRef-Ours"}),
        ("licence", 0, {"license": "do what you want"}),
        ("signed", 0, {"signed": False}),
        ("maintained", 3, {"newest": "2024-12-01T00:00:00Z"}),
        ("maintained", 0, {"newest": "2023-12-01T00:00:00Z"}),
        ("maintained", 0, {"newest": None}),
        ("current", 0, {"yanked": True}),
        ("current", 0, {"deprecated": True}),
        ("dependencies", 2, {"dependencies": ["core>=1.0,<2", "other>=1.0"]}),
        ("dependencies", 0, {"python_requirements": ["requests==2.31.0"]}),
        ("dependencies", 4, {"python_requirements": [f"a==1 --hash=sha256:{'0' * 64}"]}),
        ("vulnerabilities", 0, {"advisories": ("OPS-2026-0001",)}),
        ("permissions", 7, {"required_permissions": ["file_read", "network"]}),
        ("permissions", 7, {"required_permissions": []}),
    ],
)
def test_what_is_missing_costs_points_and_says_what_would_bring_them(
    key: str, earned: int, changes: dict[str, Any]
) -> None:
    found = criterion(key, facts(**changes))
    assert found.earned == earned
    assert found.why
    assert bool(found.improve) is (earned < found.possible)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({"permissions": {"network": ["*"]}}, "any host"),
        ({"permissions": {"network": ["*:443"]}}, "any host"),
        ({"permissions": {"commands": ["*"]}}, "any command"),
        ({"permissions": {"environment": ["*"]}}, "any variable"),
        ({"permissions": {}}, "does not say for what"),
        (
            {"permissions": {"filesystem": {"read": ["{source}"], "write": ["/srv/x"]}}},
            "file_write",
        ),
        ({"required_permissions": ["file_system"], "permissions": {}}, "file_system"),
    ],
)
def test_wide_permissions_and_labels_that_disagree_cost_points(
    step: dict[str, Any], says: str
) -> None:
    found = criterion("permissions", facts(step))
    assert found.earned < found.possible
    assert says in found.why


def test_a_step_without_an_executor_that_declares_nothing_earns_nothing() -> None:
    silent: dict[str, Any] = {"permissions": {}, "required_permissions": []}
    bare: dict[str, Any] = {"required_permissions": [], "steps": [{"file": "steps/copy.json"}]}
    found = criterion("permissions", facts(silent, **bare))
    assert found.earned == 0
    assert found.why == "file.copy declares nothing"
    assert "limits of a run" in found.improve
    said = {**silent, "permissions": {"limits": {"wall_seconds": 5}}}
    assert criterion("permissions", facts(said, **bare)).earned == found.possible
    # With an executor it is given nothing when it runs, so that is what it asks for.
    assert criterion("permissions", facts(silent, required_permissions=[])).earned == found.possible


@pytest.mark.parametrize(
    "examples",
    [
        [],
        [{"name": "No source", "parameters": {}}],
        [{"name": "Unknown", "parameters": {"source": "/a", "other": 1}}],
        [{"name": "Pattern", "parameters": {"source": "/a", "mode": "rwx"}}],
        [{"name": "Good", "parameters": {"source": "/a"}}, {"name": "Bad", "parameters": {}}],
    ],
)
def test_examples_that_the_step_refuses_count_for_nothing(examples: list[Any]) -> None:
    good = content()
    given_step = good.steps[0]
    bad = type(given_step)(
        **{
            **{name: getattr(given_step, name) for name in given_step.__dataclass_fields__},
            "examples": tuple(type(given_step.examples[0])(**example) for example in examples),
        }
    )
    changed = ReleaseContent(manifest=good.manifest, steps=(bad,))
    assert criterion("examples", facts(content=changed)).earned == 0


def test_a_description_that_repeats_the_name_is_none() -> None:
    parameters = {
        "source": {"type": "file", "description": "Source."},
        "mode": {"type": "string"},
    }
    found = criterion("described", facts({"parameters": parameters, "examples": []}))
    assert found.earned == 10 // 3
    assert "file.copy: source" in found.improve


def test_the_age_is_the_commit_s_and_not_the_clock_s() -> None:
    assert age_step("2025-06-01T00:00:00Z", NOW) == 0
    assert age_step("2024-06-01T00:00:00Z", NOW) == 1
    assert age_step("2001-01-01T00:00:00Z", NOW) == 2
    assert age_step("2030-01-01T00:00:00Z", NOW) == 0
    assert age_step("2025-02-31T00:00:00Z", NOW) == 2
    assert age_step(None, NOW) == 2


@given(
    readme=st.binary(max_size=2000),
    changelog=st.binary(max_size=2000),
    newest=st.none() | st.datetimes().map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ")),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_points_are_whole_and_within_bounds_whatever_the_facts(
    readme: bytes, changelog: bytes, newest: str | None, flags: tuple[bool, bool, bool, bool]
) -> None:
    signed, yanked, deprecated, has_tests = flags
    given_facts = facts(
        content=_CONTENT,
        documents={README: readme, CHANGELOG: changelog},
        newest=newest,
        signed=signed,
        yanked=yanked,
        deprecated=deprecated,
        has_tests=has_tests,
    )
    quality = score(given_facts)
    assert quality == score(given_facts)
    assert quality.points == sum(item.earned for item in quality.criteria)
    for item in quality.criteria:
        assert 0 <= item.earned <= item.possible
        assert (item.earned == item.possible) is (item.improve == "")


_CONTENT = content()


def test_the_facts_of_a_library_in_a_registry(tmp_path: Path) -> None:
    with new_registry(tmp_path / "registry") as registry:
        put(registry, files(extra={"tests/test_copy.py": b"def test() -> None: pass\n"}))
        snapshot = registry.snapshot()
        library = snapshot.library(NAME)
        found = facts_of(
            library,
            documents={},
            has_tests=True,
            signed=False,
            hits=hits_of(library, NO_ADVISORIES),
            as_of=snapshot.committed_at,
        )
        assert found is not None
        assert criterion("maintained", found).earned == 6
        assert criterion("vulnerabilities", found).earned == 10


@pytest.mark.parametrize("manifest", EXAMPLES, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_the_examples_of_this_project_lack_little(manifest: Path) -> None:
    release = read_source(manifest.parent)
    checked = check_release(release, strict=False).content
    assert checked is not None
    documents = {path[5:]: raw for path, raw in release.items() if path.startswith("docs/")}
    quality = score(facts(content=checked, documents=documents))
    assert quality.points >= 90, [item for item in quality.criteria if item.improve]
