"""Files and schemas that nothing here follows or runs, and that others might."""

from __future__ import annotations

from typing import Any

import pytest

from registry.checks.release import check_release
from registry.problems import Severity
from tests.registry.making import files

_OUTSIDE = {
    "http": {"$ref": "http://127.0.0.1/x"},
    "file": {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
    "dynamic": {"allOf": [{"$dynamicRef": "https://a.example/x#meta"}]},
    "recursive": {"items": {"$recursiveRef": "../x"}},
    "relative": {"$ref": "other.json"},
}


@pytest.mark.parametrize("strict", [True, False], ids=["publishing", "installing"])
@pytest.mark.parametrize("returns", _OUTSIDE.values(), ids=_OUTSIDE)
def test_a_reference_out_of_returns_is_told(returns: dict[str, Any], *, strict: bool) -> None:
    checked = check_release(files(step_fields={"returns": returns}), strict=strict)
    (found,) = [p for p in checked.problems if p.pointer.startswith("/returns")]
    assert found.severity is (Severity.ERROR if strict else Severity.WARNING)
    assert (checked.content is None) is strict


def test_a_reference_inside_returns_is_taken() -> None:
    inside = {"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"$ref": {"type": "string"}}}}}
    checked = check_release(files(step_fields={"returns": inside}), strict=True)
    assert not [p for p in checked.problems if p.pointer.startswith("/returns")]


@pytest.mark.parametrize("strict", [True, False], ids=["publishing", "installing"])
@pytest.mark.parametrize(
    "path",
    [
        "sitecustomize.py", "usercustomize.py", "conftest.py", "library.yaml", "registry.yaml",
        "instances/production/x.yaml", "libraries/x/library.yaml", "executors/conftest.py",
        "executors/sitecustomize.py", "executors/SiteCustomize.py", "Library.yaml",
    ],
)  # fmt: skip
def test_a_file_that_others_take_for_their_own_is_told(path: str, *, strict: bool) -> None:
    checked = check_release(files(extra={path: b"x\n"}), strict=strict)
    (found,) = [p for p in checked.problems if p.rule == "path-special"]
    assert (found.file, found.severity) == (path, Severity.ERROR if strict else Severity.WARNING)
    assert (checked.content is None) is strict


def test_tests_may_have_their_conftest() -> None:
    checked = check_release(files(extra={"tests/conftest.py": b"x = 1\n"}), strict=True)
    assert checked.content is not None
