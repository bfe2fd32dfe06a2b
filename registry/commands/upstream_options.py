"""The options that the commands about upstreams share."""

from __future__ import annotations

from typing import Annotated

import typer

from registry.resolution.host import DEFAULT_HOST, HOST_VARIABLE
from registry.versions import Version, parse_version

InstanceOption = Annotated[str, typer.Option(help="The instance whose libraries change.")]
HostOption = Annotated[
    str | None,
    typer.Option(
        "--opsconductor-version",
        envvar=HOST_VARIABLE,
        help=f"The OpsConductor that libraries run in. [{DEFAULT_HOST}]",
    ),
]
LicenseKeyOption = Annotated[
    str | None,
    typer.Option(
        "--license-key",
        envvar="OPSTEPS_LICENSE_KEY",
        show_envvar=True,
        help="For a premium library. Others on this machine see options; prefer the environment.",
    ),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Fetch no upstream; what was fetched last counts.")
]


def host_of(text: str | None) -> Version:
    """The version of OpsConductor; raises InvalidNameError."""
    return DEFAULT_HOST if text is None else parse_version(text)
