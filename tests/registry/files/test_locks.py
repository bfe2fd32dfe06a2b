"""Locks of a registry: who may take one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from registry.files.locks import exclusive


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o644, 0o600), (0o664, 0o660), (0o666, 0o666), (0o660, 0o660), (0o640, 0o600)],
)
def test_who_may_only_read_cannot_hold_a_lock(tmp_path: Path, before: int, after: int) -> None:
    """The kernel lets any reader lock a file, and hold up all who write."""
    lock = tmp_path / "write.lock"
    lock.touch()
    lock.chmod(before)
    with exclusive(lock):
        assert stat.S_IMODE(lock.stat().st_mode) == after


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "write.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), exclusive(tmp_path / "write.lock"):
        pass
    assert not (tmp_path / "elsewhere").exists()
