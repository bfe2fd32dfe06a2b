"""Strategies that draw releases, schemas and values, small enough to meet each other often."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

_WORDS = st.sampled_from(["a", "b", "c"])
_SOME_WORDS = st.lists(_WORDS, min_size=1, max_size=3, unique=True)
_SCALARS = st.sampled_from(["a", "b", "", 0, 1, 2, True, None])


def _fields(
    required: Mapping[str, st.SearchStrategy[Any]], optional: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(dict(required), optional=dict(optional))


def _parameter(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    number = st.integers(0, 3)
    validation: dict[str, st.SearchStrategy[Any]] = {}
    if kind == "number":
        validation = {"min": number, "max": number}
    elif kind in {"string", "file"}:
        validation = {"min_length": number, "max_length": number, "format": st.just("ipv4")}
    elif kind in {"array", "multiselect"}:
        validation = {"min_items": number, "max_items": number}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "required": st.booleans(),
        "default": _SCALARS,
        "description": _WORDS,
        "multiline": st.booleans(),
        "validation": _fields({}, validation),
    }
    needed: dict[str, st.SearchStrategy[Any]] = {"type": st.just(kind)}
    if kind in {"select", "multiselect"}:
        needed["options"] = _SOME_WORDS
    elif kind == "string":
        optional["options"] = _SOME_WORDS
    return _fields(needed, optional)


PARAMETERS = st.sampled_from(
    ["string", "number", "boolean", "array", "file", "directory", "select", "multiselect"]
).flatmap(_parameter)

OUTPUTS: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.just({}),
        _fields({"type": st.sampled_from(["string", "integer", "number", "null", "boolean"])}, {}),
        _fields({"type": st.just("string")}, {"maxLength": st.integers(0, 3), "title": _WORDS}),
        _fields({"type": st.just("integer")}, {"minimum": st.integers(0, 3)}),
        _fields({"enum": _SOME_WORDS}, {}),
    ),
    lambda inner: st.one_of(
        _fields({"type": st.just("array"), "items": inner}, {"minItems": st.integers(0, 2)}),
        _fields(
            {"type": st.just("object"), "properties": st.dictionaries(_WORDS, inner, max_size=3)},
            {"required": _SOME_WORDS, "additionalProperties": st.booleans()},
        ),
    ),
    max_leaves=4,
)
RETURNS = OUTPUTS.filter(lambda schema: isinstance(schema, dict))

_PATHS = st.sampled_from(["/", "/a", "/a/b", "/a/../b", "{x}", "{x}/y", "/a/{x}", "b", "b/c"])
_ADDRESSES = st.sampled_from(
    ["*", "*:443", "*:80", "*.b.org:443", "*.a.b.org:443", "a.b.org:443", "b.org:443", "{x}:443",
     "{url}", "b.org"]
)  # fmt: skip


def _set(items: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(items, max_size=2, unique=True)


_PERMISSIONS = _fields(
    {},
    {
        "filesystem": _fields({}, {"read": _set(_PATHS), "write": _set(_PATHS)}),
        "network": _set(_ADDRESSES),
        "commands": _set(st.sampled_from(["ping", "ls", "*"])),
        "environment": _set(st.sampled_from(["A", "A_B", "A_*", "*"])),
        "limits": _fields({}, {"wall_seconds": st.integers(1, 3), "memory_mb": st.integers(1, 3)}),
    },
)
_PLATFORMS = st.lists(
    st.sampled_from(["windows", "linux", "macos"]), min_size=1, max_size=3, unique=True
)
_LABELS = _set(st.sampled_from(["file_system", "file_read", "file_write", "network"]))
RANGES = st.lists(
    st.builds(
        lambda operator, version: f"{operator}{version}",
        st.sampled_from([">=", "<=", "<", ">", "==", "!=", "~="]),
        st.sampled_from(["1.0", "1.1", "2.0.0", "1.0.1", "2.0rc1", "1.1.0a2", "1.0b1"]),
    )
    | st.sampled_from(["==1.*", "!=1.1.*", "==2.0.*"]),
    max_size=2,
    unique=True,
).map(",".join)
_DEPENDENCIES = st.lists(RANGES.map("tools{}".format), max_size=1) | st.lists(
    RANGES.map("nets{}".format), max_size=1
)
_MANIFESTS = _fields(
    {},
    {
        "description": _WORDS,
        "is_premium": st.booleans(),
        "platform_support": _PLATFORMS,
        "required_permissions": _LABELS,
        "dependencies": _DEPENDENCIES,
        "min_opsconductor_version": st.sampled_from(["1.0.0", "1.1.0", "2.0.0"]),
    },
)
_STEP_NAMES = st.lists(
    st.sampled_from(["file.copy", "file.move", "file.zip"]), min_size=1, max_size=3, unique=True
)

PARAMETER_SETS = st.dictionaries(_WORDS, PARAMETERS, max_size=2)
RELEASES = _fields(
    {},
    {
        "steps": _STEP_NAMES,
        "executor": st.sampled_from([None, "executors/a.py", "executors/b.py"]),
        "description": _WORDS,
        "inputs": st.integers(0, 2),
        "outputs": st.integers(0, 2),
        "platform_support": _PLATFORMS,
        "required_permissions": _LABELS,
        "parameters": PARAMETER_SETS,
        "returns": RETURNS,
        "permissions": _PERMISSIONS,
        "is_deprecated": st.booleans(),
        "tags": _set(_WORDS),
        "manifest": _MANIFESTS,
    },
)

_VALUES = st.recursive(
    st.sampled_from(["", "a", "b", "abcd", 0, 1, 2, 5, 1.5, True, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=5,
)
VALUES: st.SearchStrategy[Any] = _VALUES
