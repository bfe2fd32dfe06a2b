"""``Idempotency-Key``: a change that a client sends again is done once, and answered alike.

The request is compared, its body included: a key that comes with another one is refused.
Answers of 5xx, and of those who may not, are not kept: the same key may be tried again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from hashlib import sha256

import msgspec
import structlog

from server.asgi.answer import Answer, Message, Receive, Scope, Send
from server.database.engine import Database
from server.database.errors import DatabaseError
from server.database.idempotency import (
    Claim,
    Full,
    KeptAnswer,
    UnderWay,
    claim,
    claim_again,
    finish,
    release,
)
from server.errors import AnswerError
from server.settings import Settings
from server.thread_pools import Pool

HEADER = b"idempotency-key"
_KEY = re.compile(rb"[\x21-\x7e]{1,255}\Z")
_REPLAYED = (b"idempotency-replayed", b"true")
_LARGEST_ANSWER = 256 * 1024
_NOT_KEPT = frozenset({401, 403, 408, 413, 421, 429})
_REDIRECT = 300
_SERVER_ERROR = 500
_FULL_SECONDS = 600

_LOG = structlog.get_logger(__name__)

Inner = Callable[[Receive, Send], Awaitable[int]]


class Idempotent:
    """Does requests with a key once, for all servers over one database."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        rows: Pool,
        *,
        is_here: Callable[[str], bool],
    ) -> None:
        """``is_here`` tells whether a commit is in the history that is served, or soon is."""
        self._database = database
        self._rows = rows
        self._is_here = is_here
        self._lease = settings.idempotency_lease_seconds
        self._most = settings.idempotency_keys

    async def run(
        self, key: bytes, actor: str, scope: Scope, receive: Receive, send: Send, inner: Inner
    ) -> int:
        """Do it, or answer as before; raises AnswerError (409, 422) and a DatabaseError."""
        if not _KEY.match(key):
            raise AnswerError(
                422, "Idempotency-Key: use 1 to 255 visible ASCII characters, such as a UUID"
            )
        asked = b"\0".join(
            (scope["method"].encode(), scope["path"].encode(), scope["query_string"])
        )
        found = await self._rows.run(
            claim,
            self._database,
            actor=actor,
            key=key.decode(),
            fingerprint=sha256(asked).hexdigest(),
            lease_seconds=self._lease,
            most=self._most,
        )
        if isinstance(found, Full):
            raise AnswerError(
                429,
                f"{self._most:,} Idempotency-Keys of this token are kept (the setting"
                " idempotency_keys); go on once the oldest are forgotten, or without keys",
                retry_after=_FULL_SECONDS,
            )
        body = _Hashing(receive)
        if not isinstance(found, Claim) and found.fingerprint != sha256(asked).hexdigest():
            raise _reused()
        if isinstance(found, KeptAnswer) and not await self._rows.run(self._holds, found):
            # The registry was restored from before it: the answer is about nothing that is there.
            found = await self._rows.run(
                claim_again, self._database, actor=actor, key=key.decode(), kept=found
            )
        if isinstance(found, Claim):
            return await self._first(found, body, send, inner)
        if isinstance(found, UnderWay):
            raise AnswerError(409, "a request with this Idempotency-Key is under way; ask again")
        return await _again(found, body, scope, send)

    def _holds(self, kept: KeptAnswer) -> bool:
        """True if the commit that an answer names is still part of the history."""
        if kept.status >= _REDIRECT:
            return True
        try:
            named = msgspec.json.decode(kept.body, type=_Named).commit
        except msgspec.MsgspecError:
            return True
        return named is None or self._is_here(named)

    async def _first(self, mine: Claim, body: _Hashing, send: Send, inner: Inner) -> int:
        answer = _Remembering(send)
        is_kept = False
        try:
            status = await inner(body, answer)
            is_kept = status < _SERVER_ERROR and status not in _NOT_KEPT and answer.is_whole
            if is_kept:
                await self._keep(mine, body.digest, status, bytes(answer.body))
            # Only now, so that whoever has the answer finds it kept.
            await answer.let_go()
            return status
        finally:
            if not is_kept:
                await self._release(mine)

    async def _keep(self, mine: Claim, digest: str, status: int, body: bytes) -> None:
        """Keep the answer as a row; the client gets it even if no row can be written."""
        try:
            await self._rows.end(
                finish, self._database, mine, body_digest=digest, status=status, body=body
            )
        except DatabaseError as error:
            _LOG.error("the answer for an Idempotency-Key was not kept", reason=str(error))

    async def _release(self, mine: Claim) -> None:
        try:
            await self._rows.end(release, self._database, mine)
        except DatabaseError as error:  # the lease ends
            _LOG.error("an Idempotency-Key was not released", reason=str(error))


async def _again(kept: KeptAnswer, body: _Hashing, scope: Scope, send: Send) -> int:
    await body.drain()
    if body.digest != kept.body_digest:
        raise _reused()
    return await Answer(status=kept.status, pieces=(kept.body,)).send(scope, send, (_REPLAYED,))


def _reused() -> AnswerError:
    return AnswerError(422, "this Idempotency-Key came with another request before; use a new one")


class _Named(msgspec.Struct):
    commit: str | None = None


class _Hashing:
    """The stream of a body, hashed as it goes by."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._hash = sha256()
        self._is_over = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._hash.update(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Read the rest, which nobody else will."""
        while not self._is_over:
            await self()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class _Remembering:
    """Holds an answer back until it is kept; one that is large is sent on, and not kept."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[Message] = []
        self.body = bytearray()
        self.is_whole = True

    async def __call__(self, message: Message) -> None:
        body = message.get("body", b"")
        if not self.is_whole:
            await self._send(message)
            return
        self._held.append(message)
        if len(self.body) + len(body) > _LARGEST_ANSWER:
            self.is_whole = False
            await self.let_go()
        else:
            self.body += body

    async def let_go(self) -> None:
        """Send what is held."""
        held, self._held = self._held, []
        for message in held:
            await self._send(message)
