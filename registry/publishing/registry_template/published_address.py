"""The address at which a Git host publishes a repository's pages, as its own address tells."""

from __future__ import annotations

import re
from pathlib import Path

from registry.errors import RegistryError
from registry.git.repository import GitRepository

PLACEHOLDER = "http://127.0.0.1:3011"
"""A registry's ``url`` until somebody says where its catalogue is published."""

_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?"
_REMOTE = re.compile(
    r"(?:https://(?:[^/@\s]+@)?|ssh://git@|git@)(?P<host>github\.com|gitlab\.com)(?::\d+)?[/:]"
    rf"(?P<owner>{_WORD})/(?P<rest>{_WORD}(?:/{_WORD}){{0,18}})/?\Z"
)
_PAGES = re.compile(
    rf"https://(?P<owner>[a-z0-9](?:[a-z0-9-]{{0,98}}[a-z0-9])?)\.(?P<host>github\.io|gitlab\.io)"
    rf"(?:/(?P<rest>{_WORD}(?:/{_WORD}){{0,18}}))?/?\Z"
)
_LOOPBACK = re.compile(
    r"[a-z]+://(?:localhost|[^/]*\.localhost|127(?:\.\d{1,3}){3}|\[::1\]|0\.0\.0\.0)(?::\d+)?(?:/|\Z)",
    re.IGNORECASE,
)


def pages_address(remote: str) -> str | None:
    """Return the address at which the host publishes this repository's pages; None if unknown."""
    found = _REMOTE.match(remote)
    if found is None:
        return None
    owner, rest = found["owner"].lower(), found["rest"].removesuffix(".git")
    domain = "github.io" if found["host"] == "github.com" else "gitlab.io"
    if domain == "github.io" and "/" in rest:
        return None
    site = f"https://{owner}.{domain}"
    return site if rest.lower() == f"{owner}.{domain}" else f"{site}/{rest}"


def repository_of(url: str) -> str | None:
    """The Git address of the repository whose pages are at this address; None if unknown."""
    found = _PAGES.match(url)
    if found is None:
        return None
    domain = "github.com" if found["host"] == "github.io" else "gitlab.com"
    path = found["rest"] or f"{found['owner']}.{found['host']}"
    return f"https://{domain}/{found['owner']}/{path}.git"


def address_of_clone(directory: Path) -> str | None:
    """The same of the remote ``origin`` of a clone; None where there is none."""
    return pages_address(_origin(directory))


def repository_of_clone(directory: Path) -> str | None:
    """The https address of the repository that ``directory`` is a clone of, at a host we know."""
    return repository_of(address_of_clone(directory) or "")


def _origin(directory: Path) -> str:
    try:
        repository = GitRepository(directory)
        try:
            said = repository.run("config", "--get", "remote.origin.url")
        finally:
            repository.close()
    except RegistryError:
        return ""
    return said.decode(errors="replace").strip()


def is_loopback(url: str) -> bool:
    """True if an address means the machine of whoever reads it."""
    return _LOOPBACK.match(url) is not None
