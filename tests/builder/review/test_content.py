"""What a candidate carries: permissions, licences, executable content, links, layout."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.content_rules.executable_content import archive_format, machine_code
from builder.content_rules.git_names import is_git_name
from builder.content_rules.licences import is_allowed
from builder.markdown.pictures import PICTURE_BYTES, PICTURE_SIDE
from builder.review.review import review
from registry.problems import Problem
from tests.builder.catalogue.pictures import huge_png, png
from tests.builder.review.changing import REGISTRY, Changing

ERROR, WARNING = "error", "warning"
PATH = "libraries/file-tools/1.1.1"
WIDER = {"required_permissions": ["network"], "permissions": {"network": ["*:443"]}}


def policy(**fields: object) -> dict[str, object]:
    known = REGISTRY["policy"]
    assert isinstance(known, dict)
    return {"policy": {**known, **fields}}


def test_wider_permissions_are_for_a_reviewer(changing: Changing) -> None:
    changing.candidate("2.0.0", step_fields=WIDER, required_permissions=["network"])
    found = [p for p in changing.problems() if p.rule == "permission-escalation"]
    assert {problem.severity.value for problem in found} == {WARNING}
    assert {problem.file for problem in found} == {
        "libraries/file-tools/2.0.0/manifest.json", "libraries/file-tools/2.0.0/steps/copy.json",
    }  # fmt: skip
    assert all(problem.line > 1 for problem in found)


def test_policy_may_refuse_wider_permissions(changing: Changing) -> None:
    changing.write_registry(**policy(escalation="refuse"))
    changing.settle()
    changing.candidate("2.0.0", step_fields=WIDER, required_permissions=["network"])
    assert ("permission-escalation", ERROR) in changing.found()


def test_policy_is_that_of_the_base(changing: Changing) -> None:
    changing.write_registry(**policy(escalation="refuse"))
    changing.settle()
    changing.write_registry(**policy(escalation="review"))
    changing.candidate("2.0.0", step_fields=WIDER, required_permissions=["network"])
    assert ("permission-escalation", ERROR) in changing.found()


def test_licence_outside_the_policy_is_refused(changing: Changing) -> None:
    changing.write_registry(**policy(licenses=["Apache-2.0", "MIT"]))
    changing.settle()
    changing.new_library("other-tools", ["jill"], license="GPL-3.0-only")
    assert changing.found() == {("license-refused", ERROR)}


def test_changed_licence_is_looked_at(changing: Changing) -> None:
    changing.candidate("1.1.1", license="Apache-2.0")
    assert changing.found() == {("license-changed", WARNING)}


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("mit", True),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (GPL-3.0-only OR Apache-2.0)", True),
        ("(MIT AND GPL-3.0-only) OR ISC", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("GPL-2.0-only", False),
        ("no licence at all", False),
        ("", False),
    ],
)
def test_licence_expressions(expression: str, allowed: bool) -> None:
    listed = ["MIT", "Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"]
    assert is_allowed(expression, listed) is allowed


@given(st.text(alphabet="()MITORAND GPL-30.WH", max_size=30))
def test_any_text_is_an_answer(expression: str) -> None:
    assert is_allowed(expression, ["MIT"]) in {True, False}


# --- executable content ---------------------------------------------------------------------------


def test_executable_bit_is_found(changing: Changing) -> None:
    changing.candidate("1.1.1")
    (changing.path / PATH / "executors/copy.py").chmod(0o755)
    (problem,) = changing.problems()
    assert problem.rule == "file-executable"
    assert problem.expected.endswith(f"--chmod=-x {PATH}/executors/copy.py")


def test_symbolic_link_is_found(changing: Changing) -> None:
    changing.candidate("1.1.1")
    (changing.path / PATH / "docs/passwd.md").symlink_to("/etc/passwd")
    (problem,) = changing.problems()
    assert (problem.rule, problem.file) == ("path", f"{PATH}/docs/passwd.md")


def test_submodule_is_found_in_a_release_and_at_the_top(changing: Changing) -> None:
    changing.candidate("1.1.1")
    head = changing.git("rev-parse", "HEAD")
    for place in (f"{PATH}/docs/sub", "sub"):
        changing.git("update-index", "--add", "--cacheinfo", f"160000,{head},{place}")
        (changing.path / place).mkdir(parents=True)
        changing.git("init", "-q", place)
        changing.git("-C", place, "commit", "-q", "--allow-empty", "-m", "x")
    found = {(problem.rule, problem.file) for problem in changing.problems("olga")}
    assert {("path", f"{PATH}/docs/sub"), ("path", "sub")} <= found


@pytest.mark.parametrize("name", [".GIT", ".gitmodules", "git~1", ".git ", ".g\u200cit"])
def test_gits_own_names_are_found(changing: Changing, name: str) -> None:
    """Git itself may refuse them in an index; a tree can hold them."""
    blob = changing.git("hash-object", "-w", "--stdin", stdin=b"[core]\n")
    inner = changing.git("mktree", stdin=f"100644 blob {blob}\tconfig\n".encode())
    changing.candidate("1.1.1")
    changing.git("add", "-A")
    version = changing.git("write-tree", f"--prefix={PATH}/")
    listing = changing.git("ls-tree", version)
    tree = changing.git("mktree", stdin=f"{listing}\n040000 tree {inner}\t{name}\n".encode())
    rules = {problem.rule for problem in _with_tree(changing, tree)}
    assert rules & {"file-git-name", "path"}
    assert is_git_name(name)


def _with_tree(changing: Changing, version: str) -> tuple[Problem, ...]:
    """Review a commit whose candidate 1.1.1 is this tree."""
    library = changing.git("ls-tree", "HEAD:libraries/file-tools")
    library = changing.git("mktree", stdin=f"{library}\n040000 tree {version}\t1.1.1\n".encode())
    libraries = changing.git("mktree", stdin=f"040000 tree {library}\tfile-tools\n".encode())
    top = changing.git("ls-tree", "HEAD").splitlines()
    kept = [line for line in top if not line.endswith("\tlibraries")]
    text = "\n".join([*kept, f"040000 tree {libraries}\tlibraries"]) + "\n"
    root = changing.git("mktree", stdin=text.encode())
    head = changing.git("commit-tree", "-p", "HEAD", "-m", "x", root)
    return review(changing.registry, changing.base, head, actor="jill").problems


def test_tree_that_names_itself_over_and_over_ends(changing: Changing) -> None:
    """A few bytes that stand for 10 to the power of 30 files."""
    blob = changing.git("hash-object", "-w", "--stdin", stdin=b"x")
    tree = changing.git("mktree", stdin=f"100644 blob {blob}\tf\n".encode())
    for _ in range(30):
        lines = "".join(f"040000 tree {tree}\t{letter}\n" for letter in "abcdefghij")
        tree = changing.git("mktree", stdin=lines.encode())
    assert {problem.rule for problem in _with_tree(changing, tree)} == {"limit-release-size"}


@pytest.mark.parametrize(
    "content",
    [
        b"\x7fELF\x02\x01\x01\0", b"MZ\x90\0\x03", b"\xfe\xed\xfa\xcf\0", b"\xcf\xfa\xed\xfe\0",
        b"\xca\xfe\xba\xbe\0", b"\0asm\x01", b"\xa7\r\r\n\0\0\0\0aaaa",
    ],
)  # fmt: skip
def test_machine_code_is_found_by_how_it_begins(changing: Changing, content: bytes) -> None:
    changing.candidate("1.1.1", extra={"tests/data.txt": content + b"\0" * 20})
    assert changing.found() == {("file-binary", ERROR)}


@pytest.mark.parametrize("name", ["run.exe", "lib.SO", "x.pyc", "a.dylib"])
def test_machine_code_is_found_by_its_name(name: str) -> None:
    assert machine_code(f"tests/{name}".lower(), b"plain")


def test_archives_are_found_by_how_they_begin() -> None:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a", "b")
    with tarfile.open(fileobj=tarred, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("a"))
    for content in (zipped.getvalue(), tarred.getvalue(), b"\x1f\x8b\x08\0", b"7z\xbc\xaf\x27\x1c"):
        assert archive_format("tests/data.bin", content)
    assert archive_format("tests/data.zip", b"")


def test_texts_that_begin_like_programs_are_texts() -> None:
    assert not machine_code("docs/pe.md", b"MZ is how a Windows program begins.")
    assert not archive_format("docs/pk.md", b"BZh is bzip2.")


def test_archive_in_a_candidate_is_found(changing: Changing) -> None:
    changing.candidate("1.1.1", extra={"tests/data.bin": b"PK\x03\x04 and more"})
    assert changing.found() == {("file-archive", ERROR)}


def test_file_above_the_limit_is_not_read(changing: Changing) -> None:
    changing.candidate("1.1.1", extra={"tests/large.txt": b"x" * 6_000_000})
    assert changing.found() == {("limit-file-size", ERROR)}


def test_release_above_the_limit_is_not_read(changing: Changing) -> None:
    extra = {f"tests/{number}.txt": bytes([number]) * 5_000_000 for number in range(11)}
    changing.candidate("1.1.1", extra=extra)
    assert ("limit-release-size", ERROR) in changing.found()


# --- links ----------------------------------------------------------------------------------------

PAGES = {
    "docs/README.md": b"# File tools\n\n[a](guide.md) [b](guide.md#The-end) [c](../manifest.json)\n"
    b"[d](https://example.com/x.md) [e](mailto:a@example.com) [f](#file-tools) [g](../docs)\n"
    b"![i](../assets/a.png)\n\n`[code](nowhere.md)`\n",
    "docs/guide.md": b"# Guide\n\n## The end\n",
    "assets/a.png": png(1, 1),
}


def test_links_that_lead_somewhere_are_good(changing: Changing) -> None:
    pages = {**PAGES, "docs/README.md": PAGES["docs/README.md"].replace(b"#The-end", b"#the-end")}
    changing.candidate("1.1.1", extra=pages)
    assert changing.found() == set()


@pytest.mark.parametrize(
    ("link", "rule", "severity"),
    [
        (b"[x](nowhere.md)", "link-broken", ERROR),
        (b"![x](missing.png)", "link-broken", ERROR),
        (b"[x]: missing.md\n\n[x]", "link-broken", ERROR),
        (b"[x](../../1.0.0/docs/README.md)", "link-outside", ERROR),
        (b"[x](/etc/passwd)", "link-outside", ERROR),
        (b"[x](%2e%2e/%2e%2e/x)", "link-outside", ERROR),
        (b"[x](#nothing)", "anchor-broken", WARNING),
    ],
)
def test_links_that_lead_nowhere_are_found(
    changing: Changing, link: bytes, rule: str, severity: str
) -> None:
    changing.candidate("1.1.1", extra={"docs/README.md": b"# File tools\n\n\n" + link + b"\n"})
    (problem,) = changing.problems()
    assert (problem.rule, problem.severity.value) == (rule, severity)
    assert problem.line >= 4


def test_headings_are_named_as_the_catalogue_and_as_git_hosts_name_them(
    changing: Changing,
) -> None:
    page = b"# A: b & c\n\n# A: b & c\n\n[1](#a-b-c) [2](#a-b--c) [3](#a-b-c-2) [4](#a-b--c-1)\n"
    changing.candidate("1.1.1", extra={"docs/README.md": page})
    assert changing.found() == set()


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (png(3, 2, noise=b"x" * PICTURE_BYTES), "bytes"),
        (huge_png(PICTURE_SIDE + 1, 2), "8,193 × 2 pixels"),
        (b"GIF89a", "how large"),
    ],
    ids=["many bytes", "many pixels", "damaged"],
)
def test_a_picture_that_would_not_be_shown_is_told_of(
    changing: Changing, picture: bytes, said: str
) -> None:
    suffix = "gif" if picture.startswith(b"GIF") else "png"
    changing.candidate("1.1.1", extra={f"assets/a.{suffix}": picture, "assets/b.png": png(3, 2)})
    (problem,) = changing.problems()
    assert (problem.rule, problem.severity.value) == ("picture-hidden", WARNING)
    assert problem.file.endswith(f"assets/a.{suffix}")
    assert said in problem.message


# --- layout ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["libraries/README.md", "libraries/Bad_Name/library.yaml", "libraries/file-tools/notes.txt",
     "libraries/file-tools/one/manifest.json", "libraries/core/library.yaml"],
)  # fmt: skip
def test_stray_files_in_libraries_are_found(changing: Changing, path: str) -> None:
    changing.write(path, "x\n")
    assert changing.found() == {("layout", ERROR)}


def test_stray_file_in_a_release_is_found(changing: Changing) -> None:
    changing.candidate("1.1.1", extra={"build/x.txt": b"x"})
    assert changing.found() == {("path-unexpected", WARNING)}


def test_policy_demands_of_candidates_what_it_lists(changing: Changing) -> None:
    everything = [
        "license", "description", "author", "readme", "changelog", "tests", "permissions",
        "examples",
    ]  # fmt: skip
    changing.write_registry(**policy(require=everything))
    changing.settle()
    changing.candidate("1.1.1", license="", description="", author="")
    shutil.rmtree(changing.path / "libraries/file-tools/1.1.1/docs")
    demanded = {
        ("license-missing", ERROR), ("description-missing", ERROR), ("readme-missing", ERROR),
        ("changelog-missing", ERROR), ("author-missing", ERROR), ("tests-missing", ERROR),
        ("permissions-missing", ERROR), ("examples-missing", ERROR),
    }  # fmt: skip
    assert demanded <= changing.found()


def test_version_without_notes_is_a_warning(changing: Changing) -> None:
    changing.candidate("1.1.1", extra={"docs/CHANGELOG.md": b"# Changelog\n\n## 1.1.0\n"})
    assert ("changelog-missing", WARNING) in changing.found()
