"""Decide who may change what: owners and publishers their libraries, operators everything."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from registry.formats.model import Policy
from registry.signing.publishers import Publisher, Publishers


@dataclass(frozen=True, kw_only=True, slots=True)
class Rights:
    """The rights of an account of the Git host. ``actor`` None: nobody said who asks.

    All is read at the base: what a change says about itself gives no right to it.
    """

    actor: str | None
    policy: Policy
    publishers: Publishers

    @property
    def is_known(self) -> bool:
        return self.actor is not None

    @property
    def is_operator(self) -> bool:
        return self.actor is not None and self.actor in self.policy.operators

    def acts_for(self, publisher: Publisher) -> bool:
        return self.actor is not None and self.actor in publisher.accounts

    def may_change(self, owners: Collection[str]) -> bool:
        """True if the actor may change a library of these owners.

        An owner that is a publisher's name never means an account of the same name: anybody can
        register one at the Git host.
        """
        if self.actor is None:
            return False
        return self.is_operator or any(self._is(owner) for owner in owners)

    def _is(self, owner: str) -> bool:
        publisher = self.publishers.named(owner)
        return owner == self.actor if publisher is None else self.acts_for(publisher)
