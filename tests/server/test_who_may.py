"""Every route that is documented has a rule about who may call it, and the rule holds."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from server.api import openapi_document
from tests.server.real_server import Client, making_place, serving

_QUESTIONS = {"/api/v1/resolve"}
_READS = {"get"}
ROUTES = [
    (method, path)
    for path, methods in openapi_document()["paths"].items()
    for method in methods
    if path != "/api/v1/events"  # a stream without an end; it is read as the others are
]
_PUBLIC = {"/health"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder: Path = tmp_path_factory.mktemp("who-may")
    tokens = folder / "tokens"
    scopes = ("read", "execute", "manage", "admin")
    tokens.write_text("".join(f"{sha256(s.encode()).hexdigest()} {s}\n" for s in scopes))
    with (
        making_place(folder / "registry") as place,
        serving(place.path, token="read", tokens_file=tokens, require_read_token=True) as running,
    ):
        yield running


def _status(client: Client, method: str, path: str, token: str) -> int:
    concrete = path.format(library="nobody", step="nobody.x")
    given = {"Authorization": f"Bearer {token}" if token else "Basic none"}
    return client.ask(method.upper(), concrete, {"Content-Type": "x/y", **given}).status


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_answers_those_who_may_and_refuses_the_others(
    client: Client, method: str, path: str
) -> None:
    refused = {401, 403}
    asks = method in _READS or path in _QUESTIONS
    may = ("manage", "admin") if not asks else ("read", "execute", "manage", "admin")
    for token in ("read", "execute", "manage", "admin"):
        assert (_status(client, method, path, token) in refused) == (token not in may), token
    unknown = {_status(client, method, path, token) for token in ("unknown", "")}
    assert unknown == ({200} if path in _PUBLIC else {401})
