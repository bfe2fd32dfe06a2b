"""One hash over whole packages: what was derived by other code is made again."""

from __future__ import annotations

import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

from registry.files.shipped import ROOT

_COMPILED = "__pycache__"


@cache
def code_fingerprint(*packages: str, root: Path = ROOT) -> str:
    """A hash that changes when any file of a package changes, or the Python that runs them.

    Schemas and templates lie among the modules and decide as much as these, so that every file
    counts; a list of those that matter was once incomplete. ``root`` holds the packages.
    """
    state = sha256(sys.version.encode())
    for package in packages:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and _COMPILED not in path.parts:
                content = path.read_bytes()
                state.update(f"{path.relative_to(root)} {len(content)}\n".encode())
                state.update(content)
    return state.hexdigest()
