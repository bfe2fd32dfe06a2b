"""The pictures that a release's documents show, read from a real repository."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from builder.catalogue.facts.pictures import PICTURES, PictureReader
from builder.markdown.pictures import PICTURE_BYTES, PICTURE_SIDE
from registry.git.repository import GitRepository, isolated_environment
from registry.names import ObjectId
from tests.builder.catalogue.pictures import gif, huge_png, jpeg, png, webp

LINK = "120000"
Files = Mapping[str, bytes | tuple[str, bytes]]
Tree = Callable[[Files], ObjectId]


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[GitRepository]:
    _git(tmp_path, "init", "--quiet", ".")
    opened = GitRepository(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Write a tree of files, each with its content, or with a mode and its content."""

    def write(files: Files) -> ObjectId:
        lines = b""
        for path, value in files.items():
            mode, content = value if isinstance(value, tuple) else ("100644", value)
            blob = _git(tmp_path, "hash-object", "-w", "--stdin", given=content)
            lines += f"{mode} {blob}\t{path}\n".encode()
        _git(tmp_path, "read-tree", "--empty")
        _git(tmp_path, "update-index", "--add", "--index-info", given=lines)
        return ObjectId(_git(tmp_path, "write-tree"))

    return write


def _git(path: Path, *arguments: str, given: bytes = b"") -> str:
    done = subprocess.run(
        ["git", "-C", str(path), *arguments],
        input=given,
        capture_output=True,
        check=True,
        env=isolated_environment(),
    )
    return done.stdout.decode().strip()


def test_pictures_are_known_by_their_content(repository: GitRepository, tree: Tree) -> None:
    files = {
        "assets/a.png": png(3, 2),
        "assets/deep/er/b.JPG": jpeg(30, 20),
        "assets/c c.gif": gif(5, 4),
        "docs/d.webp": webp(7, 6),
        "assets/e.png": gif(9, 8),
    }
    document = (
        b"![](../assets/a.png) ![][b] ![](<../assets/c c.gif>) ![](d.webp) ![](../assets/e.png)\n\n"
        b"[b]: ../assets/deep/er/b.JPG\n"
    )
    reader = PictureReader(repository)
    found = reader.read(tree(files), {"README.md": document})
    assert {path: (p.width, p.height) for path, p in found.items()} == {
        "assets/a.png": (3, 2),
        "assets/deep/er/b.JPG": (30, 20),
        "assets/c c.gif": (5, 4),
        "docs/d.webp": (7, 6),
        "assets/e.png": (9, 8),
    }
    assert [p.address.rpartition(".")[2] for p in found.values()] == [
        "png", "jpg", "gif", "webp", "gif",
    ]  # fmt: skip
    assert {reader.files[p.address] for p in found.values()} == set(files.values())
    assert all(p.address.startswith("pictures/") for p in found.values())


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (
            "assets/a.svg",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        ),
        ("assets/a.png", b"<!doctype html><script>alert(1)</script>"),
        ("assets/a.png", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ("assets/a.png", b""),
        ("assets/a.png", b"\x89PNG\r\n\x1a\n"),
        ("assets/a.png", png(3, 2, noise=b"x" * PICTURE_BYTES)),
        ("assets/a.png", huge_png(PICTURE_SIDE + 1, 1)),
        ("assets/a.png", huge_png(1, PICTURE_SIDE + 1)),
        ("assets/a.png", huge_png(0, 7)),
        ("assets/a.png", (LINK, b"../../../../etc/passwd")),
        ("assets/a.png", (LINK, png(3, 2))),
        ("assets/b.png", png(3, 2)),
        ("assets/a.png/a.png", png(3, 2)),
        ("tests/a.png", png(3, 2)),
    ],
    ids=[
        *("svg", "html", "lfs pointer", "empty", "cut short", "many bytes", "wide", "high"),
        *("no width", "link", "link of image bytes", "other name", "folder", "other folder"),
    ],
)
def test_what_is_no_picture_is_not_published(
    repository: GitRepository, tree: Tree, path: str, content: bytes | tuple[str, bytes]
) -> None:
    document = b"![](../assets/a.png) ![](../assets/a.svg) ![](../tests/a.png)"
    reader = PictureReader(repository)
    assert reader.read(tree({path: content}), {"README.md": document}) == {}
    assert reader.files == {}


def test_a_folder_that_is_a_link_is_not_followed(repository: GitRepository, tree: Tree) -> None:
    files: Files = {"docs/a.png": png(3, 2), "assets": (LINK, b"docs")}
    reader = PictureReader(repository)
    assert reader.read(tree(files), {"README.md": b"![](../assets/a.png)"}) == {}


@pytest.mark.parametrize(
    "target",
    ["/assets/a.png", "../../assets/a.png", "../../1.0.0/assets/a.png", "https://e.example/a.png",
     "//e.example/a.png", "../assets/../../assets/a.png", "..\\assets\\a.png", "../assets/a.png%00",
     "../assets", "..", "%2e%2e/%2e%2e/assets/a.png", "../assets//%0aHEAD"],
)  # fmt: skip
def test_a_path_that_leaves_the_release_names_nothing(
    repository: GitRepository, tree: Tree, target: str
) -> None:
    reader = PictureReader(repository)
    root = tree({"assets/a.png": png(3, 2)})
    assert reader.read(root, {"README.md": f"![a](<{target}>)".encode()}) == {}


def test_only_so_many_pictures_of_a_library_are_looked_at(
    repository: GitRepository, tree: Tree
) -> None:
    numbers = range(PICTURES + 3)
    files = {f"assets/{n}.png": png(1, 1, noise=b"%d" % n) for n in numbers}
    document = "".join(f"![](../assets/{n}.png)\n" for n in numbers).encode()
    reader = PictureReader(repository)
    root = tree(files)
    assert list(reader.read(root, {"README.md": document})) == list(files)[:PICTURES]
    assert len(reader.read(root, {"README.md": document})) == PICTURES


def test_the_same_picture_in_two_releases_is_one_file(
    repository: GitRepository, tree: Tree
) -> None:
    document = {"README.md": b"![](../assets/a.png)"}
    reader = PictureReader(repository)
    reader.read(tree({"assets/a.png": png(3, 2), "manifest.json": b"1"}), document)
    reader.read(tree({"assets/a.png": png(3, 2), "manifest.json": b"2"}), document)
    assert len(reader.files) == 1
