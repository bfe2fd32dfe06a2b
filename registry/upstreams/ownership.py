"""Decide who owns a name: pure.

Invariants, which are what keeps a stranger's library from taking the place of ours:
- a library that is here comes from where it came from, for ever;
- a name that a prefix rule gives to somebody comes from nobody else, also when they lack it;
- an upstream that might have a name, and cannot be asked, is an error: nobody behind it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.errors import NotFoundError
from registry.names import LibraryName
from registry.upstreams.declaration import Declared, Upstream, prefix_length
from registry.upstreams.errors import OwnerError


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """The claim of this registry on a name: anything at all, and from which upstream."""

    is_known: bool = False
    upstream: str | None = None


Has = Callable[[Upstream, LibraryName], bool]
"""Tells if an upstream has a name; raises UnreachableUpstreamError where that is not known."""


def owner(name: LibraryName, here: Here, declared: Declared, has: Has) -> Upstream | None:
    """The upstream that gives a library; None when it is this registry's own.

    Raises NotFoundError when nobody has it, UnknownUpstreamError when it came from an upstream
    that is not declared any more, and what ``has`` raises.
    """
    if here.upstream is not None:
        return declared.get(here.upstream)
    if here.is_known:
        return None
    ruled = _by_prefix(name, declared)
    for upstream in [ruled] if ruled is not None else _without_rule(name, declared):
        if has(upstream, name):
            return upstream
    raise NotFoundError(
        f"no upstream has a library {name!r}" if ruled is None
        else f"{name!r} would be of {ruled.alias}, which has none",
        next_step="See what there is with 'opsteps upstream available'",
    )  # fmt: skip


def _by_prefix(name: LibraryName, declared: Declared) -> Upstream | None:
    """The upstream whose prefix fits best; raises NotFoundError where our own does."""
    fits = {u.alias: prefix_length(name, u.prefixes) for u in declared.upstreams.values()}
    best = max(fits, key=lambda alias: fits[alias], default=None)
    longest = fits[best] if best is not None else 0
    if prefix_length(name, declared.own_prefixes) >= max(longest, 1):
        raise NotFoundError(
            f"{name!r} would be this registry's own, which has none",
            where="registry.yaml, policy/own_prefixes",
            next_step="Release it here, or upload it",
        )
    return declared.upstreams[best] if best is not None and longest else None


def _without_rule(name: LibraryName, declared: Declared) -> list[Upstream]:
    del name  # no rule is about it
    return [one for one in declared.upstreams.values() if not one.prefixes]


def require_owner(name: LibraryName, found: Upstream | None, wanted: str) -> None:
    """Raise OwnerError when a library is asked for from somebody who does not own its name."""
    if found is not None and found.alias == wanted:
        return
    place = f"the upstream {found.alias!r}" if found is not None else "this registry itself"
    raise OwnerError(
        f"{name} comes from {place}, not from {wanted[:80]!r}",
        next_step="Leave the upstream out, or give it a prefix rule in registry.yaml",
    )
