"""What lies beside a library, or is no part of it: the same for a directory and a ZIP."""

import io
import unicodedata
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.checks.release import check_release
from registry.errors import RegistryError
from registry.library.digest import release_digest
from registry.problems import InvalidLibraryError
from registry.sources.release_source import SourceError, examine_source, read_source, read_upload
from tests.installed import opsteps
from tests.registry.making import complete_files, encode, files, git, manifest, rules, write_files

SILENT = (
    ".DS_Store", "docs/.DS_Store", "._manifest.json", "docs/._README.md", "__MACOSX/._x",
    "Thumbs.db", "assets/Thumbs.db", "desktop.ini", "Desktop.ini", "Icon\r", ".git/config",
    ".gitignore", "docs/.gitkeep", ".gitattributes", ".gitmodules", ".github/workflows/a.yml",
    ".gitlab-ci.yml", ".editorconfig", ".idea/workspace.xml", ".vscode/settings.json", ".svn/x",
)  # fmt: skip
LITTER = {
    ".venv/lib/python3.11/site-packages/certifi/cacert.pem": ".venv",
    "venv/bin/activate": "venv",
    "node_modules/@scope/package/index.js": "node_modules",
    "docs/site/node_modules/a/b.js": "docs/site/node_modules",
    "executors/__pycache__/copy.cpython-311.pyc": "executors/__pycache__",
    "executors/copy.pyc": "executors/copy.pyc",
    ".pytest_cache/v/cache/nodeids": ".pytest_cache",
    "tests/.ruff_cache/x": "tests/.ruff_cache",
    ".tox/py311/x": ".tox",
    ".coverage": ".coverage",
    "file_tools.egg-info/PKG-INFO": "file_tools.egg-info",
    "manifest.json~": "manifest.json~",
}
SECRETS = (
    ".env", ".env.production", "tests/.env", "server.pem", "docs/server.KEY", "id_rsa",
    "tests/id_ed25519", ".npmrc", ".pypirc", ".netrc", "credentials.json", "keys.p12",
    ".ssh/config", ".aws/credentials", "secrets.yaml", "terraform.tfstate", ".git-credentials",
)  # fmt: skip
PRIVATE_KEY = (
    "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ" * 2
)


def zipped(content: Mapping[str, bytes], top: str = "") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(top + name, data)
    return packed.getvalue()


def both_ways(place: Path, content: Mapping[str, bytes], top: str = "") -> tuple[Path, Path]:
    directory = write_files(place / "d" / top, content)
    packed = place / "a.zip"
    packed.write_bytes(zipped(content, top))
    return directory, packed


@pytest.mark.parametrize("path", SILENT)
def test_what_systems_and_git_leave_is_passed_by_in_silence(tmp_path: Path, path: str) -> None:
    for top in ("", "file-tools/"):
        for source in both_ways(tmp_path, {**files(), path: b"x"}, top):
            found = examine_source(source)
            assert found.problems == ()
            assert release_digest(found.files) == release_digest(files())


@pytest.mark.parametrize("path", LITTER)
def test_what_builds_leave_is_passed_by_and_named(tmp_path: Path, path: str) -> None:
    for source in both_ways(tmp_path, {**files(), path: b"x"}):
        told: list[object] = []
        assert read_source(source, told=told.append) == files()
        (problem,) = examine_source(source).problems
        assert told == [problem]
        assert (problem.severity, problem.file) == ("warning", LITTER[path])
    told = []
    assert read_upload(zipped({**files(), path: b"x"}), told=told.append) == files()
    assert len(told) == 1


@pytest.mark.parametrize("path", SECRETS)
def test_secrets_are_an_error_that_names_the_file(tmp_path: Path, path: str) -> None:
    directory, packed = both_ways(tmp_path, {**files(), path: b"hunter2"})
    found = check_release(examine_source(directory).files, strict=False)
    assert found.content is None
    (secret,) = [problem for problem in found.problems if problem.rule == "secret"]
    assert secret.file == path
    assert "move it out" in secret.expected
    said = opsteps(tmp_path, "validate", directory, expect=1)
    assert f"{path}: error" in said
    with pytest.raises(RegistryError, match=r"secret|Git's own"):
        raise InvalidLibraryError("it", check_release(read_source(packed), strict=False).problems)


def test_a_private_key_is_an_error_wherever_it_is() -> None:
    escaped = encode({"private_key": PRIVATE_KEY}).decode()
    for path, text in (("docs/setup.md", PRIVATE_KEY), ("tests/key.json", escaped)):
        found = check_release(files(extra={path: text.encode()}), strict=False)
        assert [one.file for one in found.problems if one.rule == "secret"] == [path]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("docs/keys.md", "Begin it with `-----BEGIN PRIVATE KEY-----`, then the key."),
        ("executors/copy.py", 'MARK = "-----BEGIN RSA PRIVATE KEY-----"\n'),
        ("tests/ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        ("tests/.env.example", "TOKEN=\n"),
        ("docs/environment.md", "# .env\n"),
        ("steps/credentials.json", "{}"),
    ],
)
def test_what_only_speaks_of_secrets_is_none(path: str, text: str) -> None:
    found = check_release(files(extra={path: text.encode()}), strict=False)
    assert "secret" not in rules(found.problems)


@pytest.mark.parametrize("top", ["", "a/", "deep/er/still/"])
def test_a_library_alone_in_folders_is_taken(tmp_path: Path, top: str) -> None:
    content = {**files(), "tests/fixture/manifest.json": b"{}"}
    write_files(tmp_path / "d", {".DS_Store": b"", "__MACOSX/._x": b""})
    _, packed = both_ways(tmp_path, content, top)
    assert read_source(packed) == read_source(tmp_path / "d") == content


