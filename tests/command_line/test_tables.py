import json
import subprocess
from pathlib import Path

import pytest

from tests.command_line.conftest import LONG
from tests.installed import command as installed
from tests.installed import opsteps
from tests.terminal import on_terminal, without_codes

WIDTHS = [60, 80, 120]


def shown(place: Path, *arguments: object, columns: int) -> str:
    text = without_codes(on_terminal(place, *arguments, columns=columns))
    assert max(map(len, text.splitlines())) <= columns
    return text


def words(text: str) -> str:
    """The words of a text, however its lines were broken."""
    return " ".join(text.split())


@pytest.mark.parametrize("columns", WIDTHS)
def test_search_cuts_neither_ids_nor_versions_nor_what_they_are_about(
    place: Path, columns: int
) -> None:
    text = shown(place, "search", "restarts", columns=columns)
    assert f"{LONG}@1.0.0" in text
    assert "file-tools@1.0.0" in text
    assert "…" not in text
    for word in ("Restarts", "services", "machine", "order"):
        assert word in text


@pytest.mark.parametrize("columns", WIDTHS)
def test_log_shows_each_commit_and_the_message(place: Path, columns: int) -> None:
    entries = json.loads(opsteps(place, "log", "--json"))
    text = shown(place, "log", columns=columns)
    for entry in entries:
        assert entry["commit"][:12] in text
        assert entry["time"] in text
    assert "Release" in text
    assert "…" not in text
    if columns < 120:  # below that the message has lines of its own
        assert f"Release {LONG} 1.0.0" in words(text)


@pytest.mark.parametrize("columns", WIDTHS)
def test_tokens_are_listed_whole(own_place: Path, columns: int) -> None:
    opsteps(own_place, "token", "create", "the deployment robot", "--scope", "manage")
    text = shown(own_place, "token", "list", columns=columns)
    (token,) = json.loads(opsteps(own_place, "token", "list", "--json"))
    assert "the deployment robot" in text
    assert token["created_at"] in text
    assert "manage" in text


@pytest.mark.parametrize("columns", WIDTHS)
def test_upstreams_are_listed_whole(place: Path, own_place: Path, columns: int) -> None:
    address = place.as_uri()
    opsteps(own_place, "upstream", "add", "community", address, "--allow-private")
    text = shown(own_place, "upstream", "list", columns=columns)
    assert "community" in text
    assert address in "".join(text.split())
    offers = shown(own_place, "upstream", "available", columns=columns)
    assert LONG in offers
    assert "1.0.0" in offers


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("command", [["show", LONG], ["diff", LONG], ["verify"], ["audit"]])
def test_other_commands_lose_nothing_that_matters(
    place: Path, command: list[str], columns: int
) -> None:
    text = without_codes(on_terminal(place, *command, columns=columns))
    if command[0] in {"show", "diff"}:
        assert LONG in text
        assert "1.0.0" in text
    assert "…" not in text


@pytest.mark.parametrize(
    ("command", "header"),
    [
        (["search", "copy"], "kind\tid\ttitle\tcategory\tpremium\tsummary"),
        (["log"], "time\tcommit\toperation\tactor\tattested\tlibraries\tmessage"),
        (["token", "list"],
         "name\tscopes\tstate\tcreated_at\tcreated_by\texpires_at\tlast_used_at"),
        (["upstream", "list"], None),
        (["upstream", "available"], "library\tversion\tupstream\tstatus\tnote"),
    ],
)  # fmt: skip
def test_a_pipe_gets_tabs_after_a_header(
    own_place: Path, command: list[str], header: str | None
) -> None:
    opsteps(own_place, "token", "create", "robot", "--scope", "read")
    lines = subprocess.run(
        installed(*command), cwd=own_place, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert lines[:1] == ([header] if header is not None else [])
    assert {line.count("\t") for line in lines[1:]} <= {(header or "").count("\t")}


def test_colour_is_for_terminals_and_not_with_no_color(place: Path) -> None:
    assert "\x1b[33m" in on_terminal(place, "log", columns=120)
    assert "\x1b[3" not in on_terminal(place, "log", columns=120, env={"NO_COLOR": "1"})
    piped = opsteps(place, "log", env={"FORCE_COLOR": "1", "NO_COLOR": ""})
    assert "\x1b" not in piped


def test_json_is_all_there_is_on_standard_output(own_place: Path) -> None:
    """Every command with a result for scripts; each of these lacked --json once, or mixed it."""
    for arguments in (
        ["token", "create", "robot", "--scope", "read"],
        ["token", "revoke", "robot"],
        ["lock", "-o", own_place.parent / "opsteps.lock"],
        ["upstream", "add", "me", own_place.as_uri(), "--allow-private"],
        ["upstream", "update"],
        ["upstream", "list"],
        ["upstream", "trust", "me", "HEAD"],
        ["upstream", "remove", "me"],
        ["new", "more-tools", "--into", own_place.parent],
        ["init", own_place.parent / "another"],
        ["update"],
        ["toggle", "file-tools", "--off"],
    ):
        assert json.loads(opsteps(own_place, *arguments, "--json")) is not None, arguments
