import json
import os
import pty
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version as PythonVersion

from builder.auditing.audit import Question, audit
from builder.auditing.errors import AdvisorySourceError
from builder.auditing.git_grep import libraries_mentioning
from builder.auditing.model import AuditReport
from builder.auditing.pins import PinnedRequirement, read_requirements
from builder.auditing.python_advisories import read_python_advisories
from registry.advisories.checking import check_advisory
from registry.advisories.parsing import AdvisoryLimits
from registry.errors import LimitError, NotFoundError
from registry.names import LibraryName
from registry.snapshots import registry as snapshots
from registry.snapshots.library_loader import LibrarySource, load_libraries
from registry.snapshots.registry import Registry
from tests.installed import OPSTEPS
from tests.registry.making import commit_all, files, git, new_registry, put, step, write_files

ROOT = Path(__file__).resolve().parents[3]
HASH = f" --hash=sha256:{'0' * 64}"


def ours(*events: dict[str, str], name: str = "file-tools", number: int = 1) -> dict[str, Any]:
    return {
        "schema_version": "1.7.0",
        "id": f"OPS-2026-000{number}",
        "modified": "2026-01-02T03:04:05Z",
        "summary": "Copies outside of its folder",
        "database_specific": {"severity": "HIGH"},
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L"}],
        "affected": [
            {
                "package": {"ecosystem": "OpsConductor", "name": name},
                "ranges": [{"type": "SEMVER", "events": list(events)}],
                "ecosystem_specific": {"steps": ["file.copy"]},
            }
        ],
    }


def python(
    *events: dict[str, str], name: str = "requests", id_: str = "PYSEC-2026-1", **fields: Any
) -> dict[str, Any]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": name},
        "ranges": [
            {"type": "GIT", "repo": "https://x", "events": [{"introduced": "0"}]},
            {"type": "ECOSYSTEM", "events": list(events)},
        ],
        "versions": fields.pop("versions", []),
    }
    base = {"id": id_, "modified": "2026-01-01T00:00:00Z", "summary": "Leaks a token"}
    return {**base, "affected": [affected], **fields}


def publish(registry: Registry, *advisories: dict[str, Any]) -> None:
    git(registry.path, "reset", "-q", "--hard")
    content = {f"advisories/{a['id']}.yaml": json.dumps(a).encode() for a in advisories}
    write_files(registry.path, content)
    commit_all(registry.path)


def ask(
    registry: Registry, *sources: Path, library: str | None = None, **asked: Any
) -> AuditReport:
    name = LibraryName(library) if library else None
    question = Question(library=name, sources=sources, **asked)
    return audit(registry, registry.snapshot(), question)


def releases(found: AuditReport) -> list[tuple[str, str, str | None]]:
    return [
        (item.library, str(item.version), str(item.safe) if item.safe else None)
        for item in found.findings
    ]


def dump(folder: Path, content: dict[str, Any]) -> Path:
    encoded = {
        path: value if isinstance(value, bytes) else json.dumps(value).encode()
        for path, value in content.items()
    }
    return write_files(folder, encoded)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        for version, pin in (("1.0.0", "2.30.0"), ("1.1.0", "2.31.0"), ("1.2.0", "2.32.0")):
            put(made, files(version=version, python_requirements=[f"Requests=={pin}{HASH}"]))
        put(made, files("other-tools", dependencies=["file-tools>=1.0,<1.2"]))
        put(made, files("free-tools", dependencies=["file-tools>=1.0"]))
        yield made


def pin(registry: Registry, name: str, text: str) -> None:
    git(registry.path, "reset", "-q", "--hard")
    write_files(registry.path, {f"instances/production/{name}.yaml": text.encode()})
    commit_all(registry.path)


# Advisories about libraries


