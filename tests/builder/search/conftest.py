"""Small real registries to search in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from registry.names import parse_library_name
from registry.publishing.bulk_import import ImportedRelease, import_releases
from registry.publishing.create_registry import init_registry
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.versions import parse_version

Release = Callable[..., ImportedRelease]


def make_release(
    name: str,
    *,
    title: str = "",
    description: str = "Does something.",
    version: str = "1.0.0",
    steps: Mapping[str, Mapping[str, Any]] | None = None,
    **manifest: Any,
) -> ImportedRelease:
    """A release with the given steps (fields by step name); one step ``run`` when left out."""
    files: dict[str, bytes] = {"docs/README.md": b"# Read me\n"}
    entries = []
    for step_name, fields in (steps or {"run": {}}).items():
        path = f"steps/{step_name.replace('.', '_')}.json"
        entries.append({"file": path})
        step = {
            "name": step_name,
            "display_name": step_name.title(),
            "category": "General",
            "description": "A step.",
            **fields,
        }
        files[path] = json.dumps(step).encode()
    whole = {
        "name": name,
        "version": version,
        "display_name": title or name,
        "description": description,
        "author": "Somebody",
        "license": "MIT",
        "steps": entries,
        **manifest,
    }
    files["manifest.json"] = json.dumps(whole).encode()
    return ImportedRelease(
        name=parse_library_name(name),
        version=parse_version(version),
        files=files,
        date="2026-01-02T03:04:05Z",
    )


TOOLS = (
    make_release(
        "file-operations",
        title="File operations",
        description="Copy, move and delete files.",
        categories=["Files"],
        tags=["filesystem"],
        steps={
            "file.copy": {
                "display_name": "Copy a file",
                "category": "Files",
                "description": "Copies a file from one directory to another place.",
                "parameters": {
                    "overwrite": {"type": "boolean", "description": "Replace what exists"}
                },
            },
            "file.move": {"display_name": "Move a file", "category": "Files"},
        },
    ),
    make_release(
        "network-tools",
        title="Network tools",
        description="Look up names, ping hosts, check certificates.",
        is_premium=True,
        price=9.0,
        categories=["Network"],
        platform_support=["linux"],
        steps={
            "dns.lookup": {
                "display_name": "DNS look-up",
                "category": "Network",
                "platform_support": ["linux"],
                "description": "Resolves a host name.",
            }
        },
    ),
    make_release(
        "chat-notifications",
        title="Chat notifications",
        description="Send notifications to a chat.",
        categories=["Messaging"],
        steps={"chat.send": {"display_name": "Send a message", "category": "Messaging"}},
    ),
)


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Registry]:
    """A registry with three libraries and four steps, beside `core`."""
    registry = init_registry(
        tmp_path / "registry", name="tools", title="Tools", by=Actor(name="tester")
    )
    result = import_releases(registry, TOOLS, by=Actor(name="tester"))
    assert not result.refused
    yield registry
    registry.close()


@pytest.fixture
def release() -> Release:
    return make_release
