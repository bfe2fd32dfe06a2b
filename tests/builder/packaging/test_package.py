import hashlib
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.packaging.errors import NotServedError, PackageError, WriteError
from builder.packaging.package import Package, choose_package, read_package, write_package
from builder.packaging.staging import staged
from builder.packaging.statement import PackageStatement, parse_statement
from registry.errors import NotFoundError
from registry.formats.yaml_text import dump_yaml
from registry.library.digest import release_digest
from registry.names import CORE, Digest, LibraryName
from registry.publishing.add import add_release
from registry.snapshots.registry import Registry
from registry.sources.release_source import SourceError, read_source
from registry.transactions.transaction import Actor, follow_head
from registry.versions import Version, parse_version
from tests.installed import OPSTEPS
from tests.registry.making import NAME, commit_all, files, git, new_registry, put

ROOT = Path(__file__).resolve().parents[3]
FIRST = parse_version("1.0.0")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
DATE = "2025-01-31T12:00:00Z"
# Changes only when the format of packages, or the example, changes: both are told to users.
GOLDEN = "20635acf0fa5eb61477f476f82aa834030342cfeac353b659168e6156f3c231d"
HOSTILE: dict[str, str] = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "tr_TR.UTF-8",
    "LANG": "tr_TR.UTF-8",
    "PYTHONHASHSEED": "4711",
    "PYTHONUTF8": "0",
    "SOURCE_DATE_EPOCH": "1",
}


def opsteps(
    *arguments: object, cwd: Path, umask: int = -1, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        umask=umask,
        env={**os.environ, **environment},
    )


def statement_of(content: dict[str, bytes], **changes: Any) -> PackageStatement:
    fields = {"name": NAME, "version": FIRST, "digest": release_digest(content), "date": DATE}
    return PackageStatement(**{**fields, **changes})


def example() -> Package:
    """The package of an example, dated as nobody's clock would."""
    source = ROOT / "examples/registry/libraries/file-operations-basic/1.0.0"
    content = read_source(source)
    statement = statement_of(content, name=LibraryName("file-operations-basic"))
    return Package(statement=statement, files=content)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        put(made, files(extra={"docs/Grüße.md": b"# Hallo\n", "assets/a.png": PNG}))
        follow_head(made)
        yield made


def test_package_of_an_example_is_these_bytes() -> None:
    assert hashlib.sha256(bytes(example())).hexdigest() == GOLDEN


