"""Between what is installed and a lock file: write the one, plan by the other."""

from __future__ import annotations

import shlex

from registry.errors import ConflictError, NotFoundError
from registry.installing.head_view import HeadView, library_trees
from registry.installing.installer import Installer
from registry.installing.library_change import usable
from registry.library.release_state import ReleaseState
from registry.names import LibraryName
from registry.problems import printable
from registry.publishing.ledger_signature import registry_facts
from registry.snapshots.library_at_head import LibraryAtHead
from registry.upstreams.declaration import Upstream
from registry.upstreams.fetched import Upstreams
from registry.upstreams.lock_file import LockedLibrary, LockFile
from registry.upstreams.ownership import Here, owner
from registry.upstreams.planning import InstallPlan, Planned
from registry.versions import Version

_NAMED = 5


def lock_of(installer: Installer) -> LockFile:
    """Every library that is enabled here, in its active version."""
    registry = installer.registry
    head = registry.head()
    view = installer.view(head)
    names = sorted(library_trees(registry, head))
    view.load(names)
    facts = registry_facts(registry, head)
    libraries = {name: locked for name in names if (locked := _locked(view, name)) is not None}
    aliases = {one.upstream for one in libraries.values() if one.upstream is not None}
    return LockFile(
        registry=facts.name,
        libraries=libraries,
        upstreams={
            alias: declared.url for alias, declared in facts.upstreams.items() if alias in aliases
        },
    )


def _locked(view: HeadView, name: LibraryName) -> LockedLibrary | None:
    state = view.state(name)
    version = usable(state)
    if version is None:
        return None
    return LockedLibrary(
        version=version,
        digest=state.facts.ledger[str(version)].digest,
        upstream=state.instance.facts.upstream,
        needs=tuple(str(need.requirement) for need in view.requirements(name, version)),
    )


def plan_of_lock(here: HeadView, upstreams: Upstreams, lock: LockFile) -> InstallPlan:
    """Plan the way to exactly what is locked, also to releases that were yanked since.

    Raises ConflictError that names what has another digest, and what the upstreams raise.
    """
    here.load(lock.libraries)
    _require_sources(here, upstreams, lock)
    planned = []
    wrong: list[str] = []
    for name, locked in lock.libraries.items():
        try:
            planned.append(_planned(here, upstreams, name, locked))
        except (NotFoundError, ConflictError) as error:
            wrong.append(error.message)
    if wrong:
        more = f"; and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise ConflictError(
            f"what is locked cannot be had: {'; '.join(wrong[:_NAMED])}{more}",
            next_step="Find out which of the two is right, the lock or what is there",
        )
    return InstallPlan(libraries=tuple(planned))


def _require_sources(here: HeadView, upstreams: Upstreams, lock: LockFile) -> None:
    """Raise NotFoundError for what cannot come: its upstream is not declared, or it has none."""
    urls = {declared.address.url for declared in upstreams.declared.upstreams.values()}
    own: list[str] = []
    foreign: dict[str, str] = {}
    for name, locked in lock.libraries.items():
        if _is_released(here.state(name), locked.version):
            continue
        alias = locked.upstream
        if alias is None:
            if not _has_owner(here, upstreams, name):
                own.append(f"{name} {locked.version}")
        elif alias not in upstreams.declared.upstreams and lock.upstreams[alias] not in urls:
            foreign[alias] = printable(lock.upstreams[alias])
    if foreign:
        shown = ", ".join(f"{alias} ({url})" for alias, url in foreign.items())
        adding = ", ".join(
            f"'opsteps upstream add {shlex.quote(printable(alias))} {shlex.quote(url)}'"
            for alias, url in foreign.items()
        )
        raise NotFoundError(
            f"what is locked comes from upstreams that are not declared here: {printable(shown)}",
            next_step=f"Add what you trust of them: {adding}",
        )
    if own:
        more = f" and {len(own) - _NAMED} more" if len(own) > _NAMED else ""
        raise NotFoundError(
            f"a lock brings only what comes from an upstream, and {', '.join(own[:_NAMED])}{more} "
            f"was uploaded or released in {printable(lock.registry)}",
            next_step="Install its ZIP here first",
        )


def _owner(here: HeadView, upstreams: Upstreams, name: LibraryName) -> Upstream | None:
    """The upstream that a library comes from, as it does without a lock."""
    state = here.state(name)
    known = Here(is_known=state.exists, upstream=state.instance.facts.upstream)
    return owner(name, known, upstreams.declared, upstreams.has)


def _has_owner(here: HeadView, upstreams: Upstreams, name: LibraryName) -> bool:
    try:
        return _owner(here, upstreams, name) is not None
    except NotFoundError:
        return False


def _is_released(state: LibraryAtHead, version: Version) -> bool:
    record = state.release(version)
    return record is not None and record.state is ReleaseState.RELEASED


def _planned(
    here: HeadView, upstreams: Upstreams, name: LibraryName, locked: LockedLibrary
) -> Planned:
    state = here.state(name)
    is_here = _is_released(state, locked.version)
    alias = state.instance.facts.upstream
    if is_here:
        ledger = state.facts.ledger
    else:
        found = _owner(here, upstreams, name)
        if found is None:
            raise NotFoundError(f"{name} {locked.version} is this registry's own, and not there")
        ledger, alias = upstreams.view(found).state(name).facts.ledger, found.alias
    entry = ledger.get(str(locked.version))
    if entry is None:
        raise NotFoundError(f"{alias or 'this registry'} has no {name} {locked.version}")
    if entry.digest != locked.digest:
        raise ConflictError(f"{name} {locked.version} is locked with another digest than it has")
    return Planned(
        name=name,
        version=locked.version,
        digest=locked.digest,
        was=usable(state),
        upstream=alias,
        is_here=is_here,
        is_wished=False,
    )
