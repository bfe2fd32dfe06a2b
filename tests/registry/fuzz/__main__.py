"""``python -m tests.registry.fuzz TARGET [libFuzzer's options]``: look for bytes that break it.

What it finds, and what reached new code, is put into ``corpus/TARGET``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["registry", "server"]):
    from tests.registry.fuzz.properties import PROPERTIES, SEEDS

CORPUS = Path(__file__).parent / "corpus"


def main(arguments: list[str]) -> None:
    """Run one target."""
    if len(arguments) < 2 or arguments[1] not in PROPERTIES:
        sys.exit(f"usage: python -m tests.registry.fuzz {{{','.join(PROPERTIES)}}} [options]")
    name = arguments[1]
    found = CORPUS / name
    found.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (found / f"seed-{number}").write_bytes(seed)
    merging = any(one.startswith("-merge=1") for one in arguments)
    directories = [] if merging else [str(found)]
    atheris.Setup([arguments[0], *arguments[2:], *directories], PROPERTIES[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
