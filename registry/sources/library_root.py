"""Find the library in a directory or ZIP: at its top, or in the one folder that holds it."""

from __future__ import annotations

from collections.abc import Mapping

from registry.problems import Problem

_MANIFEST = "manifest.json"
_SHOWN = 3
RULE = "library-place"


def from_library_root(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], Problem | None]:
    """The files with their paths in the library; or a problem that says where libraries are.

    A library may lie under any number of folders that hold nothing else. Without a manifest.json
    the files are returned as they are.
    """
    roots = _roots(files)
    if _MANIFEST in files or not roots:
        return dict(files), None
    if len(roots) > 1:
        shown = ", ".join(repr(root) for root in roots[:_SHOWN])
        more = f" and {len(roots) - _SHOWN:,} more" if len(roots) > _SHOWN else ""
        return dict(files), Problem(
            rule=RULE,
            file=f"{roots[1]}/{_MANIFEST}",
            message=f"there are {len(roots):,} libraries here, in {shown}{more}",
            expected="take one at a time: name its folder, or pack that folder alone",
        )
    (root,) = roots
    beside = sorted(path for path in files if not path.startswith(f"{root}/"))
    if beside:
        shown = ", ".join(repr(path) for path in beside[:_SHOWN])
        more = f" and {len(beside) - _SHOWN:,} more" if len(beside) > _SHOWN else ""
        return dict(files), Problem(
            rule=RULE,
            file=f"{root}/{_MANIFEST}",
            message=f"the library lies in {root!r}, and there are other files beside it: "
            f"{shown}{more}",
            expected=f"name the folder {root!r}, or pack that folder alone",
        )
    return {path.removeprefix(f"{root}/"): content for path, content in files.items()}, None


def _roots(files: Mapping[str, bytes]) -> list[str]:
    """The folders with a manifest.json that lie in no other one."""
    found: list[str] = []
    folders = (path.rpartition("/") for path in files)
    for folder in sorted(folder for folder, _, name in folders if name == _MANIFEST):
        if not any(folder.startswith(f"{outer}/") for outer in found):
            found.append(folder)
    return found
