"""Clear up what a killed writer left: stale locks of refs, and tags that no head has earned."""

from __future__ import annotations

from pathlib import Path

from registry.files.durable import sync_directories
from registry.git.ancestry import is_ancestor
from registry.git.commit_writer import RefUpdate
from registry.git.fast_import import clear_staging_of_the_killed
from registry.git.packs import let_go_of_the_killed
from registry.git.repository import GitRepository
from registry.names import CommitId
from registry.transactions.journal import Journal, JournalEntry

_HEAD = "HEAD"


def recover(repository: GitRepository, journal: Journal) -> None:
    """Make the refs those before or after each killed operation; the write lock must be held.

    Git's transaction renames one ref after the other: killed in between, it leaves tags without
    the head that they belong to, and lock files that block everybody.
    """
    let_go_of_the_killed(repository)
    clear_staging_of_the_killed(repository)
    for entry in journal.moving():
        _remove_locks(repository, entry)
        _remove_unearned_tags(repository, entry)
        journal.moved(entry)


def _remove_locks(repository: GitRepository, entry: JournalEntry) -> None:
    refs = {item.ref: item.new for item in entry.updates}
    new = next((item.new for item in entry.updates if not item.ref.startswith("refs/tags/")), "")
    for ref, expected in {_HEAD: new, **refs}.items():
        directory = repository.git_dir if ref == _HEAD else repository.common_dir
        lock = directory / f"{ref}.lock"
        if _content(lock) in {"", expected}:  # another content is a person's own Git
            lock.unlink(missing_ok=True)


def _content(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None


def _remove_unearned_tags(repository: GitRepository, entry: JournalEntry) -> None:
    """Put back the tags that moved before the head, where the head did not move."""
    branch = next((i for i in entry.updates if not i.ref.startswith("refs/tags/")), None)
    if branch is None or _descends(repository, CommitId(branch.new)):
        return
    for item in entry.updates:
        if item.ref.startswith("refs/tags/"):
            _remove_tag(repository, item)


def _descends(repository: GitRepository, commit: CommitId) -> bool:
    """True if the head is this commit or comes after it."""
    if repository.object(commit) is None:
        return False
    return is_ancestor(repository, commit, _HEAD)


def _remove_tag(repository: GitRepository, item: RefUpdate) -> None:
    file = repository.common_dir / item.ref
    # Deleted as the file that it is: through Git it takes another lock that could go stale.
    if _content(file) == item.new:
        file.unlink(missing_ok=True)
        sync_directories([file.parent])
    found = repository.run("for-each-ref", "--format=%(objectname)", item.ref).decode().strip()
    if found == item.new:  # packed meanwhile
        repository.run("update-ref", "-d", "--no-deref", item.ref, item.new)
