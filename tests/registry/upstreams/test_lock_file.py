"""``opsteps.lock``: read back as it was written, and nothing else is taken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.names import Digest, LibraryName
from registry.problems import InvalidLibraryError
from registry.upstreams.lock_file import LockedLibrary, LockFile, dump_lock, parse_lock
from registry.versions import Version

_NAMES = st.from_regex(r"\A[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,9}){0,2}\Z").filter(
    lambda name: (
        name not in {"core", "rollback", "install", "con", "prn", "aux", "nul"}
        and name[:3] not in {"com", "lpt"}
    )
)
_NUMBERS = st.integers(min_value=0, max_value=999)
_LIBRARIES = st.builds(
    LockedLibrary,
    version=st.builds(Version, major=_NUMBERS, minor=_NUMBERS, patch=_NUMBERS),
    digest=st.binary(min_size=32, max_size=32).map(lambda raw: Digest(raw.hex())),
    upstream=st.sampled_from([None, "pub", "acme"]),
    needs=st.lists(st.just("core>=1"), max_size=2).map(tuple),
)


@given(libraries=st.dictionaries(_NAMES.map(LibraryName), _LIBRARIES, max_size=5))
def test_a_lock_is_read_as_it_was_written(libraries: dict[LibraryName, LockedLibrary]) -> None:
    lock = LockFile(
        registry="steps",
        libraries=libraries,
        upstreams={"pub": "https://git.example.com/pub", "acme": "ssh://git@example.com/acme"},
    )
    raw = dump_lock(lock)
    assert parse_lock(raw) == lock
    assert dump_lock(parse_lock(raw)) == raw


def _content(**changes: object) -> bytes:
    library = {"version": "1.0.0", "digest": "0" * 64}
    base = {"lock_version": 1, "registry": "steps", "libraries": {"a": library}, "upstreams": {}}
    return json.dumps({**base, **changes}).encode()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "truncated|unexpected end"),
        (b"[]", "Expected `object`"),
        (b'{"lock\xe4rsion":1}', "utf-8"),
        (_content(lock_version=2), "its format is 2"),
        (_content(surprise=1), "surprise"),
        (_content(libraries={"A/../b": {"version": "1.0.0", "digest": "0" * 64}}), "library name"),
        (_content(libraries={"a": {"version": "latest", "digest": "0" * 64}}), "not a version"),
        (_content(libraries={"a": {"version": "1.0.0", "digest": "0" * 63}}), "is not a digest"),
        (
            _content(libraries={"a": {"version": "1.0.0", "digest": "0" * 64, "upstream": "x"}}),
            "not under upstreams",
        ),
    ],
)
def test_what_is_no_lock_is_refused_with_the_place(raw: bytes, why: str) -> None:
    with pytest.raises(InvalidLibraryError, match=why):
        parse_lock(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_lock_or_an_error_that_says_so(raw: bytes) -> None:
    try:
        parse_lock(raw)
    except InvalidLibraryError as error:
        assert error.problems  # noqa: PT017 - what is caught is what is judged
