"""Routes that change libraries: install, toggle, uninstall, pin, roll back."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import ValidationError

from registry.formats.model import UNINSTALLED
from registry.names import library_id
from server.api.contract.library_keys import LibraryKey, library_name, version_of
from server.api.contract.replies import Reply, ServerParts, errors, invalid_body
from server.api.contract.schemas import (
    Installed,
    InstallRequest,
    Pinned,
    PinRequest,
    RollbackRequest,
    Toggled,
    Uninstalled,
)
from server.api.contract.writers import Writer
from server.asgi.answer import json_answer
from server.asgi.upload_form import read_install_form
from server.changes.planning_process import make_plan
from server.changes.wishes import wish_of
from server.changes.write_process import (
    CarryOut,
    Done,
    InstallUpload,
    Pin,
    RollBack,
    Toggle,
    Uninstall,
    Who,
)
from server.parts import Parts

router = APIRouter(prefix="/api/v1", tags=["changes"])
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
            },
            "application/json": {"schema": InstallRequest.model_json_schema()},
        },
    }
}


@router.post(
    "/libraries/install",
    response_model=Installed,
    responses=errors(400, 402, 403, 404, 409, 413, 415, 422, 502, 507),
    openapi_extra=_FORM,
)
async def install_library(
    request: Request,
    parts: ServerParts,
    by: Writer,
    license_key: Annotated[
        str | None, Query(description="As the form's; the form is the better place.")
    ] = None,
) -> Reply:
    """Install a library from an uploaded ZIP, or from an upstream with what it needs.

    Its steps are served when the answer comes. The same again changes nothing and answers the
    same. Needs a token with the scope `manage`; without any token configured, a caller on this
    machine.
    """
    if (request.headers.get("content-type") or "").partition(";")[0].strip() == "application/json":
        return await _install_named(request, parts, by, license_key)
    with parts.uploads.holding() as take:
        headers = request.headers
        form = await read_install_form(
            headers.get("content-type"),
            headers.get("content-length"),
            request.stream(),
            parts.settings,
            take=take,
        )
        key = form.license_key or license_key
        incoming = await parts.changes.check(form.file)
        change = InstallUpload(incoming=incoming, license_key=key)
        done = await parts.changes.carry_out(change, by)
    library = done.first
    (arrived,) = library.arrived
    content = {
        "library_id": library_id(library.name),
        "name": library.name,
        "version": arrived.version,
        "display_name": arrived.display_name,
        "step_count": arrived.step_count,
        "steps_count": arrived.step_count,
        "status": library.status,
        "active_version": library.active,
        "changed": done.changed,
        "commit": done.commit,
        "digest": arrived.digest,
        "warnings": list(arrived.warnings),
        "upstream": None,
        "also": done.also,
    }
    return Reply(json_answer(content))


async def _install_named(request: Request, parts: Parts, by: Who, license_key: str | None) -> Reply:
    """Install a library of an upstream, with what it needs."""
    try:
        asked = InstallRequest.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid_body(error) from error
    wish = wish_of(asked.library, asked.version, asked.range, asked.upstream)
    plan, _ = await parts.changes.planner.fetch(partial(make_plan, (wish,), update=False))
    key = asked.license_key or license_key
    wanted = CarryOut(plan=plan, operation="install", license_key=key)
    done = await parts.changes.carry_out(wanted, by)
    library = done.first
    planned = next(one for one in plan.libraries if one.name == library.name)
    served = parts.lookups.served().library(library.name)
    summary = msgspec.json.decode(served.summary) if served is not None else {}
    steps = len(served.steps) if served is not None else 0
    content = {
        "library_id": library_id(library.name),
        "name": library.name,
        "version": str(planned.version),
        "display_name": summary.get("display_name", library.name),
        "step_count": steps,
        "steps_count": steps,
        "status": library.status,
        "active_version": library.active,
        "changed": done.changed,
        "commit": done.commit,
        "digest": planned.digest,
        "warnings": [w for arrived in library.arrived for w in arrived.warnings],
        "upstream": planned.upstream,
        "also": done.also,
    }
    return Reply(json_answer(content))


@router.put("/libraries/{library}/toggle", response_model=Toggled, responses=errors(*_REFUSALS))
async def toggle_library(
    parts: ServerParts,
    by: Writer,
    library: LibraryKey,
    enabled: Annotated[bool, Query(description="Whether its steps are served.")],
    cascade: Annotated[
        bool, Query(description="Also what needs it is turned off, or what it needs on.")
    ] = False,
) -> Reply:
    """Turn a library on or off. 409 names the libraries that need it."""
    name = library_name(parts, library)
    done = await parts.changes.carry_out(Toggle(name=name, enabled=enabled, cascade=cascade), by)
    content = {
        "library_id": library_id(name),
        "enabled": enabled,
        "status": done.first.status,
        "name": name,
        "changed": done.changed,
        "commit": done.commit,
        "also": done.also,
    }
    return Reply(json_answer(content))


@router.delete("/libraries/{library}", response_model=Uninstalled, responses=errors(*_REFUSALS))
async def uninstall_library(
    parts: ServerParts,
    by: Writer,
    library: LibraryKey,
    version: Annotated[
        list[str] | None, Query(description="Only these versions; all of them when left out.")
    ] = None,
    cascade: Annotated[bool, Query(description="Also what needs it is uninstalled.")] = False,
) -> Reply:
    """Uninstall a library, or remove versions of it. 409 names the libraries that need it.

    `active` says what callers without a version get from now on, and `status` is `uninstalled` once
    nothing of it is left. Its name, its ledger and its tags
    stay: the same release can come back, another one under the same version cannot.
    """
    name = library_name(parts, library)
    # Each once: the answer and the commit name them.
    versions = tuple(dict.fromkeys(version_of(text) for text in version or ()))
    done = await parts.changes.carry_out(
        Uninstall(name=name, versions=versions, cascade=cascade), by
    )
    content = {
        "library_id": library_id(name),
        "name": name,
        "version": ", ".join(map(str, versions)) or done.first.was_active or "",
        "status": UNINSTALLED if done.first.is_uninstalled else done.first.status,
        "removed": list(map(str, versions)),
        "active": done.first.active,
        "commit": done.commit,
        "also": done.also,
    }
    return Reply(json_answer(content))


@router.put(
    "/libraries/{library}/pin", response_model=Pinned, responses=errors(400, 413, 415, *_REFUSALS)
)
async def pin_library(
    parts: ServerParts, by: Writer, library: LibraryKey, wanted: PinRequest
) -> Reply:
    """Pin a library to a version that is installed, or let it follow its releases again."""
    name = library_name(parts, library)
    version = version_of(wanted.version) if wanted.version is not None else None
    return _pinned(await parts.changes.carry_out(Pin(name=name, version=version), by))


@router.post(
    "/libraries/{library}/rollback",
    response_model=Pinned,
    responses=errors(400, 413, 415, *_REFUSALS),
)
async def roll_back_library(
    parts: ServerParts, by: Writer, library: LibraryKey, wanted: RollbackRequest
) -> Reply:
    """Go back to a version that is installed: it is pinned until it is unpinned, and tagged."""
    name, version = library_name(parts, library), version_of(wanted.version)
    return _pinned(await parts.changes.carry_out(RollBack(name=name, version=version), by))


def _pinned(done: Done) -> Reply:
    library = done.first
    content = {
        "library_id": library_id(library.name),
        "name": library.name,
        "version": library.active,
        "pinned": library.pinned,
        "changed": done.changed,
        "commit": done.commit,
    }
    return Reply(json_answer(content))
