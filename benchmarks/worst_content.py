"""A registry near the limits of what a library may hold, for `benchmarks.costs`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import orjson

from benchmarks import publishing, synthetic
from benchmarks.content import SyntheticLibrary
from registry.limits import DEFAULT_LIMITS
from registry.names import parse_library_name, parse_step_name
from registry.snapshots.registry import Registry

LIBRARIES = 1_000
STEPS_EACH = 5
NAME = parse_library_name("worst-library")
STEP = f"{NAME}.s0.do"
VERSIONS = ("1.0.0", "1.0.1")
_STEPS = DEFAULT_LIMITS.steps_per_release
_TEXT_CHARS = 20_000
_TEXTS = 4
_README = "[" * 1_000 + " words and [links](https://example.com) "
# The rest of what one release may hold is left to manifest, README and the names of files.
_SPARE_BYTES = 3 * 1024 * 1024


def make_registry(path: Path) -> None:
    """1,000 ordinary libraries, and one that has two releases of nearly 50 MB."""
    synthetic.copied_registry(path, libraries=LIBRARIES, steps=STEPS_EACH)
    with Registry.open(path) as registry:
        for version in VERSIONS:
            prepared = publishing.prepare(
                registry,
                SyntheticLibrary(
                    name=NAME,
                    version=version,
                    steps=tuple(parse_step_name(f"s{n}.do") for n in range(_STEPS)),
                    files=files(str(NAME), version),
                ),
            )
            prepared.publish(registry)


def files(name: str, version: str) -> dict[str, bytes]:
    """A release with as many steps as it may have, each as large as all of them may be."""
    room = (DEFAULT_LIMITS.release_bytes - _SPARE_BYTES) // _STEPS
    steps = {f"steps/s{n}_do.json": _step(n, room) for n in range(_STEPS)}
    manifest = {
        "name": name,
        "version": version,
        "display_name": name,
        "description": f"A library near every limit, {version}.",
        "author": "Benchmark",
        "license": "MIT",
        "steps": [{"file": path} for path in steps],
    }
    readme = (_README * (DEFAULT_LIMITS.readme_bytes // len(_README))).encode()
    changelog = f"# Changelog\n\n## {version}\n\nNew.\n".encode()
    return {
        "manifest.json": orjson.dumps(manifest),
        "docs/README.md": readme,
        "docs/CHANGELOG.md": changelog,
        **steps,
    }


def _step(number: int, size: int) -> bytes:
    text = ("Sets what is done with it. " * _TEXT_CHARS)[:_TEXT_CHARS]
    step = {
        "name": f"s{number}.do",
        "display_name": f"Do {number}",
        "category": "file",
        "description": "",
        "parameters": {
            f"p{n}": {"type": "string", "description": f"{n}/{number} {text}"[:_TEXT_CHARS]}
            for n in range(_TEXTS)
        },
    }
    step["description"] = text[: max(1, size - len(orjson.dumps(step)))]
    return orjson.dumps(step)


def packed(content: Mapping[str, bytes]) -> bytes:
    """A ZIP of it, not compressed: as large as it can be, and within the ratio."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, raw in content.items():
            archive.writestr(path, raw)
    return made.getvalue()
