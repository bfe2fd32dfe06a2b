"""A library as a snapshot holds it: its facts, its releases and which one is active.

The decisions here are pure: they see what Git holds and say what it means.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.formats.model import InstanceFacts, LibraryFacts, ReleaseContent, Removal, Yank
from registry.library.alarms import Alarm, alarm_text
from registry.names import CommitId, Digest, LibraryId, LibraryName, ObjectId
from registry.problems import Problem, errors_of
from registry.versions import Version


class ReleaseState(StrEnum):
    """The state of a version by directory, ledger entry and tag together (design, section 3)."""

    RELEASED = "released"
    """All three agree: it is served."""
    CANDIDATE = "candidate"
    """A directory with neither: validated and previewed, not served."""
    WITHDRAWN = "withdrawn"
    """Ledger and tag agree, the directory was removed: known, not there. People read "removed": to
    withdraw a release is to yank it."""
    ALARM = "alarm"
    """They disagree: not served, and said so."""


class LibraryStatus(StrEnum):
    """The usability of a library; of several states that apply, one.

    It is the first of error, updating, disabled, deprecated, enabled; one that is here and was
    never enabled is installed.
    """

    INSTALLED = "installed"
    ENABLED = "enabled"
    DISABLED = "disabled"
    ERROR = "error"
    UPDATING = "updating"
    DEPRECATED = "deprecated"


@dataclass(frozen=True, kw_only=True, slots=True)
class TagFacts:
    """The facts of a release tag: the object it is, the commit it names, what it states."""

    object_id: ObjectId
    commit: CommitId | None
    """None for a lightweight tag or one that names no commit."""
    digest: Digest | None
    tree: ObjectId | None
    """The tree of the release directory, as the tag's message states it."""
    is_ancestor: bool
    """True if the commit is an ancestor of (or is) the snapshot's head."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseRecord:
    """One version of a library: what state it is in, and why."""

    version: Version
    state: ReleaseState
    tree: ObjectId | None
    """The tree of ``libraries/<name>/<version>`` at the head; None when it is not there."""
    digest: Digest | None = None
    date: str | None = None
    yank: Yank | None = None
    removal: Removal | None = None
    """The removal of this version alone, as ``library.yaml`` says it."""
    alarm: str = ""
    tag: ObjectId | None = None
    """The tag object, where there is a tag."""
    stated: ObjectId | None = None
    """The tree that the tag of a sound release states."""
    is_kept: bool = False
    """In alarm, and what was served of it is known: ``tree`` and ``digest`` are those."""

    @property
    def is_served(self) -> bool:
        """True when a pinned lookup may answer with it."""
        return self.state is ReleaseState.RELEASED or self.is_kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """One library at a snapshot.

    ``releases`` is ordered from the greatest version down. ``content`` is the active release,
    parsed; None when there is none or when ``problems`` hold an error.
    An alarm about one release does not take the others down.
    """

    name: LibraryName
    library_id: LibraryId
    facts: LibraryFacts
    instance: InstanceFacts
    releases: tuple[ReleaseRecord, ...]
    active: ReleaseRecord | None
    content: ReleaseContent | None
    problems: tuple[Problem, ...] = ()
    facts_id: ObjectId | None = None
    """The blob of ``library.yaml``, where there is one that can be read."""
    is_withheld: bool = False
    """Nothing is active because of an alarm: what is older is not served in its place."""

    @property
    def is_enabled(self) -> bool:
        """False only when the operator turned it off."""
        return self.instance.enabled

    @property
    def has_facts(self) -> bool:
        """False when ``library.yaml`` cannot be read: then what is known of releases is nothing."""
        return not any(p.file == "library.yaml" for p in errors_of(self.problems))

    @property
    def is_uninstalled(self) -> bool:
        """True when its releases were taken away on purpose, and all is as it should be."""
        gone = self.facts.state == "uninstalled" and self.active is None
        return gone and self.status is not LibraryStatus.ERROR

    @property
    def is_listed(self) -> bool:
        """True if people see it: something is released, or something is wrong."""
        return self.active is not None or self.status is LibraryStatus.ERROR

    @property
    def status(self) -> LibraryStatus:
        """The first that applies of error, disabled, deprecated, enabled."""
        alarmed = any(record.state is ReleaseState.ALARM for record in self.releases)
        if alarmed or errors_of(self.problems):
            return LibraryStatus.ERROR
        if not self.instance.enabled:
            return LibraryStatus.DISABLED
        if self.facts.deprecated is not None:
            return LibraryStatus.DEPRECATED
        return LibraryStatus.ENABLED

    @property
    def alarms(self) -> tuple[str, ...]:
        """The reasons to distrust releases, each with its version; the greatest first."""
        return tuple(
            f"{record.version}: {record.alarm}" for record in self.releases if record.alarm
        )

    def release(self, version: Version) -> ReleaseRecord | None:
        """The record of one version."""
        return next((r for r in self.releases if r.version == version), None)


def _stray(version: Version, tree: ObjectId | None, tag: TagFacts) -> str:
    """Say why a tag releases nothing: ``opsteps release`` writes both, ledger entry and tag."""
    gone = f"and there is no directory {version}" if tree is None else ""
    light = "the tag is lightweight" if tag.commit is None else ""
    return alarm_text(Alarm.NO_ENTRY, gone, light)


def decide_release(  # noqa: PLR0911 - one return for each row of the design's table
    version: Version,
    *,
    tree: ObjectId | None,
    facts: LibraryFacts,
    tag: TagFacts | None,
) -> ReleaseRecord:
    """Say what state a version is in, from its directory's tree, its ledger entry and its tag."""
    entry = facts.ledger.get(str(version))
    yank = facts.yanked.get(str(version))

    def alarm(reason: str) -> ReleaseRecord:
        return ReleaseRecord(
            version=version,
            state=ReleaseState.ALARM,
            tree=tree,
            digest=entry.digest if entry else None,
            date=entry.date if entry else None,
            yank=yank,
            alarm=reason,
            tag=tag.object_id if tag is not None else None,
        )

    if entry is None and tag is None:
        return ReleaseRecord(version=version, state=ReleaseState.CANDIDATE, tree=tree)
    if tag is None:
        return alarm(alarm_text(Alarm.NO_TAG))
    if entry is None:
        return alarm(_stray(version, tree, tag))
    if tag.commit is None or tag.digest is None:
        return alarm(alarm_text(Alarm.NO_RELEASE_TAG))
    if tag.digest != entry.digest:
        return alarm(alarm_text(Alarm.OTHER_DIGEST))
    if not tag.is_ancestor:
        return alarm(alarm_text(Alarm.ASIDE))
    if tree is not None and tag.tree != tree:
        return alarm(alarm_text(Alarm.OTHER_FILES))
    removal = facts.removed.get(str(version))
    if tree is not None and removal is not None:
        return alarm(alarm_text(Alarm.REMOVED_AND_THERE))
    return ReleaseRecord(
        version=version,
        state=ReleaseState.WITHDRAWN if tree is None else ReleaseState.RELEASED,
        tree=tree,
        digest=entry.digest,
        date=entry.date,
        yank=yank,
        removal=removal,
        tag=tag.object_id,
        stated=tag.tree,
    )


def choose_active(releases: tuple[ReleaseRecord, ...], pin: Version | None) -> ReleaseRecord | None:
    """The release that an unversioned lookup answers with.

    The operator's pin, else the greatest stable release that is not yanked, else the greatest
    pre-release that is not yanked (a library with nothing stable yet is still usable).
    """
    served = [record for record in releases if record.is_served]
    if pin is not None:
        return next((record for record in served if record.version == pin), None)
    candidates = [record for record in served if record.yank is None]
    stable = [record for record in candidates if record.version.is_stable]
    return max(stable or candidates, key=lambda record: record.version, default=None)
