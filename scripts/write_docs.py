"""Write the generated pages of the documentation; a test fails when one is not up to date."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from builder.authoring.format_page import format_page  # noqa: E402 - the checkout is put on the path first
from builder.quality.page import quality_page  # noqa: E402 - as above
from opsteps import COMMANDS, make_app  # noqa: E402 - as above
from server.api.application import openapi_document  # noqa: E402 - as above
from server.following.events import EVENTS  # noqa: E402 - as above
from server.settings_reading import settings_table  # noqa: E402 - as above


def command_reference() -> str:
    """``docs/command-reference.md``: every command with its arguments and options."""
    parts = ["# Command reference\n", "Written by `make docs`; do not edit.\n"]
    for name in COMMANDS:
        group: Any = typer.main.get_command(make_app(name))
        parts.extend(_command_parts(f"opsteps {name}", group.commands[name]))
    return "\n".join(parts)


def _command_parts(path: str, command: Any) -> Iterator[str]:
    """A command, and after it those that it has below it."""
    given = [_usage(p) for p in command.params if p.param_type_name != "option"]
    below = getattr(command, "commands", {})
    usage = " ".join([path, *(["COMMAND"] if below else given)])
    yield f"## {path}\n\n```\n{usage} [OPTIONS]\n```\n"
    yield f"{' '.join((command.help or '').split())}\n"
    rows = [_row(p) for p in command.params if p.name != "help"]
    if rows:
        yield "| | | default |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"
    for name, inner in below.items():
        yield from _command_parts(f"{path} {name}", inner)


def _usage(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper().rstrip("_")
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = ", ".join([*parameter.opts, *parameter.secondary_opts]) if is_option else ""
    shown = f"`{names}`" if names else f"`{_usage(parameter)}`"
    text = " ".join((getattr(parameter, "help", "") or "").split()).replace("|", "\\|")
    default = parameter.default
    plain = default is None or callable(default) or "Sentinel" in repr(default) or default is False
    return f"| {shown} | {text} | {'' if plain else f'`{default}`'} |"


def api_page() -> str:
    """``docs/api.md``: every route, from the OpenAPI document that the server sends."""
    document = openapi_document()
    rows = []
    for path, methods in sorted(document["paths"].items()):
        for method, route in methods.items():
            names = [f"`{p['name']}`" for p in route.get("parameters", ()) if p["in"] == "query"]
            said = " ".join(route["description"].split("\n\n")[0].split())
            codes = ", ".join(code for code in sorted(route["responses"]) if code != "200")
            rows.append(f"| `{method.upper()} {path}` | {said} | {', '.join(names)} | {codes} |")
    table = "| route | what it answers | query | errors |\n| --- | --- | --- | --- |\n"
    events = "\n".join(f"| `{name}` | {said} |" for name, said in EVENTS.items())
    return _API_HEAD + table + "\n".join(rows) + "\n" + _EVENTS_HEAD + events + "\n"


_API_HEAD = """# The HTTP API

Written by `make docs`; do not edit. The whole contract, with schemas and examples,
is the OpenAPI document at `/openapi.json`.

- Every answer is JSON; an error is `{"detail": "…"}`, a sentence that a person can act on,
  sometimes with a list `problems` beside it.
- A query parameter that a route does not have is a 422 that names those it has: a mistyped filter
  never answers everything. `_`, `t`, `timestamp` and `license_key` are passed over everywhere.
- In a refused library errors come before warnings, in `detail` and in `problems`, and are counted
  apart.
