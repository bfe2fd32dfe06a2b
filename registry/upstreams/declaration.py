"""The upstreams that ``registry.yaml`` declares, parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from registry.errors import ConflictError, InvalidNameError
from registry.formats.model import RegistryFacts, UpstreamFacts
from registry.names import (
    LIBRARY_NAME_LENGTH,
    LIBRARY_NAME_PATTERN,
    CommitId,
    LibraryName,
    parse_library_name,
)
from registry.upstreams.address import Address, parse_address
from registry.upstreams.errors import UnknownUpstreamError, UpstreamAddressError

UpstreamAlias = NewType("UpstreamAlias", str)

_ALIAS = re.compile(LIBRARY_NAME_PATTERN.replace("$", r"\Z"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """Another registry. ``trusted`` is a commit that its history must contain."""

    alias: UpstreamAlias
    address: Address
    prefixes: tuple[str, ...] = ()
    trusted: CommitId | None = None
    allow_private: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """All upstreams in their order, and the names that no upstream gives."""

    upstreams: Mapping[UpstreamAlias, Upstream]
    own_prefixes: tuple[str, ...] = ()

    def get(self, alias: str) -> Upstream:
        """One of them; raises UnknownUpstreamError."""
        found = self.upstreams.get(UpstreamAlias(alias))
        if found is None:
            raise UnknownUpstreamError(
                f"there is no upstream {alias[:80]!r}",
                where="registry.yaml",
                next_step="See 'opsteps upstream list', or declare it: 'opsteps upstream add'",
            ).among(alias, self.upstreams)
        return found

    def refuse_taken(self, alias: UpstreamAlias) -> None:
        """Raise ConflictError for an alias that another upstream has."""
        if alias in self.upstreams:
            raise ConflictError(
                f"there is an upstream {alias!r} already",
                where="registry.yaml",
                next_step=f"Remove it first: 'opsteps upstream remove {alias}'",
            )


def parse_alias(text: str) -> UpstreamAlias:
    """Return the name of an upstream here; raises InvalidNameError."""
    if len(text) > LIBRARY_NAME_LENGTH or not _ALIAS.match(text):
        raise InvalidNameError(
            f"{text[:80]!r} is not a name for an upstream",
            next_step="Use lower-case letters, digits and single hyphens, such as 'community'",
        )
    return UpstreamAlias(text)


def parse_prefix(text: str) -> str:
    """``acme`` for the name itself and all ``acme-…``; raises InvalidNameError."""
    return parse_library_name(text.removesuffix("-"))


def declared_upstreams(facts: RegistryFacts) -> Declared:
    """The upstreams of a registry; raises InvalidNameError, AddressError."""
    found = {parse_alias(alias): one for alias, one in facts.upstreams.items()}
    return Declared(
        upstreams={alias: _upstream(alias, one) for alias, one in found.items()},
        own_prefixes=facts.policy.own_prefixes,
    )


def _upstream(alias: UpstreamAlias, facts: UpstreamFacts) -> Upstream:
    try:
        address = parse_address(facts.url)
    except UpstreamAddressError as error:
        error.where = error.where or f"registry.yaml, upstreams/{alias}"
        raise
    return Upstream(
        alias=alias,
        address=address,
        prefixes=facts.prefixes,
        trusted=CommitId(facts.trusted) if facts.trusted is not None else None,
        allow_private=facts.allow_private,
    )


def prefix_length(name: LibraryName, prefixes: tuple[str, ...]) -> int:
    """The length of the longest prefix that a name is under; 0 for none."""
    under = (p for p in prefixes if name == p or name.startswith(f"{p}-"))
    return max(map(len, under), default=0)
