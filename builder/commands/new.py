"""``opsteps new``: begin a library from a template."""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import os
import re
import shlex
import shutil
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from builder.authoring.library_template import (
    FIRST_VERSION,
    NewLibrary,
    Template,
    editor_files,
    library_files,
)
from registry.commands.acting import actor_or_user
from registry.commands.options import JsonOption, NearRegistryOption
from registry.errors import ConflictError
from registry.formats.model import RegistryFacts
from registry.formats.parsing import parse_registry_facts
from registry.git.identity import git_identity
from registry.names import parse_library_name
from registry.problems import InvalidLibraryError, printable

_HERE = Path()
_LICENSE = "MIT"
_NAMED = re.compile(r"(?P<name>[^<>]*?)\s*<(?P<email>[^<>]*)>\s*\Z")
_EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\Z")


def new(
    name: Annotated[str, typer.Argument(help="The library's name, such as file-tools.")],
    template: Annotated[
        Template, typer.Option(help="The template to begin from.")
    ] = Template.FILES,
    into: Annotated[Path, typer.Option(help="The folder to make its directory in.")] = _HERE,
    author: Annotated[
        str | None,
        typer.Option(help="'Name' or 'Name <address>'; as Git knows you when left out."),
    ] = None,
    publisher: Annotated[
        str | None, typer.Option(help="The publisher that releases it, as in registry.yaml.")
    ] = None,
    license_: Annotated[
        str | None,
        typer.Option(
            "--license", help="An SPDX id; MIT, or the first that the registry allows, else."
        ),
    ] = None,
    registry: NearRegistryOption = _HERE,
    as_json: JsonOption = False,
) -> None:
    """Begin a library from a template: it validates, and its tests pass, as it is."""
    target = into / parse_library_name(name)
    if os.path.lexists(target):
        raise _taken(target)
    facts = _registry_facts(registry)
    written_by, address = _author(author, registry)
    wanted = NewLibrary(
        name=parse_library_name(name),
        template=template,
        author=written_by,
        author_email=address,
        license=license_
        or (facts.policy.licenses[0] if facts and facts.policy.licenses else "MIT"),
        publisher=publisher,
        date=datetime.now(UTC).date().isoformat(),
        schemas=_published_schemas(facts),
    )
    try:
        files = library_files(wanted)
    except InvalidLibraryError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise error.listed() from error
    beside = editor_files() if wanted.schemas is None else {}
    _write(target, {**files, **beside})
    if as_json:
        made = {"name": name, "version": FIRST_VERSION, "directory": str(target)}
        typer.echo(json.dumps({**made, "template": template}))
        return
    _say(target, template, registry if facts else None)


def _taken(target: Path) -> ConflictError:
    return ConflictError(
        "there is something here already",
        where=str(target),
        next_step="Choose another name, or another directory with --into",
    )


def _registry_facts(directory: Path) -> RegistryFacts | None:
    """Return the facts of the registry that we are in; None when we are in none."""
    try:
        raw = (directory / "registry.yaml").read_bytes()
    except OSError:
        return None
    return parse_registry_facts(raw).value


def _usual_license(facts: RegistryFacts | None) -> str:
    return facts.policy.licenses[0] if facts and facts.policy.licenses else _LICENSE


def _published_schemas(facts: RegistryFacts | None) -> str | None:
    """Return the address where editors find the schemas; never that of somebody's own machine."""
    if facts is None:
        return None
    host = urlsplit(facts.url).hostname or "localhost"
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return None if is_here else f"{facts.url.rstrip('/')}/schemas"


def _author(given: str | None, directory: Path) -> tuple[str, str | None]:
    """Name and address: as given, else as Git knows the user, else the user's name."""
    if given is None:
        known = git_identity(directory)
        return printable(known.name) or actor_or_user(None), _address(printable(known.email))
    named = _NAMED.match(given)
    return (named["name"], named["email"]) if named else (given, None)


def _address(text: str) -> str | None:
    return text if _EMAIL.match(text) else None


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    """Write all of it or nothing: the directory gets its name when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        for path, content in files.items():
            file = staging / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        staging.rename(target)
    except OSError as error:
        if os.path.lexists(target):
            raise _taken(target) from error
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _say(target: Path, template: Template, registry: Path | None) -> None:
    shown = shlex.quote(printable(str(target)))
    place = shlex.quote(printable(str(registry))) if registry else "REGISTRY"
    typer.echo(f"Made {shown}: {FIRST_VERSION}, from the template {template}")
    typer.echo("  Make it yours, then:")
    for line in _test_lines(shown):
        typer.echo(f"    {line}")
    typer.echo(f"    opsteps validate {shown}")
    typer.echo(f"    opsteps add {shown} --registry {place}")


def _test_lines(library: str) -> tuple[str, ...]:
    """Say how to run a library's tests with what is there; its tests need nothing but pytest."""
    if importlib.util.find_spec("pytest") is not None:
        return (f"{shlex.quote(sys.executable)} -m pytest {library}",)
    return (
        "python3 -m venv test-env && test-env/bin/python -m pip install pytest",
        f"test-env/bin/python -m pytest {library}",
    )
