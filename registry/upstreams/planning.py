"""The releases that an operation would install, before it does: resolved, from their owners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from registry.errors import ConflictError, InvalidNameError, NotFoundError
from registry.installing.head_view import HeadView
from registry.installing.library_change import usable
from registry.names import CORE, Digest, LibraryName
from registry.resolution.errors import ResolutionError
from registry.resolution.provider import Wanted
from registry.resolution.resolver import resolve
from registry.upstreams.candidates import KeptRelease, Supply, Wishes
from registry.upstreams.fetched import Upstreams
from registry.upstreams.ownership import require_owner
from registry.versions import Dependency, Version, parse_dependency, parse_version

_HINTS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A library that somebody asks for. ``is_exact``: a version or range is named with it."""

    dependency: Dependency
    is_exact: bool = False
    upstream: str | None = None

    @property
    def name(self) -> LibraryName:
        """The library's name."""
        return self.dependency.library


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """One library of a plan. ``was`` is the version that callers get now; None for none."""

    name: LibraryName
    version: Version
    digest: Digest
    was: Version | None
    upstream: str | None
    is_here: bool
    """True if the release is in this registry already."""
    is_wished: bool = False

    @property
    def changes(self) -> bool:
        """True if callers get another version than before."""
        return self.version != self.was


@dataclass(frozen=True, kw_only=True, slots=True)
class InstallPlan:
    """The releases that would be active afterwards, by name; ``core`` is left out."""

    libraries: tuple[Planned, ...]

    @property
    def arriving(self) -> tuple[Planned, ...]:
        """Releases that must be brought here."""
        return tuple(one for one in self.libraries if not one.is_here)


def parse_wish(
    library: str,
    *,
    version: str | None = None,
    range_: str | None = None,
    upstream: str | None = None,
) -> Wish:
    """A wish from its parts; raises InvalidNameError."""
    if version is not None and range_ is not None:
        raise InvalidNameError(
            "a version and a range are named", next_step="Name one of the two, or none"
        )
    if version is not None:
        range_ = f"=={parse_version(version)}"
    dependency = parse_dependency(f"{library}{range_ or ''}")
    if str(dependency.library) != library:
        raise InvalidNameError(
            f"{library[:80]!r} is not a library name", next_step="Name the range apart from it"
        )
    return Wish(dependency=dependency, is_exact=range_ is not None, upstream=upstream)


def wish_of(text: str) -> Wish:
    """A wish such as ``file-tools>=1.2``; raises InvalidNameError."""
    dependency = parse_dependency(text)
    return Wish(dependency=dependency, is_exact=bool(dependency.requirement.specifier))


def plan(
    here: HeadView,
    upstreams: Upstreams,
    wishes: Sequence[Wish],
    *,
    host: Version,
    update: bool = False,
) -> InstallPlan:
    """Plan what would be installed for these wishes; nothing is.

    With ``update`` what is wished goes to the last version that fits; without, what is there stays
    where it fits. Raises ResolutionError, NotFoundError, OwnerError, UnreachableUpstreamError, and
    ConflictError for an update of what is pinned.
    """
    kinds = Wishes(
        update=frozenset(wish.name for wish in wishes) if update else frozenset(),
        moving=frozenset(wish.name for wish in wishes if wish.is_exact),
    )
    supply = Supply(here, upstreams, host=host, wishes=kinds)
    here.load(wish.name for wish in wishes)
    for wish in wishes:
        _check(here, supply, wish, update=update)
    found = _solve(here, supply, wishes, KeptRelease(here, kinds))
    wished = frozenset(wish.name for wish in wishes)
    return InstallPlan(
        libraries=tuple(
            _planned(here, upstreams, supply, name, version, is_wished=name in wished)
            for name, version in found.items()
            if name != CORE
        )
    )


def _check(here: HeadView, supply: Supply, wish: Wish, *, update: bool) -> None:
    name = wish.name
    if name == CORE:
        raise ConflictError(f"{CORE!r} is built in", next_step="Leave it out")
    found = supply.owner(name)
    if wish.upstream is not None:
        require_owner(name, found, wish.upstream)
    if not update:
        return
    state = here.state(name)
    if state.active is None:
        raise NotFoundError(
            f"the library {name!r} is not installed",
            next_step=f"Install it: 'opsteps install {name}'",
        )
    if state.instance.pin is not None and not wish.is_exact:
        raise ConflictError(
            f"{name} is pinned to {state.instance.pin}",
            next_step="Unpin it first, or name the version that it should have",
        )


def _solve(
    here: HeadView, supply: Supply, wishes: Sequence[Wish], kept: Mapping[LibraryName, Version]
) -> dict[LibraryName, Version]:
    """A choice in which also what is installed around it still has what it needs."""
    wanted = [Wanted(dependency=wish.dependency) for wish in wishes]
    while True:
        try:
            found = resolve(wanted, supply, kept=kept)
        except ResolutionError as error:
            raise _explained(error, supply) from error
        more = [one for one in _bystanders(here, found) if one not in wanted]
        if not more:
            return found
        wanted += more


def _bystanders(here: HeadView, found: Mapping[LibraryName, Version]) -> Iterator[Wanted]:
    """Yield the requirements of installed libraries that do not change on those that do."""
    for name, version in found.items():
        before = None if name == CORE else usable(here.state(name))
        if before is None or before == version:
            continue
        others = sorted(here.dependents(name) - found.keys())
        here.load(others)
        for other in others:
            active = usable(here.state(other))
            for need in here.requirements(other, active) if active is not None else ():
                if need.library == name and need.allows(before):
                    yield Wanted(dependency=need, by=f"{other} {active}")


def _explained(error: ResolutionError, supply: Supply) -> ResolutionError:
    """The contradiction, and why there was not more to choose from."""
    hints = [
        hint
        for name, found in sorted(supply.hints.items())
        if name in error.message
        for hint in found[:_HINTS]
    ]
    told = f"{error.message}; {'; '.join(hints)}" if hints else error.message
    return ResolutionError(told, where=error.where, next_step=error.next_step)


def _planned(
    here: HeadView,
    upstreams: Upstreams,
    supply: Supply,
    name: LibraryName,
    version: Version,
    *,
    is_wished: bool,
) -> Planned:
    state = here.state(name)
    is_here = supply.is_here(name, version)
    upstream = None if is_here else supply.owner(name)
    if upstream is None:
        ledger, alias = state.facts.ledger, state.instance.facts.upstream
    else:
        ledger, alias = upstreams.view(upstream).state(name).facts.ledger, upstream.alias
    return Planned(
        name=name,
        version=version,
        digest=ledger[str(version)].digest,
        was=usable(state),
        upstream=alias,
        is_here=is_here,
        is_wished=is_wished,
    )
