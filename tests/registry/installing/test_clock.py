"""Clocks that were set back: what is installed stays so, whatever the dates of commits say."""

from __future__ import annotations

from pathlib import Path

from registry.installing.installer import Installer
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import NAME, commits_with_old_dates, files, new_registry, put


def test_a_release_below_commits_with_old_dates_is_installed(tmp_path: Path) -> None:
    """Git goes by dates where it looks for what is merged, and finds nothing."""
    with new_registry(tmp_path / "registry") as made:
        put(made, files())
        follow_head(made)
        commits_with_old_dates(made)
        done = Installer(made).set_enabled(NAME, enabled=False, cascade=False, by=Actor(name="ada"))
        assert done.changed
