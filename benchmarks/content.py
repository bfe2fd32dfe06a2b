"""What one synthetic library holds: the files of one release, from a number alone.

The same number gives the same bytes on every machine. Sizes follow the real ones: a step is about
1 KB on the wire, a README about 2 KB.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from benchmarks import words
from registry.names import LibraryName, StepName, parse_library_name, parse_step_name

RELEASE_DATE = "2026-01-01T00:00:00Z"

_PARAMETERS: Mapping[str, dict[str, Any]] = {
    "target": {
        "type": "string",
        "required": True,
        "description": "Host or group to work on",
        "validation": {"min_length": 1, "max_length": 253},
    },
    "path": {"type": "file", "required": True, "description": "Absolute path of the file"},
    "timeout": {
        "type": "number",
        "default": 30,
        "description": "Seconds to wait before giving up",
        "validation": {"min": 1, "max": 3600},
    },
    "dry_run": {"type": "boolean", "default": False, "description": "Only say what would change"},
    "mode": {
        "type": "select",
        "default": "safe",
        "options": ["safe", "fast", "forced"],
        "description": "How careful to be",
    },
    "labels": {"type": "array", "default": [], "description": "Labels to set on the result"},
    "token": {"type": "string", "secret": True, "description": "Access token for the interface"},
    "settings": {"type": "object", "default": {}, "description": "Settings to pass on as they are"},
    "note": {"type": "string", "multiline": True, "default": "", "description": "A note to keep"},
}
_EXAMPLE_VALUES: Mapping[str, Any] = {
    "target": "web-01.example.com",
    "path": "/etc/app/app.conf",
    "timeout": 60,
    "dry_run": True,
    "mode": "fast",
    "labels": ["blue"],
    "settings": {"region": "eu-1"},
    "note": "Planned maintenance",
}
_PLATFORMS = (["linux"], ["linux", "macos"], ["windows", "linux", "macos"])

EXECUTOR = '''"""Perform {name}."""

from __future__ import annotations


def execute(parameters: dict, context: dict) -> dict:
    """Describe what would be done to the {thing}; a real step would do it."""
    target = parameters.get("target", "localhost")
    return {{
        "success": True,
        "message": f"{name} on {{target}}",
        "output": {{"target": target, "changed": False}},
        "error": None,
    }}
'''


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticLibrary:
    """One library with one release: ``files`` are relative to the release."""

    name: LibraryName
    version: str
    steps: tuple[StepName, ...]
    files: Mapping[str, bytes]


def library(number: int, *, steps: int, seed: int = 1, version: str = "1.0.0") -> SyntheticLibrary:
    """The library of this number; ``version`` changes its text a little, never its interface."""
    chance = random.Random(f"{seed}/{number}")
    subject, thing, category = chance.choice(words.SUBJECTS)
    kind, adjective = chance.choice(words.KINDS), chance.choice(words.ADJECTIVES)
    name = parse_library_name(f"{subject}-{adjective}-{kind}-{number:05d}")
    title = f"{adjective} {subject} {kind} {number}".title()
    definitions = [_step(chance, subject, thing, category, index) for index in range(steps)]
    manifest = _manifest(chance, name, version, title, category, definitions)
    files = {"manifest.json": _json(manifest)}
    for index, step in enumerate(definitions):
        stem = step["name"].replace(".", "_")
        files[f"steps/{stem}.json"] = _json(step)
        if index % 2 == 0:  # every other step has an executor
            text = EXECUTOR.format(name=step["name"], thing=thing)
            files[f"executors/{stem}.py"] = text.encode()
    files["docs/README.md"] = _readme(chance, title, thing, definitions)
    files["docs/CHANGELOG.md"] = (
        f"# Changelog\n\n## {version}\n\n- First release with {len(definitions)} steps\n"
    ).encode()
    return SyntheticLibrary(
        name=name,
        version=version,
        steps=tuple(parse_step_name(step["name"]) for step in definitions),
        files=files,
    )


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _step(
    chance: random.Random, subject: str, thing: str, category: str, index: int
) -> dict[str, Any]:
    verb, phrase = words.VERBS[(chance.randrange(3) + index * 3) % len(words.VERBS)]
    suffix = "" if index < len(words.VERBS) // 3 else f"-{index}"
    names = ["target", *chance.sample(list(_PARAMETERS)[1:], chance.randint(1, 3))]
    return {
        "name": f"{subject}.{verb}{suffix}",
        "display_name": f"{verb} {subject} {thing}{suffix}".title(),
        "category": category,
        "description": f"{phrase} a {thing} of {subject} {chance.choice(words.ENDINGS)}. "
        f"{chance.choice(words.PARTS)}.",
        "icon": chance.choice(words.ICONS),
        "color": chance.choice(words.COLORS),
        "inputs": 1,
        "outputs": 1 + index % 2,
        "parameters": {name: _PARAMETERS[name] for name in names},
        "platform_support": _PLATFORMS[chance.randrange(3)],
        "required_permissions": ["network"],
        "permissions": {"network": ["{target}:22"], "limits": {"wall_seconds": 60}},
        "examples": [
            {
                "name": f"{phrase} one {thing}",
                "parameters": {key: _EXAMPLE_VALUES[key] for key in names if key != "token"},
            }
        ],
        "tags": sorted({subject, verb, thing.replace(" ", "-")}),
        "returns": {"type": "object", "properties": {"changed": {"type": "boolean"}}},
    }


def _manifest(
    chance: random.Random,
    name: str,
    version: str,
    title: str,
    category: str,
    steps: list[dict[str, Any]],
) -> dict[str, Any]:
    premium = chance.random() < 0.1
    stems = [step["name"].replace(".", "_") for step in steps]
    platforms = {platform for step in steps for platform in step["platform_support"]}
    return {
        "name": name,
        "version": version,
        "display_name": title,
        "description": f"{title}: {steps[0]['description']}",
        "author": chance.choice(words.AUTHORS),
        "author_email": "team@example.com",
        "homepage": f"https://steps.example.com/{name}",
        "license": chance.choice(words.LICENSES),
        "categories": [category],
        "tags": sorted({tag for step in steps for tag in step["tags"]}),
        "dependencies": ["core>=1.0,<2"],
        "platform_support": sorted(platforms),
        "required_permissions": ["network"],
        "is_premium": premium,
        "price": 49.0 if premium else None,
        "trial_days": 14 if premium else None,
        "steps": [
            {"file": f"steps/{stem}.json"}
            | ({"executor": f"executors/{stem}.py"} if index % 2 == 0 else {})
            for index, stem in enumerate(stems)
        ],
    }


def _readme(chance: random.Random, title: str, thing: str, steps: list[dict[str, Any]]) -> bytes:
    lines = [f"# {title}", "", f"{steps[0]['description']} *Made for every {thing}.*", ""]
    lines += ["## Steps", "", "| step | what it does |", "| --- | --- |"]
    lines += [f"| `{step['name']}` | {step['description']} |" for step in steps]
    lines += ["", "## Notes", ""]
    lines += [f"- **{part}.**" for part in chance.sample(words.PARTS, 4)]
    lines += ["", "## Example", "", "```json"]
    lines += [_json(steps[0]["examples"][0]["parameters"]).decode().rstrip(), "```", ""]
    lines += ["See the [guide](https://steps.example.com/guide) for more.", ""]
    return "\n".join(lines).encode()
