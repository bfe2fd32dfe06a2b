"""The process that writes. Lookups keep the interpreter and its lock for themselves.

What it is asked for and what it answers are plain frozen values, so that they travel.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.formats.model import UNINSTALLED
from registry.installing.incoming import Incoming
from registry.installing.installer import Installer, InstallResult
from registry.installing.library_change import LibraryTransition
from registry.library.release_state import LibraryStatus
from registry.limits import Limits
from registry.names import CommitId, LibraryName
from registry.resolution.host import DEFAULT_HOST
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.upstreams.apply_plan import apply_plan
from registry.upstreams.fetched import Upstreams
from registry.upstreams.planning import InstallPlan
from registry.versions import Version
from server.processes.niceness import be_nice

if TYPE_CHECKING:  # cryptography takes its time to load, and few servers attest
    from registry.signing.private_keys import PrivateKey

# Lookups come first where there is one processor for both.
_NICENESS = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The registry that is written to, and the file of the key that attests what is done."""

    path: Path
    instance: str
    remote: str | None
    limits: Limits
    key: str = ""
    host: Version = DEFAULT_HOST
    """The version of OpsConductor."""
    remote_seconds: float | None = None
    branch: str = ""
    """The branch that is served, where a setting names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """Somebody who asks for a change, and the request's id."""

    name: str
    request: str


Change = Callable[[Installer, Actor], InstallResult]


@dataclass(frozen=True, kw_only=True, slots=True)
class Toggle:
    """Turn a library on or off."""

    name: LibraryName
    enabled: bool
    cascade: bool

    def __call__(self, installer: Installer, by: Actor) -> InstallResult:
        """Do it."""
        return installer.set_enabled(self.name, enabled=self.enabled, cascade=self.cascade, by=by)


@dataclass(frozen=True, kw_only=True, slots=True)
class Uninstall:
    """Uninstall a library, or these versions of it."""

    name: LibraryName
    versions: tuple[Version, ...]
    cascade: bool

    def __call__(self, installer: Installer, by: Actor) -> InstallResult:
        """Do it."""
        return installer.uninstall(self.name, self.versions, cascade=self.cascade, by=by)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """Pin a library, or unpin it."""

    name: LibraryName
    version: Version | None

    def __call__(self, installer: Installer, by: Actor) -> InstallResult:
        """Do it."""
        return installer.pin(self.name, self.version, by=by)


@dataclass(frozen=True, kw_only=True, slots=True)
class RollBack:
    """Go back to a version that is installed."""

    name: LibraryName
    version: Version

    def __call__(self, installer: Installer, by: Actor) -> InstallResult:
        """Do it."""
        return installer.roll_back(self.name, self.version, by=by)


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallUpload:
    """Install what was uploaded, and checked by `server.changes.checking_process`."""

    incoming: Incoming = field(repr=False)
    license_key: str | None = field(repr=False)

    def __call__(self, installer: Installer, by: Actor) -> InstallResult:
        """Do it."""
        return installer.install([self.incoming], by=by, license_key=self.license_key)


@dataclass(frozen=True, kw_only=True, slots=True)
class CarryOut:
    """Install or update what was planned."""

    plan: InstallPlan
    operation: str
    license_key: str | None = field(default=None, repr=False)

    def __call__(self, installer: Installer, by: Actor) -> InstallResult:
        """Do it: nothing is fetched, what was is verified and read."""
        upstreams = Upstreams(installer.registry)
        try:
            return apply_plan(
                installer,
                upstreams,
                self.plan,
                operation=self.operation,
                by=by,
                license_key=self.license_key,
            )
        finally:
            upstreams.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class ArrivedRelease:
    """A release that was installed, or was there already."""

    version: str
    display_name: str
    step_count: int
    digest: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DoneLibrary:
    """The result of an operation for one library; versions as texts."""

    name: LibraryName
    status: LibraryStatus
    is_changed: bool
    is_uninstalled: bool
    """Nothing of it is left."""
    was_active: str | None
    active: str | None
    pinned: str | None
    arrived: tuple[ArrivedRelease, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The result of an operation: the library that was asked for first."""

    commit: CommitId
    changed: bool
    libraries: tuple[DoneLibrary, ...]

    @property
    def first(self) -> DoneLibrary:
        """The library that was asked for."""
        return self.libraries[0]

    @property
    def also(self) -> list[str]:
        """Other libraries that changed along with it."""
        return [library.name for library in self.libraries[1:] if library.is_changed]


def done(outcome: InstallResult) -> Done:
    """An outcome without the files that it is about."""
    return Done(
        commit=outcome.commit,
        changed=outcome.changed,
        libraries=tuple(map(_done_library, outcome.steps)),
    )


def _done_library(step: LibraryTransition) -> DoneLibrary:
    return DoneLibrary(
        name=step.change.name,
        status=_status(step),
        is_changed=step.writes,
        is_uninstalled=step.after.facts.state == UNINSTALLED,
        was_active=_text(step.before.active),
        active=_text(step.after.active),
        pinned=_text(step.after.instance.pin),
        arrived=tuple(map(_arrived, step.change.add)),
    )


def _status(step: LibraryTransition) -> LibraryStatus:
    if not step.after.is_enabled:
        return LibraryStatus.DISABLED
    if step.after.facts.deprecated is not None:
        return LibraryStatus.DEPRECATED
    return LibraryStatus.ENABLED


def _text(version: Version | None) -> str | None:
    return str(version) if version is not None else None


def _arrived(incoming: Incoming) -> ArrivedRelease:
    return ArrivedRelease(
        version=str(incoming.version),
        display_name=incoming.content.manifest.display_name,
        step_count=len(incoming.content.steps),
        digest=incoming.digest,
        warnings=tuple(map(str, incoming.warnings)),
    )


class _Here:
    """The objects that this process writes with, once `begin` was called in it."""

    installer: Installer
    key: PrivateKey | None = None


def begin(place: Place) -> None:
    """Open the registry in this process; raises NotARegistryError, SigningError."""
    be_nice(_NICENESS)
    opened = Registry.open(
        place.path,
        instance=place.instance,
        remote=place.remote,
        limits=place.limits,
        remote_seconds=place.remote_seconds,
        check_clone=False,
    )
    opened.served_branch = place.branch
    _Here.installer = Installer(opened, host=place.host)
    _Here.key = read_instance_key(place.key)


def read_instance_key(path: str) -> PrivateKey | None:
    """The key that attests what is done; raises SigningError."""
    if not path:
        return None
    from registry.signing.private_keys import read_private_key

    return read_private_key(Path(path), os.environ.get("OPSTEPS_KEY_PASSPHRASE"))


def work(change: Change, who: Who) -> Done:
    """Carry a change out in this process; raises what the installer raises."""
    by = Actor(name=who.name, request=who.request)
    return done(change(_Here.installer, replace(by, key=_Here.key)))
