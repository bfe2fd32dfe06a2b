import os
import stat
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import pytest

from registry.checks.release import check_release
from registry.errors import LimitError, NotFoundError
from registry.formats.json_text import JsonTextError, load_json
from registry.formats.parsing import parse_yaml
from registry.formats.schema import Format
from registry.formats.yaml_text import load_yaml
from registry.limits import DEFAULT_LIMITS, Limits
from registry.names import ObjectId
from registry.snapshots.registry import Registry
from registry.snapshots.release_reader import read_files
from registry.sources.release_source import SourceError, examine_source, read_source
from tests.registry.making import encode, files, git, new_registry, rules, step, write_files


def make_zip(path: Path, content: dict[str, bytes], top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(top + name, data)
    return path


def test_directory_and_zip_and_zip_with_a_top_folder_are_the_same(tmp_path: Path) -> None:
    directory = write_files(tmp_path / "d", files())
    plain = make_zip(tmp_path / "a.zip", files())
    topped = make_zip(tmp_path / "b.zip", files(), top="file-tools-1.0.0/")
    assert read_source(directory) == read_source(plain) == read_source(topped) == files()


def test_folder_entries_in_a_zip_are_no_files(tmp_path: Path) -> None:
    packed = make_zip(tmp_path / "a.zip", {**files(), "docs/": b""}, top="top/")
    assert read_source(packed) == files()


@pytest.mark.parametrize("content", [{}, {"README.md": b"x"}, {"steps/x.json": b"{}"}])
def test_zip_without_a_manifest_keeps_its_paths(tmp_path: Path, content: dict[str, bytes]) -> None:
    assert read_source(make_zip(tmp_path / "a.zip", content)) == content


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "a\\..\\evil", "steps/../../x", ".."]
)
def test_zip_slip_is_refused(tmp_path: Path, name: str) -> None:
    path = make_zip(tmp_path / "a.zip", {**files(), name: b"x"})
    with pytest.raises(SourceError) as caught:
        read_source(path)
    assert caught.value.next_step
    assert name not in examine_source(path).files


def test_symlink_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", files())
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("docs/link.md")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(SourceError, match="symbolic"):
        read_source(path)


def test_device_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", files())
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("docs/device")
        info.external_attr = (stat.S_IFCHR | 0o777) << 16
        archive.writestr(info, "")
    with pytest.raises(SourceError, match="regular"):
        read_source(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entry_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", files())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("manifest.json", b"{}")
    with pytest.raises(SourceError, match="twice"):
        read_source(path)
    assert examine_source(path).files["manifest.json"] == files()["manifest.json"]


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip", b"PK\x05\x06" + b"\0" * 18 + b"x"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    try:
        assert read_source(path) == {}
    except SourceError as error:
        assert error.next_step  # noqa: PT017 - an empty ZIP is one, the others are none


def test_damaged_and_encrypted_entries_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"manifest.json": b"{}" * 50, "steps/x.json": b"[]" * 50})
    raw = bytearray(path.read_bytes())
    at = raw.index(b"PK\x03\x04", 4) + 30 + len("steps/x.json")
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    source = examine_source(path)
    assert list(source.files) == ["manifest.json"]
    assert [problem.file for problem in source.problems] == ["steps/x.json"]
    raw[at] ^= 0xFF
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    encrypted = examine_source(path)
    assert [problem.file for problem in encrypted.problems] == ["manifest.json"]
    assert "password" in encrypted.problems[0].expected


def test_symlinks_and_other_files_in_a_directory_are_all_named(tmp_path: Path) -> None:
    directory = write_files(tmp_path / "d", files())
    (directory / "docs/link.md").symlink_to("/etc/passwd")
    (directory / "tests").symlink_to("/etc")
    os.mkfifo(directory / "assets")
    source = examine_source(directory)
    assert source.files == files()
    assert [problem.file for problem in source.problems] == ["assets", "docs/link.md", "tests"]
    with pytest.raises(SourceError):
        read_source(directory)


def test_nothing_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_source(tmp_path / "missing")


# --- each limit has a test that crosses it -----------------------------------------------------


def cross_file_bytes(limits: Limits, place: Path) -> str:
    return first(
        examine_source(write_files(place, files(extra={"assets/a.png": b"x" * 2000})), limits)
    )


def cross_executor_bytes(limits: Limits, _place: Path) -> str:
    return checked(files(extra={"executors/copy.py": b"#" * 2000}), limits)


def cross_json_bytes(limits: Limits, _place: Path) -> str:
    big = files(step_fields={"description": "x" * 2000})
    parsed = parse_yaml(Format.LIBRARY, b"#" * 2000, file="library.yaml", limits=limits)
    assert rules(parsed.problems) == {"limit-file-size"}
    return checked(big, limits)


def cross_readme_bytes(limits: Limits, _place: Path) -> str:
    return checked(files(extra={"docs/README.md": b"x" * 2000}), limits)


def cross_release_bytes(limits: Limits, place: Path) -> str:
    content = files(extra={f"assets/{n}.png": b"x" * 500 for n in range(4)})
    assert first(examine_source(write_files(place, content), limits)) == "limit-release-size"
    assert first(examine_source(make_zip(place / "a.zip", content), limits)) == "limit-release-size"
    return checked(content, limits)


