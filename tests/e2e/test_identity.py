"""Who did it: Git's own identity where there is one, the actor where one is named."""

import json
from pathlib import Path

import pytest

from tests.installed import opsteps
from tests.registry.making import files, git, new_registry, write_files

NOBODY = {f"GIT_{who}_{what}": "" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    new_registry(tmp_path / "reg").close()
    write_files(tmp_path / "lib", files())
    (tmp_path / "home.gitconfig").write_text(
        "[user]\nname = Nora Example\nemail = nora@x.example\n"
    )
    return tmp_path


def said(where: Path) -> tuple[str, str, str]:
    """Author, actor and owner of what was added."""
    author, _, body = git(where / "reg", "log", "-1", "--format=%an <%ae>%n%B").partition("\n")
    actor = next(line for line in body.splitlines() if line.startswith("Actor: "))
    facts = git(where / "reg", "show", "HEAD:libraries/file-tools/library.yaml")
    return author, actor.removeprefix("Actor: "), facts


def test_gits_identity_is_author_actor_and_first_owner(where: Path) -> None:
    home = {**NOBODY, "GIT_CONFIG_GLOBAL": str(where / "home.gitconfig")}
    opsteps(where, "add", "lib", "-r", "reg", env=home)
    author, actor, facts = said(where)
    assert (author, actor) == ("Nora Example <nora@x.example>", "Nora Example")
    assert "- Nora Example" in facts


def test_a_named_actor_is_actor_and_owner_and_git_stays_the_author(where: Path) -> None:
    home = {**NOBODY, "GIT_CONFIG_GLOBAL": str(where / "home.gitconfig")}
    opsteps(where, "add", "lib", "-r", "reg", "--actor", "nora", env=home)
    author, actor, facts = said(where)
    assert (author, actor) == ("Nora Example <nora@x.example>", "nora")
    assert "- nora\n" in facts


def test_the_registrys_own_configuration_and_the_variables_come_first(where: Path) -> None:
    git(where / "reg", "config", "user.name", "Local")
    home = {**NOBODY, "GIT_CONFIG_GLOBAL": str(where / "home.gitconfig")}
    opsteps(where, "add", "lib", "-r", "reg", env=home)
    assert said(where)[:2] == ("Local <nora@x.example>", "Local")
    variables = {"GIT_AUTHOR_NAME": "Vera <v>\x1b[31m", "GIT_AUTHOR_EMAIL": "vera@x.example"}
    opsteps(where, "release", "file-tools", "-r", "reg", env={**home, **variables})
    assert said(where)[0] == "Vera v[31m <vera@x.example>"
    tagger = git(where / "reg", "for-each-ref", "--format=%(taggername)", "refs/tags/")
    assert tagger == "Vera v[31m"


def test_the_machines_user_is_the_last_resort(where: Path) -> None:
    nowhere = {**NOBODY, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    opsteps(where, "add", "lib", "-r", "reg", env={**nowhere, "LOGNAME": "login"})
    assert said(where)[:2] == ("login <login@opsteps.invalid>", "login")


def test_that_nobody_is_named_is_said_once_on_standard_error(where: Path) -> None:
    nowhere = {**NOBODY, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    nowhere["LOGNAME"] = "login"
    said = opsteps(where, "add", "lib", "-r", "reg", env=nowhere)
    assert said.count("nobody is named: what is committed is by login; set 'git config") == 1
    json.loads(opsteps(where, "release", "file-tools", "-r", "reg", "--json", env=nowhere))
    named = opsteps(
        where, "yank", "file-tools", "1.0.0", "--reason", "x", "-r", "reg", "--actor", "nora",
        env=nowhere,
    )  # fmt: skip
    assert "nobody is named" not in named
    git(where / "reg", "config", "user.name", "Local")
    assert "nobody" not in opsteps(where, "unyank", "file-tools", "1.0.0", "-r", "reg", env=nowhere)
