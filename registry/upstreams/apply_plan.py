"""Install what was planned: the releases are read from their upstreams, and verified, only now."""

from __future__ import annotations

from collections.abc import Sequence

from registry.errors import ConflictError
from registry.installing.incoming import Incoming
from registry.installing.installer import Installer, InstallResult
from registry.transactions.transaction import Actor
from registry.upstreams.fetched import Upstreams
from registry.upstreams.planning import InstallPlan, Planned


def apply_plan(
    installer: Installer,
    upstreams: Upstreams,
    plan: InstallPlan,
    *,
    operation: str,
    by: Actor,
    license_key: str | None = None,
) -> InstallResult:
    """Do what was planned, all or nothing.

    Raises as `Installer.arrange`, `UpstreamView.release`, and ConflictError where an upstream does
    not have any more what was planned.
    """
    incoming = [_release(upstreams, one) for one in plan.arriving]
    follow = {
        one.name: one.version for one in _in_order(plan.libraries) if one.is_wished or one.changes
    }
    return installer.arrange(
        incoming, follow=follow, operation=operation, by=by, license_key=license_key
    )


def _in_order(libraries: Sequence[Planned]) -> list[Planned]:
    """Return the libraries with those first that were asked for."""
    return sorted(libraries, key=lambda one: (not one.is_wished, one.name))


def _release(upstreams: Upstreams, planned: Planned) -> Incoming:
    upstream = upstreams.declared.get(planned.upstream or "")
    incoming = upstreams.view(upstream).release(planned.name, planned.version)
    if incoming.digest != planned.digest:
        raise ConflictError(
            f"{planned.name} {planned.version} has the digest {incoming.digest}, and "
            f"{planned.digest} was planned",
            where=f"upstream {upstream.alias}",
            next_step="Do not use it; find out who changed it",
        )
    return incoming