def test_only_active_releases_are_asked_about_unless_all_are(registry: Registry) -> None:
    publish(registry, ours({"introduced": "0"}, {"fixed": "1.2.0"}))
    assert releases(ask(registry)) == []
    found = ask(registry, all_releases=True)
    assert releases(found) == [("file-tools", "1.0.0", "1.2.0"), ("file-tools", "1.1.0", "1.2.0")]
    assert not found.is_hit


def test_the_pinned_release_that_is_hit_comes_first_and_counts(registry: Registry) -> None:
    publish(registry, ours({"introduced": "0"}, {"fixed": "1.2.0"}))
    pin(registry, "file-tools", "active: 1.1.0\n")
    found = ask(registry, all_releases=True)
    assert releases(found)[0] == ("file-tools", "1.1.0", "1.2.0")
    assert found.findings[0].is_pinned
    assert found.is_hit


def test_a_disabled_library_is_shown_and_does_not_count(registry: Registry) -> None:
    publish(registry, ours({"introduced": "1.2.0"}))
    pin(registry, "file-tools", "enabled: false\n")
    found = ask(registry)
    assert releases(found) == [("file-tools", "1.2.0", None)]
    assert not found.is_hit


def test_a_library_that_allows_only_what_is_hit_is_named(registry: Registry) -> None:
    publish(registry, ours({"introduced": "0"}, {"fixed": "1.2.0"}))
    (dependent,) = ask(registry).dependents
    assert dependent.library == "other-tools"
    assert [str(item) for item in dependent.allowed] == ["1.0.0", "1.1.0"]
    assert str(dependent.safe) == "1.2.0"


def test_a_dependency_written_in_escapes_is_found_all_the_same(registry: Registry) -> None:
    content = files("hidden-tools", dependencies=["file-tools<1.1"])
    escaped = content["manifest.json"].replace(b'"file-tools<', b'"\\u0066ile-tools<')
    put(registry, {**content, "manifest.json": escaped})
    publish(registry, ours({"introduced": "0"}, {"fixed": "1.2.0"}))
    assert {item.library for item in ask(registry).dependents} == {"hidden-tools", "other-tools"}


def test_one_library_is_asked_about(registry: Registry) -> None:
    other = ours({"introduced": "0"}, name="other-tools", number=2)
    publish(registry, ours({"introduced": "0"}), other)
    assert [item[0] for item in releases(ask(registry, library="other-tools"))] == ["other-tools"]
    with pytest.raises(NotFoundError):
        ask(registry, library="no-tools")


