"""The place of a remote: never inside of the registry, whose owner may be a stranger."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from registry.errors import GitError
from registry.git.repository import GitRepository

_FILE = "file://"


def refuse_inside(repository: GitRepository, remote: str) -> None:
    """Raise GitError for a remote that lies in the registry itself.

    Git runs the hooks of a repository on this machine as this user, and reads its configuration:
    in a copied registry both are a stranger's.
    """
    root = (repository.work_tree or repository.git_dir).resolve()
    own = (root, repository.git_dir.resolve(), repository.common_dir.resolve())
    for address in _addresses(repository, remote):
        path = _path(address, root)
        if (
            path is not None
            and any(path.is_relative_to(place) for place in own)
            and _is_there(path)
        ):
            raise GitError(
                f"the remote {remote!r} lies in the registry itself, and its hooks would run",
                where=str(path),
                next_step=f"Look at it; a remote of your own is named with"
                f" 'git remote set-url {remote} ADDRESS'",
            )


def _addresses(repository: GitRepository, remote: str) -> set[str]:
    """As Git sees them, with all that the configuration makes of them; for fetch and for push."""
    try:
        out = repository.run("remote", "get-url", "--all", remote)
        out += repository.run("remote", "get-url", "--all", "--push", remote)
    except GitError:  # there is none of that name: Git would take the name for a path
        return {remote}
    return set(out.decode(errors="surrogateescape").splitlines())


def _is_there(path: Path) -> bool:
    """True if Git would find something: it also tries the name with ``.git`` behind it."""
    return path.exists() or path.with_name(f"{path.name}.git").exists()


def _path(address: str, root: Path) -> Path | None:
    """The directory that an address names; None for one on another machine."""
    if address.startswith(_FILE):
        return Path(unquote(address.removeprefix(_FILE))).resolve()
    colon, slash = address.find(":"), address.find("/")
    if colon >= 0 and not 0 <= slash < colon:
        return None
    return (root / address).resolve()
