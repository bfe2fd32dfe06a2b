"""One set of rules: what validate says of a library is what add, release and a review say of it."""

import json
from pathlib import Path

import pytest

from tests.installed import opsteps
from tests.registry.making import complete_files, encode, files, git, step, write_files

BROKEN = {
    "link-broken": {"docs/README.md": b"# Kit\n\n[gone](gone.md)\n"},
    "link-outside": {"docs/README.md": b"# Kit\n\n[out](../../out.md)\n"},
    "file-binary": {"docs/tool.bin": b"\x7fELF\x02\x01\x01\0"},
    "file-archive": {"docs/all.dat": b"PK\x03\x04"},
}


def _lines(said: str, kind: str = " error: ") -> set[str]:
    """The problems in an output, without where the library is and without places."""
    return {line.split(kind)[1] for line in said.splitlines() if kind in line}


@pytest.mark.parametrize("rule", BROKEN)
def test_every_way_in_refuses_the_same_content(tmp_path: Path, rule: str) -> None:
    opsteps(tmp_path, "init", "registry")
    content = complete_files(extra=BROKEN[rule])
    write_files(tmp_path / "kit", content)
    registry = tmp_path / "registry"
    first = _lines(opsteps(tmp_path, "validate", "kit", expect=1))
    assert [text for text in first if f"({rule})" in text]
    assert _lines(opsteps(tmp_path, "add", "kit", "-r", registry, expect=1)) == first
    # Somebody commits it by hand, and asks for a review, or for its release.
    git(registry, "branch", "before")
    write_files(registry / "libraries/file-tools/1.0.0", content)
    (registry / "libraries/file-tools/library.yaml").write_text("owners: [ada]\n")
    git(registry, "add", "-A")
    git(registry, "commit", "-qm", "By hand")
    reviewed = opsteps(tmp_path, "validate", "-r", registry, "--base", "before", expect=1)
    assert first <= _lines(reviewed)
    said = opsteps(tmp_path, "release", "file-tools", "-r", registry, expect=1)
    assert f"({rule})" in said
    assert not git(registry, "tag")


def test_an_install_stays_generous(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "registry")
    write_files(tmp_path / "kit", complete_files(extra=BROKEN["link-broken"]))
    opsteps(tmp_path, "install", "kit", "-r", "registry")


def _both_kinds(tmp_path: Path) -> Path:
    """A library with an ordinary error, and without what the policy demands."""
    lacking = files(author="", extra={"docs/README.md": b"# Kit\n\n[gone](gone.md)\n"})
    lacking["steps/copy.json"] = encode(step(inputs=11))
    return write_files(tmp_path / "kit", lacking)


def test_what_the_policy_demands_is_told_beside_ordinary_errors(tmp_path: Path) -> None:
    _both_kinds(tmp_path)
    opsteps(tmp_path, "init", "registry")
    added = opsteps(tmp_path, "add", "kit", "-r", "registry", expect=1)
    for rule in ("author-missing", "permissions-missing", "tests-missing", "link-broken"):
        assert f"({rule}" in added, rule
    assert "schema-maximum" in added
    validated = opsteps(tmp_path, "validate", "kit", "-r", "registry", expect=1)
    assert _lines(validated) == _lines(added)


def test_validate_says_whose_policy_it_used(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "registry")
    registry = tmp_path / "registry"
    (registry / "docs").mkdir()
    library = write_files(tmp_path / "kit", files())
    said = f"Checked by the policy of the registry {registry}"
    alone = opsteps(tmp_path, "validate", library)
    assert "policy" not in alone
    assert "A registry may demand more: name it with --registry" in alone
    for held in (
        opsteps(tmp_path, "validate", library, "-r", registry, expect=1),
        opsteps(registry / "docs", "validate", library, expect=1),
        opsteps(tmp_path, "validate", library, env={"OPSTEPS_REGISTRY": str(registry)}, expect=1),
    ):
        assert said in held
        assert "(permissions-missing" in held
    assert "policy" not in opsteps(tmp_path, "validate", registry)
    opsteps(tmp_path, "validate", registry, "-r", registry, expect=2)
    opsteps(tmp_path, "validate", library, "-r", tmp_path / "nowhere", expect=3)
    assert json.loads(opsteps(tmp_path, "validate", library, "--json")) == []


def test_licence_that_the_registry_does_not_take_is_refused_by_add(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "registry")
    registry = tmp_path / "registry"
    facts = registry / "registry.yaml"
    text = facts.read_text()
    assert "licenses: []" in text
    facts.write_text(text.replace("licenses: []", "licenses: [Apache-2.0]"))
    git(registry, "commit", "-qam", "Take one licence only")
    write_files(tmp_path / "kit", complete_files())
    for command in ("add", "validate"):
        said = opsteps(tmp_path, command, "kit", "-r", registry, expect=1)
        assert "(license-refused at /license); choose one of Apache-2.0" in said
