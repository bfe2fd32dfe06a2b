import re
import shlex
from contextvars import Context
from pathlib import Path

import pytest

from registry.errors import NotARegistryError
from registry.locating.hints import WITH_REGISTRY, command_line, with_registry
from registry.locating.location import VARIABLE, choose_registry, find_registry
from registry.terminal.suggestions import did_you_mean
from tests.command_line.conftest import strict_files
from tests.installed import opsteps
from tests.registry.making import complete_files, git, write_files

ROOT = Path(__file__).resolve().parents[2]
_REGISTRY_TWICE = re.compile(r"'opsteps ([a-z-]+) (?:[^'\n]* )?REGISTRY\b")


def test_registry_is_found_from_anywhere_inside_it(own_place: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(own_place), "bare")
    (own_place / "docs/deep").mkdir(parents=True)
    for inside in (".", "docs/deep", "libraries/file-tools/1.0.0/steps", ".git", ".git/refs/heads"):
        assert "file-tools 1.0.0" in opsteps(own_place / inside, "show", "file-tools"), inside
    for inside in (".", "refs/heads"):
        assert "file-tools 1.0.0" in opsteps(tmp_path / "bare" / inside, "show", "file-tools")


def test_a_linked_worktree_and_a_repository_inside_a_registry(
    own_place: Path, tmp_path: Path
) -> None:
    git(own_place, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert find_registry(tmp_path / "linked/libraries") == Path("..")
    git(own_place, "init", "-q", "application")
    assert find_registry(own_place / "application") == Path("..")
    (own_place / "registry.yaml").unlink()  # it is still committed
    assert find_registry(own_place / "libraries") == Path("..")


def test_where_there_is_none_the_ways_to_name_one_are_said_in_their_order(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "application")
    said = opsteps(tmp_path / "application", "search", "x", expect=3)
    assert said.index("--registry") < said.index(VARIABLE) < said.index("opsteps init")


@pytest.mark.parametrize(
    "command",
    [["search", "copy"], ["show", "file-tools"], ["log"], ["verify"], ["token", "list"], ["lock"],
     ["upstream", "list"], ["audit"], ["diff", "file-tools"], ["validate"],
     ["package", "file-tools"]],
)  # fmt: skip
def test_environment_names_the_registry_of_every_command(
    own_place: Path, tmp_path: Path, command: list[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    opsteps(elsewhere, *command, env={VARIABLE: str(own_place)})


def test_an_option_wins_over_the_environment_and_a_wrong_one_is_named(
    own_place: Path, tmp_path: Path
) -> None:
    wrong = {VARIABLE: str(tmp_path / "nowhere")}
    assert "file-tools" in opsteps(tmp_path, "show", "file-tools", "-r", own_place, env=wrong)
    assert VARIABLE in opsteps(tmp_path, "show", "file-tools", expect=3, env=wrong)


@pytest.mark.parametrize("command", ["verify", "validate", "lock", "build"])
def test_commands_about_a_whole_registry_take_it_as_an_argument(
    own_place: Path, tmp_path: Path, command: str
) -> None:
    opsteps(tmp_path, command, own_place)
    opsteps(tmp_path, command, "--registry", own_place)
    opsteps(own_place / "libraries", command)
    assert "once" in opsteps(tmp_path, command, own_place, "-r", own_place, expect=2) or (
        command == "validate"
    )


@pytest.mark.parametrize(
    "command", [["search", "x"], ["log"], ["audit"], ["token", "list"], ["upstream", "list"]]
)
def test_other_commands_say_how_to_name_it(own_place: Path, command: list[str]) -> None:
    done = opsteps(own_place.parent, *command, own_place.name, expect=3)
    assert f"Name the registry with --registry {shlex.quote(own_place.name)}" in done
    git(own_place.parent, "init", "-q", "other")
    other = own_place.parent / "other"
    (other / "registry.yaml").write_text("name: other\n")
    text = " ".join(opsteps(other, "token", "list", own_place, expect=2).replace("│", "").split())
    assert "Name the registry with --registry" in text


def test_validate_checks_the_library_that_we_are_in(own_place: Path, tmp_path: Path) -> None:
    library = write_files(tmp_path / "apart", complete_files("other-tools"))
    assert "1 checked" in opsteps(library, "validate")
    assert "1 checked" in opsteps(library, "validate", env={VARIABLE: str(own_place)})
    assert "1 checked" in opsteps(own_place / "libraries/file-tools/1.0.0", "validate")
    assert "3 checked" in opsteps(own_place / "libraries", "validate")
    broken = write_files(tmp_path / "broken", {"steps/a.json": b"{}"})
    assert "manifest.json" in opsteps(broken, "validate", expect=1)


def test_hints_can_be_copied(own_place: Path, tmp_path: Path) -> None:
    write_files(tmp_path / "library", strict_files("1.1.0"))
    said = opsteps(tmp_path, "add", "library", "-r", own_place.name)
    hint = next(line for line in said.splitlines() if "Next:" in line).partition("Next: ")[2]
    assert hint == "opsteps release file-tools 1.1.0 --registry 'own steps'"
    assert opsteps(tmp_path, *shlex.split(hint)[1:]).startswith("Released")
    inside = opsteps(own_place, "add", "../library", "-r", ".")
    assert "--registry" not in inside
    refused = opsteps(tmp_path, "show", "file-tools@9.9.9", "-r", "own steps", expect=4)
    assert "'opsteps show file-tools --registry \"own steps\"'" in refused


def test_hints_name_no_registry_twice_nor_where_it_means_nothing(
    monkeypatch: pytest.MonkeyPatch, own_place: Path, tmp_path: Path
) -> None:
    # A context of its own forgets which registry was named.
    Context().run(_check_hints, monkeypatch, own_place, tmp_path)


def _check_hints(monkeypatch: pytest.MonkeyPatch, own_place: Path, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    choose_registry(own_place)
    option = f" --registry {shlex.quote(str(own_place))}"
    assert command_line("log") == f"opsteps log{option}"
    assert command_line("log", registry=Path("a b")) == "opsteps log --registry 'a b'"
    inner = f' --registry "{own_place}"'
    assert with_registry("See 'opsteps log x'") == f"See 'opsteps log x{inner}'"
    for text in ("'opsteps log -r y'", "'opsteps init x'", "'opsteps validate'", "opsteps log"):
        assert with_registry(text) == text
    monkeypatch.chdir(own_place / "libraries")
    assert command_line("log") == "opsteps log"


def test_no_advice_names_a_registry_in_capitals_where_the_real_one_is_added() -> None:
    found = [
        (str(path.relative_to(ROOT)), command)
        for room in ("registry", "builder", "server")
        for path in (ROOT / room).rglob("*.py")
        for command in _REGISTRY_TWICE.findall(path.read_text(encoding="utf-8"))
        if command in WITH_REGISTRY
    ]
    assert not found


def test_a_hint_shows_no_codes_of_strangers() -> None:
    assert "\x1b" not in command_line("show", "a\x1b[2J")


def test_nowhere_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotARegistryError):
        find_registry(tmp_path)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("nosuch", ["no-such", "other"], "Did you mean 'no-such'?"),
        ("File-Tool", ["file-tools"], "Did you mean 'file-tools'?"),
        ("prodution", ["production", "staging"], "Did you mean 'production'?"),
        ("ab", ["abc", "abd", "abe"], "Did you mean 'abc', 'abd' or 'abe'?"),
        ("zzz", ["file-tools"], ""),
        ("x" * 1_000_000, ["x" * 200], f"Did you mean '{'x' * 200}'?"),
        ("evil", ["evil\x1b[2J"], "Did you mean 'evil\\x1b[2J'?"),
        ("x", [], ""),
    ],
)
def test_suggestions(word: str, known: list[str], expected: str) -> None:
    assert set(did_you_mean(word, known).split("'")[1::2]) == set(expected.split("'")[1::2])


def test_names_that_are_not_there_get_a_suggestion(own_place: Path) -> None:
    for arguments in (
        ["show", "file-tool"],
        ["show", "file-tools.file.cpy"],
        ["show", "file-tools@1.0.1"],
        ["toggle", "file-tool", "off"],
        ["uninstall", "file-tool"],
        ["yank", "file-tool", "1.0.0", "--reason", "x"],
        ["rollback", "file-tool", "--to", "1.0.0"],
        ["package", "file-tool"],
        ["log", "file-tool"],
        ["diff", "file-tool"],
    ):
        said = opsteps(own_place, *arguments, expect=4)
        assert "Did you mean" in said, arguments
    assert not opsteps(own_place, "show", "nosuch", expect=4).startswith("opsteps: 0")


def test_toggle_says_what_to_write(own_place: Path) -> None:
    said = " ".join(opsteps(own_place, "toggle", "file-tools", expect=2).replace("│", "").split())
    assert "opsteps toggle file-tools --on, or opsteps toggle file-tools --off" in said
    assert "disabled" in opsteps(own_place, "toggle", "file-tools", "off")
    assert "enabled" in opsteps(own_place, "toggle", "file-tools", "--on")
    opsteps(own_place, "toggle", "file-tools", "on", "--off", expect=2)


def test_first_token_says_what_it_changes(own_place: Path) -> None:
    first = opsteps(own_place, "token", "create", "one", "--scope", "read")
    assert "first token" in first
    assert "first token" not in opsteps(own_place, "token", "create", "two", "--scope", "read")
    refused = opsteps(own_place, "token", "create", "x", "--scope", "write", expect=2)
    for scope in ("read", "execute", "manage", "admin"):
        assert f"'{scope}'" in refused
    assert "Value error" not in refused


def test_help_and_version_by_every_name(tmp_path: Path) -> None:
    assert opsteps(tmp_path, "version") == opsteps(tmp_path, "--version")
    whole = opsteps(tmp_path, "--help")
    assert opsteps(tmp_path, "-h") == opsteps(tmp_path, "help") == whole
    one = opsteps(tmp_path, "upstream", "add", "--help")
    assert opsteps(tmp_path, "help", "upstream", "add") == one
    assert opsteps(tmp_path, "upstream", "add", "-h") == one
    opsteps(tmp_path, "help", "valdate", expect=2)


def test_serve_takes_the_registry_as_an_argument(tmp_path: Path) -> None:
    """It ends at once where there is none: how it serves is tested with the server."""
    assert "no-such" in opsteps(tmp_path, "serve", "no-such", expect=3)
