"""Small libraries of the shape of OpsConductor's own starter libraries, written for tests."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any


def metadata(name: str, **more: Any) -> dict[str, Any]:
    made = {
        "name": name,
        "version": "1.0.0",
        "display_name": name.replace("-", " ").title(),
        "description": f"Steps of {name}",
        "author": "Nora",
        "author_email": "nora@example.com",
        "homepage": f"https://example.com/{name}",
        "repository": f"https://git.example.com/{name}",
        "license": "MIT",
        "categories": ["tools"],
        "tags": ["tools", "tests"],
        "dependencies": [],
        "min_opsconductor_version": "1.0.0",
        "is_premium": False,
    }
    return {**made, **more}


def step(name: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": name,
        "display_name": name.replace("_", " ").title(),
        "category": "Web/API",
        "description": f"Does {name}",
        "icon": "⚙️",
        "color": "#007bff",
        "inputs": 1,
        "outputs": 1,
        "parameters": {
            "method": {
                "type": "string",
                "required": True,
                "default": "GET",
                "description": "What to do",
                "options": ["GET", "PUT"],
                "validation": {"label": "Method"},
            },
            "lines": {
                "type": "string",
                "description": "One a line",
                "validation": {"placeholder": "first\nsecond", "label": "Lines"},
            },
            "timeout": {
                "type": "number",
                "default": 30,
                "description": "Seconds",
                "validation": {"min": 1, "max": 300, "label": "Timeout (seconds)"},
            },
        },
        "platform_support": ["windows"],
        "required_permissions": ["network", "service_control"],
        "examples": [
            {"name": "Put", "description": "Puts two", "parameters": {"method": "PUT"}},
        ],
    }
    return {**made, **more}


def code(owner: str, *methods: str, head: str = "import json\n") -> str:
    """A class whose methods echo what they are given."""
    bodies = "".join(
        f"    def {name}(self, params):\n"
        f"        return {{'success': True, 'message': 'did {name}', 'output': 'text', "
        f"'seen': params}}\n\n"
        for name in methods
    )
    return f'"""Steps."""\n\n{head}\n\nclass {owner}:\n    """Steps."""\n\n{bodies}'


def library(
    name: str = "web-tools",
    *steps: Mapping[str, Any],
    source: str | None = None,
    manifest: Mapping[str, Any] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """The files of one; without steps it has two."""
    listed = steps or (step("http_request"), step("json_parse"))
    content = manifest or {"metadata": metadata(name), "steps": list(listed)}
    methods = [str(one["name"]) for one in listed]
    text = code("WebToolsSteps", *methods) if source is None else source
    made = {"manifest.json": json.dumps(content).encode(), "steps.py": text.encode()}
    return {**made, **(files or {})}


def zipped(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return stream.getvalue()
