"""Clocks that were set back: what is installed stays so, whatever the dates of commits say."""

from __future__ import annotations

from pathlib import Path

from registry.installing.installer import Installer
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import NAME, files, git, new_registry, put


def test_a_release_below_commits_with_old_dates_is_installed(tmp_path: Path) -> None:
    """Git goes by dates where it looks for what is merged, and finds nothing."""
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        follow_head(made)
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        parent: str = made.head()
        tree = git(made.path, "rev-parse", f"{parent}^{{tree}}").strip()
        for number in range(12):
            raw = (
                f"tree {tree}\nparent {parent}\nauthor Ada <a@example.com> {1_000_000_000 - number}"
                f" +0000\ncommitter Ada <a@example.com> {1_000_000_000 - number} +0000\n\nx\n"
            )
            stdin = raw.encode()
            parent = git(
                made.path, *who, "hash-object", "-t", "commit", "-w", "--stdin", stdin=stdin
            ).strip()
        git(made.path, "update-ref", "refs/heads/main", parent)
        done = Installer(made).set_enabled(NAME, enabled=False, cascade=False, by=Actor(name="ada"))
        assert done.changed
