"""The commands under "Use it" on a library's page, run as a visitor would run them."""

from __future__ import annotations

import html
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from builder.catalogue import build_catalogue
from registry.git.repository import isolated_environment
from registry.publishing.create_registry import init_registry
from registry.sources.release_source import read_source
from registry.transactions.transaction import Actor
from tests.builder.catalogue.conftest import Workshop
from tests.installed import OPSTEPS
from tests.server.real_server import Client, serving

pytestmark = pytest.mark.xdist_group("use-it")

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/registry/libraries/file-operations-basic"
NAME, VERSION = "file-operations-basic", "1.1.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """Somebody who reads the page, and has a directory, a registry and a server."""

    page: str
    address: str
    directory: Path
    server: Client

    def way(self, name: str) -> list[str]:
        """The blocks of code of one way, as a browser copies them."""
        part = self.page.partition(f'class="use-way way-{name}"')[2]
        part = re.split('class="use-way |</section>', part, maxsplit=1)[0]
        blocks = re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", part, re.DOTALL)
        assert blocks
        return [html.unescape(re.sub("<[^>]*>", "", block)) for block in blocks]

    def run(self, commands: str, directory: Path | None = None) -> str:
        """Run a block in a shell that stops at the first command that fails.

        Only what the page leaves open is put in: where the registry's Git repository is, which is
        a directory here and so has to be allowed, and the visitor's own server.
        """
        commands = commands.replace("upstream add demo ADDRESS", "upstream add demo ADDRESS -P")
        commands = commands.replace("-P", "--allow-private").replace("ADDRESS", self.address)
        commands = commands.replace("YOUR-SERVER:3011", f"127.0.0.1:{self.server.port}")
        done = subprocess.run(
            ["bash", "-euc", commands.replace("curl ", "curl -sS --fail-with-body ")],
            cwd=directory or self.directory / "mine",
            env=isolated_environment() | {
                "PATH": f"{OPSTEPS.parent}{os.pathsep}{os.environ['PATH']}",
                "GIT_AUTHOR_NAME": "Nora", "GIT_AUTHOR_EMAIL": "nora@example.com",
                "GIT_COMMITTER_NAME": "Nora", "GIT_COMMITTER_EMAIL": "nora@example.com",
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """One registry to read, and another one with a server."""
    root = tmp_path_factory.mktemp("use-it")
    author = Actor(name="author")
    theirs = init_registry(root / "theirs", name="demo", title="Demo", by=author)
    workshop = Workshop(registry=theirs, path=root / "theirs")
    for version in ("1.0.0", VERSION):
        workshop.release(dict(read_source(EXAMPLE / version)))
    build_catalogue(theirs, root / "site", jobs=1, search=False)
    theirs.close()
    init_registry(root / "mine", name="mine", title="Mine", by=Actor(name="nora")).close()
    page = (root / f"site/libraries/{NAME}/index.html").read_text()
    with serving(root / "mine") as server:
        yield Visitor(page=page, address=f"file://{root}/theirs", directory=root, server=server)


def test_by_name_and_exactly_one_release(visitor: Visitor) -> None:
    (by_name,) = visitor.way("name")
    install, _ = by_name.split("\n")[-1], visitor.run(by_name)
    assert install == f"opsteps install {NAME}"
    exact, dependency = visitor.way("pin")
    said = visitor.run(exact.split("\n")[0])
    assert VERSION in said or NAME in said
    needs = orjson.loads(f"{{{dependency}}}")["dependencies"]
    assert needs == [f"{NAME}>=1.1,<2"]
    assert visitor.server.get(f"/api/v1/libraries/{NAME}").json()["version"] == VERSION


def _pack(visitor: Visitor) -> None:
    """Make the ZIP and install it, once: the tests come in any order, and each alone."""
    if not (visitor.directory / f"{NAME}.zip").is_file():
        visitor.run(visitor.way("file")[0])


def test_a_zip_and_http(visitor: Visitor) -> None:
    _, upload, by_http, _ = visitor.way("file")
    _pack(visitor)
    assert (visitor.directory / f"{NAME}.zip").is_file()
    answer = orjson.loads(visitor.run(upload))
    assert (answer["name"], answer["version"]) == (NAME, VERSION)
    declared = visitor.way("name")[0].split("\n")[0]
    if not visitor.server.get("/api/v1/upstreams").json()["upstreams"]:
        visitor.run(declared)
    answer = orjson.loads(visitor.run(by_http))
    assert answer["name"] == NAME


def test_what_is_read_as_json_is_there_at_a_server_too(visitor: Visitor) -> None:
    _pack(visitor)
    commands = [visitor.way("pin")[0].split("\n")[1], visitor.way("file")[3]]
    for command in commands:
        path = command.partition("/api/")[2]
        assert visitor.server.get(f"/api/{path}").json()["name"], path


def test_a_better_version_passes_the_check_that_the_page_names(visitor: Visitor) -> None:
    (contribute,) = visitor.way("better")
    (comment,) = (line for line in contribute.split("\n") if line.startswith("#"))
    change = (
        f'sed -i \'s/"version": "{VERSION}"/"version": "1.1.1"/\' ../{NAME}/manifest.json\n'
        f"sed -i '0,/^## /s//## 1.1.1\\n\\n- Better\\n\\n## /' ../{NAME}/docs/CHANGELOG.md"
    )
    elsewhere = visitor.directory / "contributing"
    elsewhere.mkdir()
    visitor.run(contribute.replace(comment, change), elsewhere)