def test_files_beside_a_library_are_named_with_its_place(tmp_path: Path) -> None:
    content = {f"repo-main/kits/file-tools/{path}": data for path, data in files().items()}
    content["repo-main/README.md"] = b"# Kits\n"
    for source in both_ways(tmp_path, content):
        with pytest.raises(SourceError) as caught:
            read_source(source)
        said = str(caught.value)
        assert "the library lies in 'repo-main/kits/file-tools'" in said
        assert "'repo-main/README.md'" in said
        assert "name the folder" in said
        shown = opsteps(tmp_path, "validate", source, expect=1)
        assert "lies in 'repo-main/kits/file-tools'" in shown
        assert "is not there" not in shown


def test_two_libraries_are_named_with_their_places(tmp_path: Path) -> None:
    content = {f"{top}/{path}": data for top in ("one", "two") for path, data in files().items()}
    for source in both_ways(tmp_path, content):
        with pytest.raises(SourceError, match="2 libraries here, in 'one', 'two'"):
            read_source(source)
    with pytest.raises(InvalidLibraryError, match="2 libraries"):
        read_upload(zipped(content))


def test_errors_come_before_warnings() -> None:
    raw = zipped({".venv/a": b"", **files(), "docs/CON.md": b"", "executors/a.pyc": b""})
    with pytest.raises(InvalidLibraryError) as caught:
        read_upload(raw)
    assert [one.severity for one in caught.value.problems] == ["error", "warning", "warning"]
    assert "1 error, 2 warnings: docs/CON.md: error" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("assets/logo.png", b"just text", "no image"),
        ("assets/logo.png", b"\xff\xd8\xff\xe0" + b"x" * 20, "a JPEG image"),
        ("docs/shot.webp", b"GIF89a" + b"x" * 20, "a GIF image"),
        ("assets/logo.GIF", b"", "no image"),
        ("assets/logo.jpeg", b"\x89PNG\r\n\x1a\n", "a PNG image"),
    ],
)
def test_an_image_is_what_its_name_says(path: str, content: bytes, words: str) -> None:
    found = check_release(files(extra={path: content}), strict=False)
    assert found.content is None
    (problem,) = [one for one in found.problems if one.rule == "image-content"]
    assert (problem.file, words in problem.message) == (path, True)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n"), ("a.jpg", b"\xff\xd8\xff\xe0"),
        ("a.JPEG", b"\xff\xd8\xff\xe1"),
        ("a.gif", b"GIF87a"), ("a.webp", b"RIFF\x0a\0\0\0WEBPVP8 "),
    ],
)  # fmt: skip
def test_images_are_taken(name: str, content: bytes) -> None:
    found = check_release(files(extra={f"assets/{name}": content}), strict=False)
    assert found.problems == ()


@pytest.mark.parametrize("path", ["assets/logo.png", "docs/README.md", "tests/data.bin"])
def test_a_git_lfs_pointer_is_named_as_one(path: str) -> None:
    pointer = (
        b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
    )
    found = check_release(files(extra={path: pointer}), strict=False)
    assert found.content is None
    (problem,) = [one for one in found.problems if one.severity == "error"]
    assert (problem.rule, problem.file) == ("lfs-pointer", path)
    assert "git lfs pull" in problem.expected


def test_backslashes_of_windows_are_named_with_what_to_do(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    packed.write_bytes(zipped({path.replace("/", "\\"): data for path, data in files().items()}))
    with pytest.raises(SourceError, match="backslash") as caught:
        read_source(packed)
    assert "opsteps package" in str(caught.value)


def test_names_in_form_nfd_become_nfc(tmp_path: Path) -> None:
    name = "docs/Übersicht.md"
    content = {**files(), unicodedata.normalize("NFD", name): b"# It\n"}
    for source in both_ways(tmp_path, content):
        assert release_digest(read_source(source)) == release_digest({**files(), name: b"# It\n"})
    twice = {**content, name: b"# Other\n"}
    for source in both_ways(tmp_path / "2", twice):
        with pytest.raises(SourceError, match="twice"):
            read_source(source)


def test_a_library_with_a_git_checkout_of_its_own_is_added(tmp_path: Path) -> None:
    """FIELD-CASES 6 to 8, through the command: what is added is the library alone."""
    opsteps(tmp_path, "init", "steps")
    library = write_files(
        tmp_path / "file-tools",
        {
            **complete_files(),
            ".gitignore": b"*.pyc\n", ".github/workflows/a.yml": b"", "docs/.gitkeep": b"",
            ".editorconfig": b"", "node_modules/x/.npmrc": b"token", ".DS_Store": b"",
        },
    )  # fmt: skip
    git(library, "init", "-q")
    said = opsteps(tmp_path, "add", library, "--registry", "steps")
    assert "Added file-tools 1.0.0" in said
    assert "node_modules: warning: this was left by a build" in said
    listed = git(tmp_path / "steps", "ls-tree", "-r", "--name-only", "HEAD", "libraries")
    root = "libraries/file-tools/1.0.0/"
    paths = {path.removeprefix(root) for path in listed.splitlines() if path.startswith(root)}
    assert paths == set(complete_files())
    assert manifest()["name"] == "file-tools"


def test_a_secret_is_never_added(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "steps")
    library = write_files(tmp_path / "file-tools", {**files(), ".env": b"TOKEN=x\n"})
    said = opsteps(tmp_path, "add", library, "--registry", "steps", expect=1)
    assert ".env: error: files of this name hold secrets" in said
