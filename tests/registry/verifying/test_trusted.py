"""The head that is remembered: never silently another one."""

import pytest

from registry.names import CommitId
from registry.trust.errors import TrustedFileError, UntrustedHistoryError
from registry.trust.trusted_head import (
    TrustedHead,
    read_trusted,
    refuse_untrusted,
    remember,
    set_trusted,
    trusted_path,
)
from tests.registry.making import git
from tests.registry.verifying.scene import Scene


def head_of(scene: Scene) -> TrustedHead:
    return TrustedHead(head=scene.registry.head(), verified="2030-01-01T00:00:00Z")


def test_every_head_passes_as_long_as_none_was_trusted(scene: Scene) -> None:
    refuse_untrusted(scene.registry, scene.registry.head())


def test_same_head_and_those_that_descend_from_it_pass(scene: Scene) -> None:
    set_trusted(scene.registry, head_of(scene))
    refuse_untrusted(scene.registry, scene.registry.head())
    for number in range(3):
        scene.write({"x.md": str(number).encode()})
    merge = git(
        scene.path, "commit-tree", "HEAD^{tree}", "-p", "HEAD~3", "-p", "HEAD", "-m", "Merge"
    )
    refuse_untrusted(scene.registry, CommitId(merge))


def test_head_without_a_common_past_is_refused(scene: Scene) -> None:
    set_trusted(scene.registry, head_of(scene))
    orphan = git(scene.path, "commit-tree", "HEAD^{tree}", "-m", "Orphan")
    with pytest.raises(UntrustedHistoryError) as caught:
        refuse_untrusted(scene.registry, CommitId(orphan))
    assert "opsteps trust" in caught.value.next_step
    assert caught.value.exit_code == 1


def test_grafts_and_replacements_make_no_head_a_descendant(scene: Scene) -> None:
    set_trusted(scene.registry, head_of(scene))
    trusted = scene.registry.head()
    orphan = git(scene.path, "commit-tree", "HEAD^{tree}", "-m", "Orphan")
    (scene.path / ".git" / "info").mkdir(exist_ok=True)
    (scene.path / ".git" / "info" / "grafts").write_text(f"{orphan} {trusted}\n")
    git(scene.path, "replace", orphan, trusted)
    with pytest.raises(UntrustedHistoryError):
        refuse_untrusted(scene.registry, CommitId(orphan))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"head": 1}',
        b"\xff",
        b'{"head": "HEAD", "verified": "x"}',
        b'{"head": "%b", "verified": "x", "sequence": 1, "time": "now"}' % (b"a" * 40),
    ],
)
def test_damaged_file_is_never_a_first_time(scene: Scene, raw: bytes) -> None:
    set_trusted(scene.registry, head_of(scene))
    trusted_path(scene.registry).write_bytes(raw)
    with pytest.raises(TrustedFileError):
        refuse_untrusted(scene.registry, scene.registry.head())


def test_what_another_process_remembered_meanwhile_stays(scene: Scene) -> None:
    first = head_of(scene)
    assert remember(scene.registry, first, before=None)
    scene.write({"x.md": b"x"})
    assert not remember(scene.registry, head_of(scene), before=None)
    assert read_trusted(scene.registry) == first


def test_everything_is_read_as_it_was_written(scene: Scene) -> None:
    full = TrustedHead(
        head=scene.registry.head(),
        verified="2030-01-01T00:00:00Z",
        sequence=7,
        time="2030-01-01T00:00:00Z",
        statement=scene.registry.head(),
        accepted=("a", "b"),
    )
    set_trusted(scene.registry, full)
    assert read_trusted(scene.registry) == full