- A library as OpsConductor's own service takes it is converted on install; `warnings` say what was
  not taken over (see [importing](authors-import.md#opsconductor)).
- Facts of the registry carry an `ETag`; send it back as `If-None-Match` and get 304. The routes
  that have one name 304 below: figures of the moment and streams have none.
- Answers have an `x-request-id`, the client's own if it sent one. A step that was found has none:
  nothing is logged of a lookup.
- A step is `<library>.<step>`, a certain release of it `<library>.<step>@<version>`; a library is
  asked for by its name or its integer id.
- The catalogue build writes the same answers as files: the path with `.json` added, and the server
  answers both spellings.
- OpsConductor's frontend asks below `/api/v1/step-libraries`; those paths answer the same.

```
curl http://127.0.0.1:3011/api/v1/steps/core.flow.start
curl 'http://127.0.0.1:3011/api/v1/steps?category=Logic&platform=linux'
curl 'http://127.0.0.1:3011/api/v1/search?q=copy%20file&limit=5'
```

"""


_EVENTS_HEAD = """
## Events

`GET /api/v1/events` is a stream of server-sent events. An id is the commit that an event is about;
a client that sends the last one as `Last-Event-ID` resumes after it, at any server of the instance.
Data is JSON: `commit`, `time`, `operation`, `actor`, `attested`, `request_id` and `libraries`, each
with `name`, `library_id`, `version`, `enabled` and `status` as they are now; for `head` only
`commit`, for `health` only `status`, for `reset` only `reason`.

| event | what happened |
| --- | --- |
"""


def operators_page() -> str:
    """``docs/operators.md`` with its table of settings."""
    return _between("docs/operators.md", "settings", settings_table())


def _between(path: str, name: str, content: str) -> str:
    """A page with new text between two comments."""
    page = (ROOT / path).read_text(encoding="utf-8")
    head, begin, rest = page.partition(f"<!-- {name}: begin -->\n")
    _, end, tail = rest.partition(f"<!-- {name}: end -->")
    return head + begin + content + end + tail


# What each code means, once: two errors that share one need the same from a person.
EXIT_CODES = {
    0: "Done.",
    1: "Checked, and something is wrong: problems in a library, an attack on a history, a finding.",
    2: "The command was not understood: an option, a name, an address, a setting or a source.",
    3: "There is no registry.",
    4: "What was named is not there: a library, release, step, file or directory.",
    5: "It contradicts what is there: a taken name or number, a dependency, an owner, a token.",
    6: "Git refused, another writer was faster, or another registry cannot be reached.",
    7: "A limit; the message names it.",
    8: "A key or a signature.",
    9: "The clone lacks what the answer depends on: tags, older commits or contents.",
    10: "The installation lacks files of its own.",
    11: "The output cannot be written.",
    12: "The version is too low for what changed.",
    13: "There is no such kind of source to import.",
    14: "The source to import cannot be read.",
    15: "The search index cannot be used.",
    16: "A package is not one of ours, or damaged.",
    17: "A package cannot be written.",
    18: "A bundle is damaged, or does not fit this registry.",
    19: "A bundle is refused: it is not trusted.",
    20: "A premium library may not be installed.",
    21: "`opsteps demo --check` got a wrong answer.",
    22: "A registry could not be loaded for serving.",
    23: "The address cannot be listened on.",
    25: "A page could not be rendered.",
    26: "`opsteps audit` found nothing, and could not read every advisory.",
    27: "What this clone remembers of the last trusted head is damaged.",
    28: "The database.",
    29: "A worker process ended while it worked.",
    30: "A backup is not whole, or cannot be restored to that place.",
    70: "A bug in opsteps; `OPSTEPS_DEBUG=1` before the command shows the traceback.",
    74: "The file system refused: it is full, can only be read, or is broken.",
    77: "This user may not read or write there.",
    130: "Ended by Ctrl+C.",
    141: "The reader of the output, such as `head`, ended first.",
}
_ROOMS = ("registry", "builder", "server")


def command_line_page() -> str:
    """``docs/command-line.md`` with its table of exit codes as the code has them."""
    return _between("docs/command-line.md", "exit codes", exit_code_table())


def exit_code_table() -> str:
    """The Markdown table of exit codes, with the errors that end with each."""
    errors: dict[int, list[str]] = {code: [] for code in EXIT_CODES}
    for code, name in sorted(error_codes()):
        errors[code].append(f"`{name}`")
    rows = [
        f"| {code} | {meaning} | {', '.join(errors[code])} |"
        for code, meaning in EXIT_CODES.items()
    ]
    return "| code | meaning | errors |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def error_codes() -> set[tuple[int, str]]:
    """The code and name of every error that says with which code a command ends."""
    found: set[tuple[int, str]] = set()
    for path in (path for room in _ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.update((code, node.name) for code in map(_code, node.body) if code)
    return found


def _code(statement: ast.stmt) -> int | None:
    match statement:
        case ast.Assign(targets=[ast.Name("exit_code")], value=ast.Constant(int(code))):
            return code
    return None


PAGES = {
    "docs/command-reference.md": command_reference,
    "docs/api.md": api_page,
    "docs/command-line.md": command_line_page,
    "docs/operators.md": operators_page,
    "docs/library-format.md": format_page,
    "docs/quality.md": quality_page,
}


def main() -> None:
    """Write every page."""
    for path, page in PAGES.items():
        (ROOT / path).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