def cross_release_files(limits: Limits, place: Path) -> str:
    content = files(extra={f"assets/{n}.png": b"x" for n in range(2000)})
    assert first(examine_source(write_files(place / "d", content), limits)) == "limit-release-files"
    with new_registry(place / "r") as registry:
        write_files(registry.path / "x", content)
        git(registry.path, "add", "-A")
        tree = ObjectId(git(registry.path, "write-tree", "--prefix=x/"))
        with pytest.raises(LimitError):
            read_files(registry.repository, tree, limits=replace(limits, release_files=900))
    return checked(content, limits)


def cross_path_bytes(limits: Limits, _place: Path) -> str:
    return checked(files(extra={f"docs/{'x' * 2000}.md": b"x"}), limits)


def cross_path_depth(limits: Limits, _place: Path) -> str:
    return checked(
        files(extra={"docs/" + "d/" * 30 + "x.md": b"x"}), replace(limits, path_depth=20)
    )


def cross_nesting_depth(limits: Limits, _place: Path) -> str:
    for load in (load_json, load_yaml):
        with pytest.raises(JsonTextError, match="nested"):
            load(b"[" * 6 + b"]" * 6, depth=5)
    nested = b"[" * 2000 + b"]" * 2000
    return checked(files(extra={"steps/copy.json": nested}), limits)


def cross_steps_per_release(limits: Limits, _place: Path) -> str:
    names = [f"steps/s{n}.json" for n in range(3)]
    extra = {name: encode(step(name=f"s{n}")) for n, name in enumerate(names)}
    content = files(steps=[{"file": name} for name in names], extra=extra)
    return checked(content, replace(limits, steps_per_release=2))


def cross_compression_ratio(limits: Limits, place: Path) -> str:
    packed = make_zip(place / "a.zip", files(extra={"docs/README.md": b"x" * 900_000}))
    return first(examine_source(packed, replace(limits, compression_ratio=50)))


def cross_passed_files(limits: Limits, place: Path) -> str:
    left = {f".venv/{n}": b"" for n in range(4)}
    packed = make_zip(place / "a.zip", {**files(), **left})
    assert examine_source(packed).files == files()
    return first(examine_source(packed, limits))


def cross_passed_bytes(limits: Limits, place: Path) -> str:
    packed = make_zip(place / "a.zip", {**files(), ".DS_Store": b"x" * 200})
    assert examine_source(packed).files == files()
    return first(examine_source(packed, limits))


def cross_archive_bytes(limits: Limits, place: Path) -> str:
    packed = make_zip(place / "a.zip", files())
    with pytest.raises(LimitError, match="the ZIP has"):
        examine_source(packed, limits)
    assert examine_source(packed).files == files()
    return "refused"


def cross_archive_entries(limits: Limits, place: Path) -> str:
    packed = make_zip(place / "a.zip", files())
    with pytest.raises(LimitError, match="the ZIP has 5 entries"):
        examine_source(packed, limits)
    assert examine_source(packed).files == files()
    return "refused"


def cross_name_chars(limits: Limits, place: Path) -> str:
    packed = make_zip(place / "a.zip", {**files(), f"docs/{'x' * 40}.md": b"x\n"})
    assert not examine_source(packed).problems
    return first(examine_source(packed, limits))


def cross_problems_reported(limits: Limits, _place: Path) -> str:
    extra = {f"aaa/{n}": b"" for n in range(40)}
    broken = {**files(extra=extra), "steps/copy.json": b"{"}
    few = replace(limits, problems_reported=10)
    found = check_release(broken, strict=True, limits=few)
    assert len(found.problems) == 11
    assert found.content is None
    assert "json-syntax" in rules(found.problems), "an error is never only counted"
    return "limit-problems" if "limit-problems" in rules(found.problems) else ""


def first(source: object) -> str:
    problems = getattr(source, "problems", ())
    assert all(problem.expected for problem in problems)
    return str(problems[0].rule) if problems else ""


def checked(content: dict[str, bytes], limits: Limits) -> str:
    found = check_release(content, strict=True, limits=limits)
    assert found.content is None
    assert check_release(files(), strict=True, limits=limits).content is not None
    return " ".join(sorted(rules(found.problems)))


LOW = {
    "file_bytes": (1500, "limit-file-size"),
    "executor_bytes": (1000, "limit-file-size"),
    "json_bytes": (1500, "limit-file-size"),
    "readme_bytes": (1000, "limit-file-size"),
    "release_bytes": (2000, "limit-release-size"),
    "release_files": (1000, "limit-release-size"),
    "path_bytes": (100, "path"),
    "path_depth": (5, "path"),
    "nesting_depth": (10, "json-syntax"),
    "steps_per_release": (2, "limit-steps"),
    "archive_bytes": (500, "refused"),
    "passed_files": (3, "limit-passed-by"),
    "passed_bytes": (100, "limit-passed-by"),
    "compression_ratio": (50, "limit-compression"),
    "archive_entries": (4, "refused"),
    "name_chars": (30, "limit-name"),
    "problems_reported": (10, "limit-problems"),
}


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_limit_is_crossed(name: str, tmp_path: Path) -> None:
    """A limit without a test of its own fails here."""
    value, rule = LOW[name]
    assert value < getattr(DEFAULT_LIMITS, name)
    limits = replace(DEFAULT_LIMITS, **{name: value})
    assert rule in globals()[f"cross_{name}"](limits, tmp_path)


def test_registry_keeps_its_limits(tmp_path: Path) -> None:
    limits = replace(DEFAULT_LIMITS, readme_bytes=10)
    new_registry(tmp_path / "r").close()
    with Registry.open(tmp_path / "r", limits=limits) as registry:
        assert registry.limits is limits
