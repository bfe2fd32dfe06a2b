"""Make releases and registries for tests."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from registry.names import LibraryName, parse_library_name
from registry.problems import Problem
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.release import release
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.versions import Version, parse_version

EXECUTOR = b"def execute(parameters, context):\n    return {'success': True}\n"
NAME = parse_library_name("file-tools")


def manifest(**changes: Any) -> dict[str, Any]:
    base = {
        "name": "file-tools",
        "version": "1.0.0",
        "display_name": "File tools",
        "description": "Works with files.",
        "author": "Example",
        "license": "MIT",
        "steps": [{"file": "steps/copy.json", "executor": "executors/copy.py"}],
    }
    return {**base, **changes}


def step(**changes: Any) -> dict[str, Any]:
    base = {
        "name": "file.copy",
        "display_name": "Copy",
        "category": "Files",
        "description": "Copies a file.",
        "parameters": {"source": {"type": "file", "required": True}},
    }
    return {**base, **changes}


def encode(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode()


def files(
    name: str = "file-tools",
    version: str = "1.0.0",
    *,
    step_fields: Mapping[str, Any] | None = None,
    extra: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> dict[str, bytes]:
    """A release without a problem, but for what is changed in it."""
    return {
        "manifest.json": encode(manifest(name=name, version=version, **fields)),
        "steps/copy.json": encode(step(**(step_fields or {}))),
        "executors/copy.py": EXECUTOR,
        "docs/README.md": b"# File tools\n",
        "docs/CHANGELOG.md": f"# Changelog\n\n## {version}\n".encode(),
        **(extra or {}),
    }


def complete_files(
    name: str = "file-tools",
    version: str = "1.0.0",
    *,
    extra: Mapping[str, bytes] | None = None,
    **fields: Any,
) -> dict[str, bytes]:
    """As `files`, with all that the policy of ``opsteps init`` demands."""
    tests = {"tests/test_copy.py": b""}
    given = {"step_fields": {"permissions": {}}, "extra": {**tests, **(extra or {})}, **fields}
    return files(name, version, **given)


def write_files(root: Path, content: Mapping[str, bytes]) -> Path:
    for path, data in content.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root


def loosened(path: Path, object_id: str) -> Path:
    """The file of an object that a test harms, once all packs of the repository are unpacked."""
    objects = path / ".git/objects"
    for pack in list(objects.glob("pack/*.pack")):
        aside = objects / pack.name
        pack.rename(aside)
        pack.with_suffix(".idx").unlink()
        with aside.open("rb") as packed:
            command = ["git", "-C", str(path), "unpack-objects", "-q"]
            subprocess.run(command, stdin=packed, check=True)
        aside.unlink()
    return objects / object_id[:2] / object_id[2:]


def new_registry(path: Path) -> Registry:
    return init_registry(path, name="steps", title="Steps", by=Actor(name="tester"))


def put(registry: Registry, content: Mapping[str, bytes]) -> tuple[LibraryName, Version]:
    """Add and release."""
    added = add_release(registry, content, by=Actor(name="tester"))
    release(registry, added.name, added.version, by=Actor(name="tester"))
    return added.name, added.version


def version(text: str) -> Version:
    return parse_version(text)


def git(where: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Plain Git, as a person uses it."""
    who = {"NAME": "Person", "EMAIL": "person@example.com", "DATE": "1700000000 +0000"}
    identity = {
        f"GIT_{role}_{key}": v for role in ("AUTHOR", "COMMITTER") for key, v in who.items()
    }
    done = subprocess.run(
        ["git", "-C", str(where), *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **identity},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="surrogateescape").strip()


def commit_all(where: Path, message: str = "edit") -> str:
    git(where, "add", "-A")
    git(where, "commit", "-q", "--allow-empty", "-m", message)
    return git(where, "rev-parse", "HEAD")


def commits_with_old_dates(registry: Registry, count: int = 12) -> None:
    """Put commits upon the head as a machine makes them whose clock was set back."""
    parent: str = registry.head()
    tree = git(registry.path, "rev-parse", f"{parent}^{{tree}}").strip()
    for number in range(count):
        who = f"Ada <ada@example.com> {1_000_000_000 - number} +0000"
        raw = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nx\n"
        made = git(registry.path, "hash-object", "-tcommit", "-w", "--stdin", stdin=raw.encode())
        parent = made.strip()
    git(registry.path, "update-ref", "refs/heads/main", parent)


def rules(problems: tuple[Problem, ...]) -> set[str]:
    return {problem.rule for problem in problems}
