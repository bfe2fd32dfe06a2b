"""A registry with a released library, and changes upon it as a pull request brings them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from builder.review.review import Review, review
from registry.problems import Problem
from registry.snapshots.registry import Registry
from tests.registry.making import commit_all, encode, files, git, manifest, step, write_files

KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJF3aysF06Om5f/YOhhGqMiBCT0Xut5hFDn4V4YACRYN p@example.com"
)
REGISTRY = {
    "name": "steps",
    "title": "Steps",
    "policy": {"operators": ["olga"]},
    "publishers": {
        "acme": {"keys": [{"key": KEY}], "prefixes": ["acme"], "accounts": ["ann"]},
        "jane": {"keys": [], "accounts": ["ann"]},
    },
}


@dataclass(kw_only=True)
class Changing:
    """The registry, whose working tree is edited, and the commit that counts as the base."""

    registry: Registry
    base: str = field(default="")

    @property
    def path(self) -> Path:
        return self.registry.path

    def settle(self) -> None:
        """Everything so far is the base."""
        self.base = commit_all(self.path, "base")

    def write(self, path: str, content: bytes | str) -> None:
        raw = content.encode() if isinstance(content, str) else content
        write_files(self.path, {path: raw})

    def candidate(self, version: str, name: str = "file-tools", **changes: Any) -> None:
        """A version beside the others; ``changes`` as `files` takes them."""
        write_files(self.path / f"libraries/{name}/{version}", files(name, version, **changes))

    def facts(self, name: str = "file-tools") -> dict[str, Any]:
        file = self.path / f"libraries/{name}/library.yaml"
        loaded: dict[str, Any] = yaml.load(file.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - text only
        return loaded

    def write_facts(self, facts: Mapping[str, Any], name: str = "file-tools") -> None:
        self.write(f"libraries/{name}/library.yaml", yaml.safe_dump(dict(facts)))

    def write_registry(self, **changes: Any) -> None:
        self.write("registry.yaml", yaml.safe_dump({**REGISTRY, **changes}))

    def new_library(self, name: str, owners: list[str], **changes: Any) -> None:
        self.candidate("1.0.0", name, **changes)
        self.write_facts({"owners": owners, "ledger": {}}, name)

    def reviewed(self, actor: str | None = "jill") -> Review:
        """The working tree as a commit upon the base, reviewed."""
        commit_all(self.path, "change")
        return review(self.registry, self.base, actor=actor)

    def problems(self, actor: str | None = "jill") -> tuple[Problem, ...]:
        return self.reviewed(actor).problems

    def found(self, actor: str | None = "jill") -> set[tuple[str, str]]:
        """Rule and severity of each problem."""
        return {(problem.rule, problem.severity.value) for problem in self.problems(actor)}

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        return git(self.path, *arguments, stdin=stdin)


__all__ = ["KEY", "REGISTRY", "Changing", "encode", "manifest", "step"]
