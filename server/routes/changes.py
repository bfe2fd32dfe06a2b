"""What changes libraries: install, toggle, uninstall, pin, roll back."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from registry.errors import InvalidNameError
from registry.installing.changes import Step
from registry.installing.incoming import Incoming, check_incoming
from registry.installing.installer import Installer, Outcome
from registry.library import LibraryStatus
from registry.names import LibraryName, library_id, parse_library_name
from registry.operation import Actor, new_request
from registry.sources import read_upload
from registry.versions import Version, parse_version
from server.answers import json_answer
from server.app import Server
from server.errors import AnswerError
from server.routes.replies import Reply, ServerParts, errors, server_of
from server.schemas import (
    Installed,
    Pinned,
    PinRequest,
    RollbackRequest,
    Toggled,
    Uninstalled,
)
from server.uploads import InstallForm, read_install_form

router = APIRouter(prefix="/api/v1", tags=["changes"])
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}\Z")
_REFUSALS = (401, 403, 404, 409, 422, 507)
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "The library as a ZIP.",
                        },
                        "license_key": {
                            "type": "string",
                            "description": "For a premium library.",
                        },
                    },
                }
            }
        },
    }
}


def writer(request: Request) -> Actor:
    """Who changes something; raises AnswerError unless this request may."""
    server = server_of(request)
    headers = request.scope["headers"]
    name = server.gate.check_write(headers)
    asked = dict(headers).get(b"x-request-id", b"")
    request_id = asked.decode() if _REQUEST_ID.match(asked) else new_request()
    who = _user() if name == "local" else name
    return Actor(name=who, request=request_id, key=server.instance_key)


def _user() -> str:
    """Whom a write from this machine is recorded for: the user that the server runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "local"


Writer = Annotated[Actor, Depends(writer)]
LibraryKey = Annotated[
    str, Path(description="Name or integer id.", examples=["file-operations-basic"])
]


def library_name(server: Server, key: str) -> LibraryName:
    """The name that a name or id stands for; raises AnswerError (404)."""
    found = server.lookups.served().library(key)
    if found is not None:
        return LibraryName(found.name)
    try:
        return parse_library_name(key)
    except InvalidNameError as error:
        raise AnswerError(
            404, f"there is no library {key[:80]!r}; see GET /api/v1/libraries"
        ) from error


def version_of(text: str) -> Version:
    """A version; raises AnswerError (422)."""
    try:
        return parse_version(text)
    except InvalidNameError as error:
        raise AnswerError(422, str(error)) from error


@router.post(
    "/libraries/install",
    response_model=Installed,
    responses=errors(400, 402, 403, 409, 413, 415, 507),
    openapi_extra=_FORM,
)
async def install_library(
    request: Request,
    server: ServerParts,
    by: Writer,
    license_key: Annotated[
        str | None, Query(description="As the form's; the form is the better place.")
    ] = None,
) -> Reply:
    """Install a library from an uploaded ZIP; its steps are served when the answer comes.

    The same ZIP again changes nothing and answers the same. Needs a token with the scope `manage`;
    without any token configured, a caller on this machine.
    """
    with server.uploads.holding() as take:
        headers = request.headers
        form = await read_install_form(
            headers.get("content-type"),
            headers.get("content-length"),
            request.stream(),
            server.settings,
            take=take,
        )
        key = form.license_key or license_key
        incoming: list[Incoming] = []

        def install(installer: Installer) -> Outcome:
            incoming.append(_incoming(installer, form, key))
            return installer.install(incoming, by=by)

        outcome = await server.operations.carry_out(install)
    return Reply(json_answer(_installed(outcome, incoming[0])))


def _incoming(installer: Installer, form: InstallForm, license_key: str | None) -> Incoming:
    limits = installer.registry.limits
    incoming = check_incoming(read_upload(form.file, limits), limits=limits)
    if incoming.content.manifest.is_premium:
        if license_key is None:
            raise AnswerError(402, f"{incoming.name} is premium: send its license_key")
        raise AnswerError(
            403,
            "licence_unverifiable: this server cannot verify licence keys yet, and takes none "
            "unverified",
        )
    return incoming


