"""Write the generated pages of the documentation; a test fails when one is not up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer.main

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from opsteps import COMMANDS, make_app  # noqa: E402 - the checkout is put on the path first


def cli_page() -> str:
    """``docs/cli.md``: every command with its arguments and options."""
    parts = ["# Commands\n", "Written by `python scripts/write_docs.py`; do not edit.\n"]
    for name in COMMANDS:
        group: Any = typer.main.get_command(make_app(name))
        command = group.commands[name]
        usage = " ".join(
            [f"opsteps {name}", *(_usage(p) for p in command.params if p.param_type_name != "option")]
        )
        parts.append(f"## opsteps {name}\n\n```\n{usage} [OPTIONS]\n```\n")
        parts.append(f"{' '.join((command.help or '').split())}\n")
        rows = [_row(p) for p in command.params if p.name != "help"]
        if rows:
            parts.append("| | | default |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


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


PAGES = {"docs/cli.md": cli_page}


def main() -> None:
    """Write every page."""
    for path, page in PAGES.items():
        (ROOT / path).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
