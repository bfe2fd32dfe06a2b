from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
# What only some builds need; together it took a third of the time until the first page.
SELDOM = {"whoosh", "PIL", "jsonschema", "cryptography", "registry.installing", "urllib.request"}


def test_a_build_loads_only_what_every_build_needs() -> None:
    code = "import sys, builder.commands.build; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert "builder.catalogue.build.build" in loaded
    assert not loaded & SELDOM