def _installed(outcome: Outcome, incoming: Incoming) -> dict[str, object]:
    step = outcome.step(incoming.name)
    return {
        "library_id": library_id(incoming.name),
        "name": incoming.name,
        "version": str(incoming.version),
        "step_count": len(incoming.content.steps),
        "status": status_of(step),
        "active_version": _text(step.after.active),
        "changed": outcome.changed,
        "commit": outcome.commit,
        "digest": incoming.digest,
        "warnings": list(map(str, incoming.warnings)),
    }


def status_of(step: Step) -> LibraryStatus:
    """What the library is afterwards."""
    if not step.after.is_enabled:
        return LibraryStatus.DISABLED
    if step.after.facts.deprecated is not None:
        return LibraryStatus.DEPRECATED
    return LibraryStatus.ENABLED


def _text(version: Version | None) -> str | None:
    return str(version) if version is not None else None


def _also(outcome: Outcome, name: LibraryName) -> list[str]:
    return [step.change.name for step in outcome.steps if step.writes and step.change.name != name]


@router.put("/libraries/{library}/toggle", response_model=Toggled, responses=errors(*_REFUSALS))
async def toggle_library(
    server: ServerParts,
    by: Writer,
    library: LibraryKey,
    enabled: Annotated[bool, Query(description="Whether its steps are served.")],
    cascade: Annotated[
        bool, Query(description="Also what needs it is turned off, or what it needs on.")
    ] = False,
) -> Reply:
    """Turn a library on or off. 409 names the libraries that need it."""
    name = library_name(server, library)
    outcome = await server.operations.carry_out(
        lambda installer: installer.set_enabled(name, enabled=enabled, cascade=cascade, by=by)
    )
    content = {
        "library_id": library_id(name),
        "enabled": enabled,
        "status": status_of(outcome.step(name)),
        "name": name,
        "changed": outcome.changed,
        "commit": outcome.commit,
        "also": _also(outcome, name),
    }
    return Reply(json_answer(content))


@router.delete("/libraries/{library}", response_model=Uninstalled, responses=errors(*_REFUSALS))
async def uninstall_library(
    server: ServerParts,
    by: Writer,
    library: LibraryKey,
    version: Annotated[
        list[str] | None, Query(description="Only these versions; all of them when left out.")
    ] = None,
    cascade: Annotated[bool, Query(description="Also what needs it is uninstalled.")] = False,
) -> Reply:
    """Uninstall a library, or versions of it. 409 names the libraries that need it.

    Its name, its ledger and its tags stay: the same release can come back, another one under the
    same version cannot.
    """
    name = library_name(server, library)
    versions: Sequence[Version] = [version_of(text) for text in version or ()]
    outcome = await server.operations.carry_out(
        lambda installer: installer.uninstall(name, versions, cascade=cascade, by=by)
    )
    before = outcome.step(name).before.active
    content = {
        "library_id": library_id(name),
        "name": name,
        "version": ", ".join(map(str, versions)) or str(before or ""),
        "status": "uninstalled",
        "commit": outcome.commit,
        "also": _also(outcome, name),
    }
    return Reply(json_answer(content))


@router.put("/libraries/{library}/pin", response_model=Pinned, responses=errors(*_REFUSALS))
async def pin_library(
    server: ServerParts, by: Writer, library: LibraryKey, wanted: PinRequest
) -> Reply:
    """Pin a library to a version that is installed, or let it follow its releases again."""
    name = library_name(server, library)
    version = version_of(wanted.version) if wanted.version is not None else None
    outcome = await server.operations.carry_out(
        lambda installer: installer.pin(name, version, by=by)
    )
    return _pinned(outcome, name)


@router.post("/libraries/{library}/rollback", response_model=Pinned, responses=errors(*_REFUSALS))
async def roll_back_library(
    server: ServerParts, by: Writer, library: LibraryKey, wanted: RollbackRequest
) -> Reply:
    """Go back to a version that is installed: it is pinned until it is unpinned, and tagged."""
    name, version = library_name(server, library), version_of(wanted.version)
    outcome = await server.operations.carry_out(
        lambda installer: installer.roll_back(name, version, by=by)
    )
    return _pinned(outcome, name)


def _pinned(outcome: Outcome, name: LibraryName) -> Reply:
    after = outcome.step(name).after
    content = {
        "library_id": library_id(name),
        "name": name,
        "version": _text(after.active),
        "pinned": _text(after.instance.pin),
        "changed": outcome.changed,
        "commit": outcome.commit,
    }
    return Reply(json_answer(content))
