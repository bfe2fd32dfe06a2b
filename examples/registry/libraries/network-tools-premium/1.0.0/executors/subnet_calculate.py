"""subnet.calculate: what a network in CIDR notation comprises."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from _params import optional_text, text
from _step import Done, Run, StepError, perform


def execute(parameters: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """Describe ``network`` and say whether ``address`` is in it."""
    return perform(_calculate, parameters, context, "The network was not calculated.")


def _calculate(parameters: Mapping[str, Any], _: Run) -> Done:
    try:
        network = ipaddress.ip_network(text(parameters, "network"), strict=False)
    except ValueError as problem:
        raise StepError(f"network must be in CIDR notation: {problem}") from None
    output: dict[str, Any] = {
        "network": str(network),
        "version": network.version,
        "netmask": str(network.netmask),
        "first_address": str(network[0]),
        "last_address": str(network[-1]),
        "address_count": str(network.num_addresses),
        "is_private": network.is_private,
    }
    value = optional_text(parameters, "address")
    if value is not None:
        try:
            output["contains"] = ipaddress.ip_address(value) in network
        except ValueError:
            raise StepError("address must be an IP address") from None
    return Done(f"{network} comprises {network.num_addresses} addresses.", output)
