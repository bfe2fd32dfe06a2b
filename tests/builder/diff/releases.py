"""Contents of releases, from what is particular in them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from builder.diff import InterfaceChange, InterfaceDiff, compare
from registry.formats.model import Manifest, ReleaseContent, Step
from tests.registry.making import manifest, step


def content(fields: Mapping[str, Any]) -> ReleaseContent:
    """A release with one step that has these fields.

    ``manifest``, ``steps`` and ``executor`` are fields of the manifest, the names of the steps and
    the executor of each.
    """
    rest = {key: value for key, value in fields.items() if key not in _OF_THE_LIBRARY}
    names = fields.get("steps", ["file.copy"])
    entries = [{"file": f"steps/{name}.json", "executor": fields.get("executor")} for name in names]
    given = manifest(**{"steps": entries, **fields.get("manifest", {})})
    steps = [step(**{"parameters": {}, "name": name, **rest}) for name in names]
    return ReleaseContent(
        manifest=msgspec.convert(given, Manifest),
        steps=tuple(msgspec.convert(one, Step) for one in steps),
    )


_OF_THE_LIBRARY = {"manifest", "steps", "executor"}


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> InterfaceDiff:
    return compare(content(old), content(new))


def only_change(old: Mapping[str, Any], new: Mapping[str, Any]) -> InterfaceChange:
    changes = difference(old, new).changes
    assert len(changes) == 1, changes
    return changes[0]


def parameter(**fields: Any) -> dict[str, Any]:
    """A step's fields with one parameter, ``value``."""
    return {"parameters": {"value": fields}}