def test_same_bytes_under_another_clock_umask_locale_and_hash_seed(
    registry: Registry, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    git(tmp_path, "clone", "-q", "--bare", str(registry.path), "bare.git")
    one = opsteps("package", NAME, "-r", registry.path, cwd=here, umask=0o022)
    two = opsteps("package", NAME, "-r", tmp_path / "bare.git", cwd=there, umask=0o077, **HOSTILE)
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    name = f"{NAME}-1.0.0.zip"
    assert (here / name).read_bytes() == (there / name).read_bytes()


def test_every_field_of_every_entry_is_fixed(registry: Registry) -> None:
    package = choose_package(registry.snapshot(), NAME, None).package
    with zipfile.ZipFile(io.BytesIO(bytes(package))) as archive:
        entries = archive.infolist()
        names = [entry.filename for entry in entries]
        assert names == sorted(names, key=str.encode)
        assert {name.partition("/")[0] for name in names} == {"file-tools-1.0.0"}
        for entry in entries:
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.external_attr >> 16 == 0o100644
            assert (entry.create_system, entry.compress_type, entry.extra) == (3, 0, b"")
            assert bool(entry.flag_bits & 0x800) is not entry.filename.isascii()
            assert entry.flag_bits & ~0x800 == 0


def test_package_reads_back_with_its_statement(registry: Registry, tmp_path: Path) -> None:
    chosen = choose_package(registry.snapshot(), NAME, FIRST)
    target = tmp_path / "it.zip"
    write_package(chosen.package, target)
    assert read_package(target) == chosen.package
    assert read_source(target) == registry.snapshot().files(NAME, FIRST)
    entry = registry.snapshot().library(NAME).facts.ledger["1.0.0"]
    assert (chosen.package.statement.digest, chosen.package.statement.date) == (
        entry.digest,
        entry.date,
    )


def test_package_is_added_to_another_registry_as_the_same_release(
    registry: Registry, tmp_path: Path
) -> None:
    target = tmp_path / "it.zip"
    package = choose_package(registry.snapshot(), NAME, FIRST).package
    write_package(package, target)
    with new_registry(tmp_path / "other") as other:
        put(other, read_source(target))
        record = other.snapshot().library(NAME).release(FIRST)
    assert record is not None
    assert record.digest == package.statement.digest


def test_command_names_the_file_and_prints_the_digest(registry: Registry, tmp_path: Path) -> None:
    done = opsteps("package", NAME, "1.0.0", "-r", registry.path, "--json", cwd=tmp_path)
    answer = json.loads(done.stdout)
    packed = (tmp_path / "file-tools-1.0.0.zip").read_bytes()
    assert answer["file"] == "file-tools-1.0.0.zip"
    assert answer["sha256"] == hashlib.sha256(packed).hexdigest()
    assert answer["bytes"] == len(packed)
    assert answer["digest"] == release_digest(registry.snapshot().files(NAME, FIRST))
    plain = opsteps("package", NAME, "-r", registry.path, "-o", "x.zip", cwd=tmp_path)
    assert f"digest sha256:{answer['digest']}" in plain.stdout
    assert (tmp_path / "x.zip").read_bytes() == packed


def test_without_a_version_the_active_one_is_packed(registry: Registry) -> None:
    put(registry, files(version="1.1.0"))
    put(registry, files(version="2.0.0-rc.1"))
    package = choose_package(registry.snapshot(), NAME, None).package
    assert str(package.statement.version) == "1.1.0"


def test_signature_of_the_ledger_travels(registry: Registry) -> None:
    signature = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
    with_entry(registry, signature=signature)
    package = choose_package(registry.snapshot(), NAME, FIRST).package
    assert package.statement.signature == signature
    assert parse_statement(bytes(package.statement)) == package.statement


def with_entry(registry: Registry, **changes: str | None) -> None:
    """Somebody edits the ledger's entry with an editor."""
    follow_head(registry)
    entry = registry.snapshot().library(NAME).facts.ledger["1.0.0"]
    fields = {"digest": entry.digest, "date": entry.date, **changes}
    facts = {"owners": ["tester"], "ledger": {"1.0.0": fields}}
    (registry.path / "libraries" / NAME / "library.yaml").write_bytes(dump_yaml(facts))
    commit_all(registry.path)


def test_candidate_is_refused(registry: Registry) -> None:
    add_release(registry, files(version="1.1.0"), by=Actor(name="tester"))
    with pytest.raises(NotServedError, match=r"a candidate, not a release\. Release it first"):
        choose_package(registry.snapshot(), NAME, parse_version("1.1.0"))


def test_release_with_an_alarm_is_refused(registry: Registry) -> None:
    with_entry(registry, digest="0" * 64)
    with pytest.raises(NotServedError, match=r"the digests .* differ .'opsteps verify'"):
        choose_package(registry.snapshot(), NAME, FIRST)


def test_withdrawn_release_is_refused(registry: Registry) -> None:
    git(registry.path, "rm", "-rq", f"libraries/{NAME}/1.0.0")
    commit_all(registry.path)
    with pytest.raises(NotServedError, match="its files were removed"):
        choose_package(registry.snapshot(), NAME, FIRST)
    with pytest.raises(NotServedError, match="no active release"):
        choose_package(registry.snapshot(), NAME, None)


def test_files_without_their_digest_are_refused(registry: Registry) -> None:
    """Ledger and tag were both forged: only the files themselves tell."""
    forged = "0" * 64
    with_entry(registry, digest=forged)
    message = git(registry.path, "tag", "-l", "--format=%(contents)", f"{NAME}/v1.0.0")
    lines = [f"Digest: sha256:{forged}" if "Digest:" in x else x for x in message.splitlines()]
    stdin = "\n".join(lines).encode()
    git(registry.path, "tag", "-f", "-a", "-F", "-", f"{NAME}/v1.0.0", stdin=stdin)
    with pytest.raises(PackageError, match="do not have the digest that it was released with"):
        choose_package(registry.snapshot(), NAME, FIRST)


@pytest.mark.parametrize(("name", "version"), [("nobody", None), ("file-tools", "9.0.0")])
def test_what_is_not_there_is_refused(registry: Registry, name: str, version: str | None) -> None:
    wanted = parse_version(version) if version else None
    with pytest.raises((NotFoundError, NotServedError), match=r"no library|no such version"):
        choose_package(registry.snapshot(), LibraryName(name), wanted)


def test_core_is_refused(registry: Registry) -> None:
    with pytest.raises(NotServedError, match="built in"):
        choose_package(registry.snapshot(), CORE, None)


def test_yanked_release_is_packed_with_a_warning(registry: Registry, tmp_path: Path) -> None:
    entry = registry.snapshot().library(NAME).facts.ledger["1.0.0"]
    facts = {
        "owners": ["tester"],
        "ledger": {"1.0.0": {"digest": entry.digest, "date": entry.date}},
        "yanked": {"1.0.0": {"reason": "eats \x1b[31mfiles", "replacement": "1.0.1"}},
    }
    (registry.path / "libraries" / NAME / "library.yaml").write_bytes(dump_yaml(facts))
    commit_all(registry.path)
    done = opsteps("package", NAME, "1.0.0", "-r", registry.path, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith("warning: file-tools 1.0.0 is yanked: eats \\x1b[31mfiles")
    assert "use 1.0.1 instead" in done.stderr
    assert (tmp_path / "file-tools-1.0.0.zip").is_file()


def _half(path: Path) -> None:
    path.write_bytes(b"half")
    raise OSError(28, "the disk is full")


def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "it.zip"
    target.write_bytes(b"what was there")
    with pytest.raises(WriteError, match="disk is full"), staged(target) as beside:
        _half(beside)
    assert target.read_bytes() == b"what was there"
    assert list(tmp_path.iterdir()) == [target]


def test_package_that_would_not_read_back_is_not_written(tmp_path: Path) -> None:
    content = {**files(), ".GIT/config": b"what no reader takes"}
    package = Package(statement=statement_of(content), files=content)
    with pytest.raises(SourceError, match=r"file-tools 1\.0\.0: .*Git's own"):
        write_package(package, tmp_path / "it.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/it.zip", "."])
def test_place_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(WriteError):
        write_package(example(), tmp_path / name)


def repack(package: Package, target: Path, comment: bytes) -> Path:
    target.write_bytes(bytes(package))
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = comment
    return target


def test_altered_file_is_refused(tmp_path: Path) -> None:
    package = example()
    altered = replace(package, files={**package.files, "docs/README.md": b"# Other\n"})
    target = tmp_path / "it.zip"
    target.write_bytes(bytes(altered))
    with pytest.raises(PackageError, match="their digest is another one"):
        read_package(target)


def test_statement_of_another_release_is_refused(tmp_path: Path) -> None:
    package = example()
    other = statement_of(dict(package.files), name=LibraryName("other"))
    with pytest.raises(PackageError, match=r"says other 1.0.0, and its manifest something else"):
        read_package(repack(package, tmp_path / "it.zip", bytes(other)))


@pytest.mark.parametrize(
    "comment",
    [
        b"",
        b"hello",
        b"\xff",
        b"[]",
        b"{}",
        b'{"name":1}',
        bytes(statement_of({})).replace(b",", b", "),
        bytes(statement_of({})).replace(b"}", b',"more":1}'),
        bytes(statement_of({})).replace(b'"1.0.0"', b'"v1"'),
        bytes(statement_of({})).replace(b'"file-tools"', b'"../x"'),
        bytes(statement_of({})).replace(DATE.encode(), b"today"),
        bytes(statement_of({}, digest=Digest("A" * 64))),
        bytes(statement_of({})) + b"\n",
        b"[" * 20_000,
    ],
)
def test_comment_that_is_no_statement_is_refused(tmp_path: Path, comment: bytes) -> None:
    with pytest.raises((PackageError, SourceError)):
        read_package(repack(example(), tmp_path / "it.zip", comment))


def test_directory_and_plain_zip_are_no_packages(tmp_path: Path) -> None:
    source = ROOT / "examples/registry/libraries/file-operations-basic/1.0.0"
    with pytest.raises(PackageError, match="a directory is not a package"):
        read_package(source)
    with pytest.raises(PackageError, match="'opsteps add' takes any other"):
        read_package(repack(example(), tmp_path / "it.zip", b""))


def test_statement_that_no_zip_can_hold_is_refused() -> None:
    with pytest.raises(PackageError, match="more than the 65,535"):
        bytes(statement_of({}, signature="x" * 65_535))


versions = st.builds(
    Version, major=st.integers(0, 999), minor=st.integers(0, 999), patch=st.integers(0, 999)
)


@given(version=versions, signature=st.none() | st.text(max_size=2_000))
def test_statement_reads_back(version: Version, signature: str | None) -> None:
    statement = statement_of({}, version=version, signature=signature)
    line = bytes(statement)
    assert line.isascii()
    assert b"\n" not in line
    assert parse_statement(line) == statement


@given(raw=st.binary(max_size=300))
def test_any_bytes_are_a_statement_or_refused(raw: bytes) -> None:
    with pytest.raises(PackageError):
        parse_statement(raw)
