"""Our registry with upstreams, as its commands and its server use them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer, InstallResult
from registry.names import CommitId, parse_library_name
from registry.resolution.host import DEFAULT_HOST
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.upstreams.address import parse_address
from registry.upstreams.apply_plan import apply_plan
from registry.upstreams.declaration import Upstream, UpstreamAlias
from registry.upstreams.declaration_edit import add_upstream
from registry.upstreams.fetch_limits import FetchLimits
from registry.upstreams.fetched import Upstreams
from registry.upstreams.planning import InstallPlan, plan, wish_of
from registry.versions import Version
from tests.registry.making import files

BY = Actor(name="operator")


@dataclass(kw_only=True, slots=True)
class Scene:
    registry: Registry
    host: Version = DEFAULT_HOST
    opened: list[Upstreams] = field(default_factory=list)

    def declare(self, alias: str, where: Path | str, *prefixes: str, trusted: str = "") -> Upstream:
        upstream = Upstream(
            alias=UpstreamAlias(alias),
            address=parse_address(str(where)),
            prefixes=prefixes,
            trusted=CommitId(trusted) if trusted else None,
            allow_private=True,
        )
        add_upstream(self.registry, upstream, by=BY)
        return upstream

    def upstreams(self, costs: FetchLimits | None = None) -> Upstreams:
        made = Upstreams(self.registry, costs=costs or FetchLimits())
        self.opened.append(made)
        return made

    def installer(self) -> Installer:
        return Installer(self.registry, host=self.host)

    def plan(self, *wishes: str, update: bool = False) -> InstallPlan:
        found = [wish_of(text) for text in wishes]
        here = self.installer().view()
        return plan(here, self.upstreams(), found, host=self.host, update=update)

    def install(self, *wishes: str, update: bool = False) -> InstallResult:
        made = self.plan(*wishes, update=update)
        kind = "update" if update else "install"
        return apply_plan(self.installer(), self.upstreams(), made, operation=kind, by=BY)

    def upload(self, name: str, version: str, **fields: Any) -> InstallResult:
        return self.installer().install([check_incoming(files(name, version, **fields))], by=BY)

    def active(self, name: str) -> str | None:
        found = self.installer().view().state(parse_library_name(name)).active
        return str(found) if found is not None else None

    def pin(self, name: str) -> str | None:
        return self.installer().view().state(parse_library_name(name)).instance.facts.active

    def close(self) -> None:
        for one in self.opened:
            one.close()


def make_scene(registry: Registry) -> Scene:
    return Scene(registry=registry)
