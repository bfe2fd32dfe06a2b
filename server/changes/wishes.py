"""The wish of a request, read from its parts."""

from __future__ import annotations

from registry.errors import InvalidNameError
from registry.names import is_library_name
from registry.upstreams.planning import Wish, parse_wish
from server.advice import for_http
from server.errors import AnswerError


def wish_of(
    library: str, version: str | None, range_: str | None, upstream: str | None = None
) -> Wish:
    """Return the wish of a request; raises AnswerError (422)."""
    try:
        return parse_wish(library, version=version, range_=range_, upstream=upstream)
    except InvalidNameError as error:
        raise _bad_wish(library, version, range_, error) from error


def _bad_wish(
    library: str, version: str | None, range_: str | None, error: InvalidNameError
) -> AnswerError:
    """Say which of the parts is wrong: together they read as one strange name."""
    is_other = range_ is None or version is not None or not is_library_name(library)
    # A marker or a URL behind the name has words of its own.
    if not is_other and "a marker" not in error.message:
        return AnswerError(
            422,
            f"range: {(range_ or '')[:80]!r} is not a range of versions; write comparisons with "
            "commas between them, such as '>=1.2,<2', or '==1.*' for every 1.x",
        )
    return AnswerError(422, f"{error.message}. {for_http(error.next_step)}")