def test_only_libraries_that_may_be_hit_are_loaded(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(registry, ours({"introduced": "0"}))
    loaded: list[str] = []

    def spy(repository: Any, sources: Iterable[LibrarySource], limits: Any) -> Any:
        wanted = list(sources)
        loaded.extend(source.name for source in wanted)
        return load_libraries(repository, wanted, limits)

    put(registry, files("unrelated-tools"))
    monkeypatch.setattr(snapshots, "load_libraries", spy)
    assert ask(registry).is_hit
    assert "unrelated-tools" not in loaded
    assert "file-tools" in loaded


def test_mentions_are_found_when_no_manifest_has_them(registry: Registry) -> None:
    snapshot = registry.snapshot()
    assert libraries_mentioning(registry, snapshot, ["nobody-says-this"]) == frozenset()
    assert "other-tools" in libraries_mentioning(registry, snapshot, ["file-tools"])


# Advisories about Python packages


def test_a_requirement_is_hit_and_the_first_release_without_it_is_safe(
    registry: Registry, tmp_path: Path
) -> None:
    source = dump(tmp_path / "osv", {"a.json": python({"introduced": "0"}, {"fixed": "2.32.0"})})
    found = ask(registry, source, all_releases=True)
    assert releases(found) == [("file-tools", "1.0.0", "1.2.0"), ("file-tools", "1.1.0", "1.2.0")]
    hit = found.findings[0].hits[0]
    assert (hit.package, hit.steps, hit.cause) == ("requests 2.30.0", ("file.copy",), "python")


def test_what_one_kind_of_advisory_hits_is_not_safe_for_the_other(
    registry: Registry, tmp_path: Path
) -> None:
    publish(registry, ours({"introduced": "0"}, {"fixed": "1.1.0"}))
    source = dump(tmp_path / "osv", {"a.json": python({"introduced": "2.31"}, {"fixed": "2.32"})})
    found = ask(registry, source, all_releases=True)
    assert releases(found) == [("file-tools", "1.0.0", "1.2.0"), ("file-tools", "1.1.0", "1.2.0")]


def test_the_layout_of_pypa_is_read_for_the_wanted_packages_only(
    registry: Registry, tmp_path: Path
) -> None:
    text = b"""\
id: PYSEC-2026-1
modified: 2026-01-01T00:00:00.5Z
affected:
- package: {ecosystem: PyPI, name: requests}
  ranges:
  - type: ECOSYSTEM
    events: [{introduced: '0'}]
"""
    content = {"vulns/requests/PYSEC-2026-1.yaml": text, "vulns/django/PYSEC-2026-2.yaml": b"["}
    source = dump(tmp_path / "pypa", content)
    for each in (source, source / "vulns"):
        found = ask(registry, each)
        assert found.is_hit
        assert found.problems == ()


def test_a_zip_is_read_without_being_unpacked(registry: Registry, tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("../../PYSEC-2026-1.json", json.dumps(python({"introduced": "0"})))
        opened.writestr("GHSA-1.json", json.dumps(python({"introduced": "0"}, name="django")))
        opened.writestr("broken.json", "{")
    before = sorted(tmp_path.rglob("*.json"))
    found = ask(registry, archive)
    assert found.is_hit
    assert [problem.file for problem in found.problems] == [f"{archive}!broken.json"]
    assert sorted(tmp_path.rglob("*.json")) == before
    assert ask(registry, tmp_path).is_hit


def test_a_broken_advisory_is_reported_with_its_place_and_the_others_go_on(
    registry: Registry, tmp_path: Path
) -> None:
    broken = json.dumps(python({"introduced": "0"}), indent=1).replace(
        '"2026-01-01T00:00:00Z"', "7"
    )
    content = {"a.json": broken.encode(), "b.json": python({"introduced": "0"}, id_="PYSEC-2026-2")}
    found = ask(registry, dump(tmp_path / "osv", content))
    (problem,) = found.problems
    assert (Path(problem.file).name, problem.line, problem.pointer) == ("a.json", 3, "/modified")
    assert [hit.advisory.id for _, hit in found.hits] == ["PYSEC-2026-2"]


def test_a_range_that_cannot_be_ordered_says_nothing_and_the_list_does(
    registry: Registry, tmp_path: Path
) -> None:
    value = python({"introduced": "one"}, versions=["2.32.0", "0.1dev-r7"])
    found = ask(registry, dump(tmp_path / "osv", {"a.json": value}))
    assert found.is_hit
    assert "'one' is not a version of 'requests'" in found.problems[0].message


def test_withdrawn_ones_and_other_ecosystems_hit_nothing(
    registry: Registry, tmp_path: Path
) -> None:
    withdrawn = python({"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z")
    npm = python({"introduced": "0"}, id_="GHSA-1")
    npm["affected"][0]["package"]["ecosystem"] = "npm"
    source = dump(tmp_path / "osv", {"a.json": withdrawn, "b.json": npm, "c.json": {"id": "X"}})
    found = ask(registry, source)
    assert (found.findings, found.problems) == ((), ())


def test_the_same_vulnerability_under_two_ids_is_one_hit(
    registry: Registry, tmp_path: Path
) -> None:
    one = python({"introduced": "0"}, aliases=["CVE-2026-1"])
    two = python({"introduced": "0"}, id_="GHSA-1", aliases=["CVE-2026-1"])
    two["database_specific"] = {"severity": "MODERATE"}
    found = ask(registry, dump(tmp_path / "osv", {"a.json": one, "b.json": two}))
    assert [hit.advisory.id for _, hit in found.hits] == ["GHSA-1"]


def test_of_one_id_in_two_sources_the_later_counts(registry: Registry, tmp_path: Path) -> None:
    fixed = python({"introduced": "0"}, {"fixed": "2.0"}, modified="2026-06-01T00:00:00Z")
    old = dump(tmp_path / "old", {"a.json": python({"introduced": "0"})})
    new = dump(tmp_path / "new", {"a.json": fixed})
    assert not ask(registry, old, new).is_hit
    assert not ask(registry, new, old).is_hit


def test_a_requirement_without_a_version_is_said_not_to_be_checked(
    registry: Registry, tmp_path: Path
) -> None:
    put(registry, files("loose-tools", python_requirements=["requests>=2", "a @ https://x/a.whl"]))
    found = ask(registry, dump(tmp_path / "osv", {"a.json": python({"introduced": "0"})}))
    assert [item.requirement for item in found.unpinned] == ["requests>=2", "a @ https://x/a.whl"]


@pytest.mark.parametrize(
    ("line", "pinned"),
    [
        (f"Zope.Interface==5.4.0{HASH}{HASH}", "zope-interface 5.4.0"),
        ("torch==2.1.0+cpu", "torch 2.1.0"),
        ("a[extra]==1.0; python_version < '3'", "a 1.0"),
        ("a===1.0", "a 1.0"),
        ("a==1.*", None),
        ("a", None),
        ("-r other.txt", None),
        ("", None),
    ],
)
def test_what_a_requirement_pins(line: str, pinned: str | None) -> None:
    found = read_requirements([line])
    assert [str(item) for item in found.pinned] == ([pinned] if pinned else [])
    assert list(found.unpinned) == ([] if pinned else [line])


PYTHON_VERSIONS = st.sampled_from(
    ["0.9", "1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.1", "2!0.1"]
).map(PythonVersion)


@given(version=PYTHON_VERSIONS, first=PYTHON_VERSIONS, fixed=PYTHON_VERSIONS)
def test_python_ranges_are_ordered_by_pep_440(
    version: PythonVersion,
    first: PythonVersion,
    fixed: PythonVersion,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    value = python({"introduced": str(first)}, {"fixed": str(fixed)})
    source = dump(tmp_path_factory.mktemp("osv"), {"a.json": value})
    known = read_python_advisories([source], {"requests"})
    hit = bool(known.hitting(PinnedRequirement(name="requests", version=version)))
    expected = first <= version < fixed if first < fixed else version >= first
    assert hit is expected


# Hostile folders and archives


def test_links_and_hidden_folders_are_not_followed(tmp_path: Path) -> None:
    outside = dump(tmp_path / "outside", {"a.json": python({"introduced": "0"})})
    source = dump(tmp_path / "osv", {".git/a.json": python({"introduced": "0"})})
    (source / "link").symlink_to(outside)
    (source / "b.json").symlink_to(outside / "a.json")
    (source / "loop").symlink_to(source)
    os.mkfifo(source / "pipe.json")
    assert read_python_advisories([source], {"requests"}).claims == {}


@pytest.mark.parametrize(
    ("limits", "content"),
    [
        (AdvisoryLimits(files=1), {"a.json": b"{}", "b.json": b"{}"}),
        (AdvisoryLimits(total_bytes=3), {"a.json": b"{}", "b.json": b"{}"}),
        (AdvisoryLimits(folder_depth=1), {"a/b/c/d.json": b"{}"}),
    ],
)
def test_more_than_the_limits_allow_ends_the_audit(
    tmp_path: Path, limits: AdvisoryLimits, content: dict[str, bytes]
) -> None:
    with pytest.raises(LimitError, match="more than"):
        read_python_advisories([dump(tmp_path / "osv", content)], {"requests"}, limits)


def test_a_zip_of_too_many_files_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for number in range(3):
            opened.writestr(f"{number}.json", "{}")
    with pytest.raises(LimitError, match="more than 2 files"):
        read_python_advisories([archive], {"requests"}, AdvisoryLimits(files=2))


def test_a_file_that_unpacks_to_more_than_the_limit_is_a_problem(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("bomb.json", b" " * 5_000_000)
        opened.writestr("good.json", json.dumps(python({"introduced": "0"})))
    found = read_python_advisories([archive], {"requests"})
    assert [problem.rule for problem in found.problems] == ["limit-file-size"]
    assert list(found.claims) == ["requests"]


def test_a_large_file_in_a_folder_is_a_problem(tmp_path: Path) -> None:
    source = dump(tmp_path / "osv", {"a.json": b" " * 101})
    found = read_python_advisories([source], {"requests"}, AdvisoryLimits(file_bytes=100))
    assert [problem.rule for problem in found.problems] == ["limit-file-size"]


@pytest.mark.parametrize(
    "raw", [b"PK\x03\x04 nothing", b"", b"PK\x05\x06" + b"\0" * 18 + b"trailing"]
)
def test_a_zip_that_is_none_is_a_problem_and_no_crash(tmp_path: Path, raw: bytes) -> None:
    archive = tmp_path / "all.zip"
    archive.write_bytes(raw)
    found = read_python_advisories([archive], {"requests"})
    assert found.claims == {}


def test_json_nested_without_end_is_a_problem(tmp_path: Path) -> None:
    found = read_python_advisories([dump(tmp_path, {"a.json": b"[" * 100_000})], {"requests"})
    assert "deeper" in found.problems[0].message


def test_a_source_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(AdvisorySourceError):
        read_python_advisories([tmp_path / "nowhere"], {"requests"})


# The command


def run(*arguments: object, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, "audit", *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "COLUMNS": "80"},
    )  # fmt: skip


def test_the_command_ends_with_1_when_an_active_release_is_hit(registry: Registry) -> None:
    publish(registry, ours({"introduced": "1.2.0"}))
    done = run("--registry", registry.path)
    assert (done.returncode, done.stderr) == (1, "")
    hit, total = done.stdout.splitlines()
    assert hit == (
        "file-tools 1.2.0 (active): OPS-2026-0001 [HIGH CVSS:3.1/AV:N/AC:L]"
        " Copies outside of its folder; steps: file.copy; safe: none yet"
    )
    assert total == "1 release hit, 1 of them active; 1 advisory compared"


def test_the_command_ends_with_0_when_nothing_is_hit(registry: Registry) -> None:
    done = run("--registry", registry.path)
    assert (done.returncode, done.stdout) == (0, "Nothing is hit; 0 advisories compared\n")


def test_the_command_ends_with_18_when_an_advisory_cannot_be_read(registry: Registry) -> None:
    publish(registry, ours({"introduced": "2.0.0"}), ours({"introduced": "?"}, number=2))
    done = run("--registry", registry.path)
    assert done.returncode == 26
    assert done.stderr.startswith("advisories/OPS-2026-0002.yaml:1:")
    publish(registry, ours({"introduced": "0"}))
    assert run("--registry", registry.path).returncode == 1


def test_the_command_says_everything_as_json(registry: Registry, tmp_path: Path) -> None:
    publish(registry, ours({"introduced": "0"}, {"fixed": "1.2.0"}))
    source = dump(tmp_path / "osv", {"a.json": python({"introduced": "0"})})
    done = run("--registry", registry.path, "--advisories", source, "--all-releases", "--json")
    data = json.loads(done.stdout)
    assert done.returncode == 1
    assert data["hit"] is True
    assert [(item["version"], item["active"]) for item in data["findings"]] == [
        ("1.2.0", True), ("1.0.0", False), ("1.1.0", False),
    ]  # fmt: skip
    assert [hit["id"] for hit in data["findings"][1]["hits"]] == ["OPS-2026-0001", "PYSEC-2026-1"]
    assert data["findings"][1]["hits"][0]["vectors"] == ["CVSS:3.1/AV:N/AC:L"]
    assert data["dependents"][0]["on"] == "file-tools"


def test_what_strangers_wrote_does_not_reach_the_terminal_as_codes(
    registry: Registry, tmp_path: Path
) -> None:
    evil = python({"introduced": "0"}, summary="\x1b[2J[red]gone\n::error::x")
    source = dump(tmp_path / "osv", {"a\x1b[2J.json": evil, "b\x1b.json": b"{"})
    done = run("--registry", registry.path, "--advisories", source)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\\x1b[2J[red]gone\\n::error::x" in done.stdout


def test_a_terminal_gets_a_table(registry: Registry) -> None:
    publish(registry, ours({"introduced": "1.2.0"}))
    ours_end, theirs = pty.openpty()
    command = [str(OPSTEPS), "audit", "-r", str(registry.path)]
    environment = {**os.environ, "COLUMNS": "160", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        shown = b"".join(_until_closed(ours_end)).decode()
    assert process.returncode == 1
    assert "advisory" in shown
    assert "none yet" in shown
    assert "\x1b[31m" in shown


def _until_closed(descriptor: int) -> Iterator[bytes]:
    """What a pseudo-terminal shows; Linux ends it with an error."""
    with open(descriptor, "rb", buffering=0) as opened, suppress(OSError):
        while chunk := opened.read(4096):
            yield chunk


def test_a_library_without_an_executor_is_hit_as_a_whole(
    registry: Registry, tmp_path: Path
) -> None:
    content = files("plain-tools", python_requirements=[f"requests==2.30.0{HASH}"])
    manifest = json.loads(content["manifest.json"])
    manifest["steps"] = [{"file": "steps/copy.json"}]
    plain = {
        "manifest.json": json.dumps(manifest).encode(),
        "steps/copy.json": json.dumps(step()).encode(),
        "docs/README.md": b"# Plain\n",
    }
    put(registry, plain)
    found = ask(registry, dump(tmp_path / "osv", {"a.json": python({"introduced": "0"})}))
    assert [hit.steps for item, hit in found.hits if item.library == "plain-tools"] == [()]


def test_the_page_about_advisories_works_as_it_is_written(tmp_path: Path) -> None:
    page = (ROOT / "docs/advisories.md").read_text(encoding="utf-8")
    fences = dict(re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[:1])
    text = fences["yaml"]
    path = text.partition("\n")[0].removeprefix("# ")
    with new_registry(tmp_path / "steps") as registry:
        for version in ("1.0.0", "1.1.0"):
            put(registry, files("my-library", version=version))
        git(registry.path, "reset", "-q", "--hard")
        write_files(registry.path, {path: text.encode()})
        commit_all(registry.path)
        checked = check_advisory(text.encode(), file=path)
        assert checked.problems == ()
        found = ask(registry, all_releases=True)
    assert releases(found) == [("my-library", "1.0.0", "1.1.0")]
    assert found.findings[0].hits[0].steps == ("file.copy",)
    dump(tmp_path / "advisory-database", {"vulns/a/A-1.json": python({"introduced": "0"})})
    with zipfile.ZipFile(tmp_path / "all.zip", "w"):
        pass
    commands = re.findall(r"^opsteps audit (.*)$", page, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        assert run(*command.split(), folder=tmp_path).returncode == 0


def test_the_page_names_the_limits_and_the_exit_code() -> None:
    page = (ROOT / "docs/advisories.md").read_text(encoding="utf-8")
    limits = AdvisoryLimits()
    assert f"at most {limits.file_bytes // 2**20} MiB" in page
    assert f"{limits.files:,} files and {limits.total_bytes // 2**30} GiB" in page
    assert "| 26 |" in page
