"""Where workflows get opsteps from, and where pages are: said by people, and by strangers."""

import json
import re
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidNameError
from registry.formats.parsing import parse_registry_facts
from registry.publishing.registry_template.files import Host, NewRegistry, registry_files
from registry.publishing.registry_template.published_address import (
    address_of_clone,
    is_loopback,
    pages_address,
    repository_of_clone,
)
from registry.publishing.registry_template.tool_source import installed_tool, parse_tool
from tests.installed import opsteps
from tests.registry.making import git

SHA256 = "ab" * 32
COMMIT = "cd" * 20
WHEEL = "opsconductor_steps-0.1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "index", "lines"),
    [
        (
            f"https://files.example:8443/a/{WHEEL}#sha256={SHA256}",
            None,
            [
                f"opsconductor-steps @ https://files.example:8443/a/{WHEEL} --hash=sha256:{SHA256}",
            ],
        ),
        (
            f"http://127.0.0.1:9/{WHEEL}#sha256={SHA256}",
            None,
            [f"opsconductor-steps @ http://127.0.0.1:9/{WHEEL} --hash=sha256:{SHA256}"],
        ),
        (
            f"git+https://git.example/ops/steps.git@{COMMIT}",
            None,
            [f"git+https://git.example/ops/steps.git@{COMMIT}"],
        ),
        (
            f"git+ssh://git@git.example/ops/steps@{COMMIT}",
            None,
            [f"git+ssh://git@git.example/ops/steps@{COMMIT}"],
        ),
        (
            f"acme-opsteps==1.2.0#sha256={SHA256}",
            "https://pkg.example/simple/",
            [
                "--extra-index-url https://pkg.example/simple/",
                f"acme-opsteps==1.2.0 --hash=sha256:{SHA256}",
            ],
        ),
    ],
)
def test_an_exact_source_is_taken(text: str, index: str | None, lines: list[str]) -> None:
    assert list(parse_tool(text, index).lines) == lines


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("opsconductor-steps", None),
        ("opsconductor-steps==0.1.0", None),
        ("opsconductor-steps==0.1.0", "https://pkg.example/simple"),
        (f"opsconductor-steps==0.1.0#sha256={SHA256}", None),
        (f"https://files.example/{WHEEL}", None),
        (f"https://files.example/{WHEEL}#sha256={SHA256[:-1]}", None),
        (f"https://files.example/{WHEEL}#sha256={SHA256}\n--index-url=https://evil.example", None),
        (f"http://files.example/{WHEEL}#sha256={SHA256}", None),
        (f"https://user:secret@files.example/{WHEEL}#sha256={SHA256}", None),
        (f"https://files.example/steps.whl#sha256={SHA256}", None),
        (f"https://files.example/steps-0.1.0.tar.gz#sha256={SHA256}", None),
        (f"https://files.example/${{HOME}}/{WHEEL}#sha256={SHA256}", None),
        (f"https://files.example/a b/{WHEEL}#sha256={SHA256}", None),
        (f"https://files.example/';id;'/{WHEEL}#sha256={SHA256}", None),
        ("git+https://git.example/ops/steps.git", None),
        ("git+https://git.example/ops/steps.git@main", None),
        (f"git+https://git.example/ops/steps.git@{COMMIT[:12]}", None),
        (f"git+https://token@git.example/ops/steps.git@{COMMIT}", None),
        (f"git+file:///ops/steps.git@{COMMIT}", None),
        (f"git+ext::sh@{COMMIT}", None),
        (f"--index-url=https://evil.example==1#sha256={SHA256}", "https://pkg.example"),
        (f"git+https://git.example/steps@{COMMIT}", "https://pkg.example/simple"),
        (f"a==1#sha256={SHA256}", "https://user:secret@pkg.example/simple"),
        (f"a==1#sha256={SHA256}", "https://pkg.example/simple --trusted-host=x"),
        (f"a==1#sha256={SHA256}", "ftp://pkg.example/simple"),
        ("", None),
    ],
)
def test_what_is_not_exact_or_not_harmless_is_refused(text: str, index: str | None) -> None:
    with pytest.raises(InvalidNameError) as refused:
        parse_tool(text, index)
    assert refused.value.next_step


@given(st.text(max_size=40), st.sampled_from(["path", "name", "host"]))
def test_whatever_is_taken_stays_on_its_line(text: str, place: str) -> None:
    parts = {"path": "a", "name": "steps", "host": "files.example", place: text}
    source = f"https://{parts['host']}/{parts['path']}/{parts['name']}-1.0-py3-none-any.whl"
    try:
        lines = parse_tool(f"{source}#sha256={SHA256}").lines
    except InvalidNameError:
        return
    for line in lines:
        assert re.fullmatch(r"[A-Za-z0-9@:/._~%+= -]+", line)


def test_init_writes_it_and_nothing_installs_by_a_bare_name(tmp_path: Path) -> None:
    source = f"https://files.example/{WHEEL}#sha256={SHA256}"
    opsteps(tmp_path, "init", "steps", "--tool", source)
    said = (tmp_path / "steps/ci/opsteps.txt").read_text()
    lines = [line for line in said.splitlines() if not line.startswith("#")]
    assert lines == [f"opsconductor-steps @ https://files.example/{WHEEL} --hash=sha256:{SHA256}"]
    for path in (tmp_path / "steps").rglob("*"):
        if path.is_file() and ".git/" not in str(path):
            bare = (
                rf"{WHEEL}|opsconductor-steps @ https://|opsconductor_steps-VERSION"
                r"|# +(?:via +)?opsconductor-steps \(pyproject\.toml\)|'\^opsconductor-steps '"
            )
            assert not re.search("opsconductor[-_]steps", re.sub(bare, "", path.read_text())), path


