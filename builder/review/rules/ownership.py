"""Check who may change a library, and what may be said about its owners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from builder.content_rules.rule_problems import error, warning
from builder.review.evidence.model import ReviewAuthority, ReviewedLibrary
from registry.names import same_id
from registry.problems import Problem


def not_checked(authority: ReviewAuthority) -> Iterator[Problem]:
    """One note for the whole change when nobody said who asks for it."""
    if not authority.rights.is_known:
        yield warning(
            "owner-not-checked",
            ".",
            "ownership was not checked, because nobody said who asks for the change",
            "--actor ACCOUNT",
        )


def owner_problems(change: ReviewedLibrary, authority: ReviewAuthority) -> Iterator[Problem]:
    """Check that the actor may change this library, and how its owners change."""
    if change.is_new:
        yield from _new_library(change, authority)
    else:
        yield from _known_library(change, authority)
    yield from _impersonated(change, authority)
    if change.after.exists and change.after.readable and not change.after.facts.owners:
        had = change.now.facts.owners
        yield (error if change.is_new or had else warning)(
            "owners-empty",
            f"{change.path}/library.yaml",
            "nobody owns the library" + (" any more" if had else ""),
            "owners: an account at the Git host, or a publisher",
            pointer="/owners",
        )


def _known_library(change: ReviewedLibrary, authority: ReviewAuthority) -> Iterator[Problem]:
    rights, file = authority.rights, f"{change.path}/library.yaml"
    owners = change.now.facts.owners if change.now.exists else change.before.facts.owners
    allowed = rights.may_change(owners)
    if rights.is_known and not allowed:
        listed = ", ".join(owners[:10]) or "nobody yet"
        yield error(
            "owner-needed",
            change.path,
            f"{rights.actor} is not an owner of {change.name}",
            f"have it changed by an owner ({listed}) or an operator",
        )
    if not change.after.readable or not change.after.has_facts:
        return
    added = set(change.after.facts.owners) - set(owners)
    if rights.actor in added and not allowed:
        yield error(
            "owner-self-added",
            file,
            f"{rights.actor} adds themselves to the owners",
            "let an owner add owners",
            pointer="/owners",
        )
    elif set(owners) != set(change.after.facts.owners) and owners:
        yield warning(
            "owners-changed",
            file,
            f"the owners were {', '.join(owners[:10])}"
            f" and are {', '.join(change.after.facts.owners[:10]) or 'nobody'}",
            "give it a second look",
            pointer="/owners",
        )


def _new_library(change: ReviewedLibrary, authority: ReviewAuthority) -> Iterator[Problem]:
    rights, owners = authority.rights, change.after.facts.owners
    claims = [p for p in authority.publishers.all() if p.has_prefix_of(change.name)]
    if claims:
        named = any(publisher.name in owners for publisher in claims)
        acting = rights.is_operator or any(rights.acts_for(publisher) for publisher in claims)
        if not named or (rights.is_known and not acting):
            whose = " and ".join(publisher.name for publisher in claims)
            yield error(
                "owner-prefix",
                change.path,
                f"the name {change.name} is under a prefix of {whose}",
                f"another name, or {whose} as an owner and one of its accounts as the author",
            )
    if rights.is_known and owners and not rights.may_change(owners):
        yield warning(
            "owner-foreign",
            f"{change.path}/library.yaml",
            f"{rights.actor} begins a library that they do not own",
            f"{rights.actor} among the owners",
            pointer="/owners",
        )


def _impersonated(change: ReviewedLibrary, authority: ReviewAuthority) -> Iterator[Problem]:
    rights = authority.rights
    if not rights.is_known or rights.is_operator:
        return
    for owner in change.after.facts.owners:
        publisher = authority.publishers.named(owner)
        if publisher is None or owner in change.now.facts.owners or rights.acts_for(publisher):
            continue
        yield error(
            "owner-impersonated",
            f"{change.path}/library.yaml",
            f"{rights.actor} does not act for the publisher {owner}, and makes it an owner",
            f"a change by an account of {owner}, or by an operator",
            pointer="/owners",
        )


def id_problems(change: ReviewedLibrary, names: Iterable[bytes]) -> Iterator[Problem]:
    """A new name whose id on the wire another library has; ``names`` are all of them."""
    taken = same_id(change.name, names) if change.is_new else None
    if taken is not None:
        yield error(
            "name-id-taken",
            change.path,
            f"the id of {change.name!r} is taken by {taken!r}",
            "another name",
        )


def state_problems(change: ReviewedLibrary, names: Iterable[str]) -> Iterator[Problem]:
    """The state, and what replaces a deprecated library."""
    file, facts = f"{change.path}/library.yaml", change.after.facts
    if not (change.after.has_facts and change.after.readable):
        return
    if facts.state not in {change.before.facts.state, change.now.facts.state}:
        yield warning(
            "state-changed",
            file,
            f"the state is {facts.state} now",
            "'opsteps' uninstalls, and keeps directory and state together",
            pointer="/state",
        )
    deprecated = facts.deprecated
    if deprecated is None or deprecated == change.before.facts.deprecated:
        return
    if deprecated.replacement is not None and deprecated.replacement not in set(names):
        yield warning(
            "replacement-unknown",
            file,
            f"the replacement {deprecated.replacement[:80]!r} is not a library of this registry",
            "the name of a library",
            pointer="/deprecated/replacement",
        )
