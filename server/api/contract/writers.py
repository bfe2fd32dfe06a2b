"""The writer behind a request: a dependency of each route that writes."""

from __future__ import annotations

import getpass
from typing import Annotated

from fastapi import Depends, Request

from server.access.gate import LOCAL
from server.access.token_cache import Principal
from server.api.contract.scopes import Access, Requires
from server.asgi.request_facts import request_id_of
from server.changes.write_process import Who

_MANAGE = Requires(Access.MANAGE)


def writer(request: Request, principal: Annotated[Principal, Depends(_MANAGE)]) -> Who:
    """Return the writer; raises AnswerError unless this request may write."""
    name = _user() if principal is LOCAL else principal.name
    return Who(name=name, request=request_id_of(request.scope))


def _user() -> str:
    """Return the name that a local write is recorded for: the user that the server runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "local"


Writer = Annotated[Who, Depends(writer)]