def test_a_source_that_is_refused_makes_nothing(tmp_path: Path) -> None:
    said = opsteps(tmp_path, "init", "steps", "--tool", "opsconductor-steps==0.1.0", expect=2)
    assert "no exact source" in said
    assert "git+https://HOST/PATH@COMMIT" in said
    assert not list(tmp_path.iterdir())


def test_without_a_source_it_says_where_to_write_one(tmp_path: Path) -> None:
    said = opsteps(tmp_path, "init", "steps")
    assert "ci/opsteps.txt" in said
    written = (tmp_path / "steps/ci/opsteps.txt").read_text()
    assert all(line.startswith("#") for line in written.splitlines())


@pytest.mark.parametrize(
    ("direct", "line"),
    [
        (
            {
                "url": f"https://files.example/{WHEEL}",
                "archive_info": {"hash": f"sha256={SHA256}", "hashes": {"sha256": SHA256}},
            },
            f"opsconductor-steps @ https://files.example/{WHEEL} --hash=sha256:{SHA256}",
        ),
        (
            {
                "url": "https://git.example/steps.git",
                "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"},
            },
            f"git+https://git.example/steps.git@{COMMIT}",
        ),
        ({"url": f"file:///tmp/{WHEEL}", "archive_info": {"hash": f"sha256={SHA256}"}}, None),
        ({"url": f"https://files.example/{WHEEL}", "archive_info": {}}, None),
        ({"url": "file:///work/checkout", "dir_info": {"editable": True}}, None),
        (None, None),
        ([], None),
    ],
)
def test_it_is_derived_from_how_this_one_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direct: object, line: str | None
) -> None:
    """What installers write down (PEP 610), in a distribution that Python finds first."""
    info = tmp_path / "opsconductor_steps-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: opsconductor-steps\nVersion: 0.1.0\n"
    )
    if direct is not None:
        (info / "direct_url.json").write_text(json.dumps(direct))
    monkeypatch.syspath_prepend(tmp_path)
    assert metadata.version("opsconductor-steps") == "0.1.0"
    found = installed_tool()
    assert (found.lines[0] if found else None) == line


# --- the address of the pages ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://github.com/ACME/steps.git", "https://acme.github.io/steps"),
        ("https://github.com/acme/steps", "https://acme.github.io/steps"),
        ("https://x-access-token:ghs_1@github.com/acme/steps", "https://acme.github.io/steps"),
        ("git@github.com:acme/steps.git", "https://acme.github.io/steps"),
        ("ssh://git@github.com/acme/steps.git", "https://acme.github.io/steps"),
        ("https://github.com/acme/acme.github.io.git", "https://acme.github.io"),
        ("git@gitlab.com:acme/steps.git", "https://acme.gitlab.io/steps"),
        ("https://gitlab.com/acme/ops/steps.git", "https://acme.gitlab.io/ops/steps"),
        ("https://github.com/acme", None),
        ("https://github.com/acme/a/b", None),
        ("https://github.com.evil.example/acme/steps", None),
        ("https://git.acme.example/acme/steps.git", None),
        ("/srv/git/steps.git", None),
        ("https://github.com/acme/<script>", None),
        ("https://github.com/acme/ste\nps", None),
        ("", None),
    ],
)
def test_the_address_of_a_hosts_pages(remote: str, address: str | None) -> None:
    assert pages_address(remote) == address


def test_a_clone_knows_it_and_nothing_else_does(tmp_path: Path) -> None:
    assert address_of_clone(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert address_of_clone(tmp_path) is None
    git(tmp_path, "remote", "add", "origin", "git@github.com:acme/steps.git")
    assert address_of_clone(tmp_path) == "https://acme.github.io/steps"
    inside = tmp_path / "inside"
    inside.mkdir()
    assert address_of_clone(inside) is None
    assert address_of_clone(tmp_path / "absent") is None
    assert repository_of_clone(tmp_path) == "https://github.com/acme/steps.git"
    assert repository_of_clone(inside) is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://steps.example.com", "https://github.com/acme/steps.git"),
        ("https://acme.github.io/steps", ""),
    ],
)
def test_a_new_registry_says_its_repository_where_its_address_does_not(url: str, said: str) -> None:
    wanted = NewRegistry(
        name="steps", title="Steps", url=url, repository="https://github.com/acme/steps.git"
    )
    facts = parse_registry_facts(registry_files(wanted)["registry.yaml"]).value
    assert facts is not None
    assert facts.repository == said


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:3011", True),
        ("http://127.1.2.3/x", True),
        ("http://LOCALHOST:3011/", True),
        ("http://steps.localhost", True),
        ("http://[::1]:3011", True),
        ("http://0.0.0.0:3011", True),
        ("https://127.example.com", False),
        ("https://localhost.example.com", False),
        ("https://acme.github.io/localhost", False),
    ],
)
def test_what_means_this_machine(url: str, loopback: bool) -> None:
    assert is_loopback(url) == loopback


def test_the_setup_list_says_to_change_an_address_that_means_this_machine() -> None:
    for url, wanted in (("http://127.0.0.1:3011", True), ("https://acme.github.io/steps", False)):
        new = NewRegistry(name="steps", title="Steps", url=url, hosts=tuple(Host))
        readme = registry_files(new)["README.md"].decode()
        assert ("`url:` in `registry.yaml` is where the catalogue will be" in readme) == wanted
