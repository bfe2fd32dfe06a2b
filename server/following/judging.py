"""Judges what came since the last sound head: a server notices what ``opsteps verify`` does.

Beside the answers, at the lowest priority: a finding is an alarm, and changes nothing of what is
served. What is found stays found, over restarts too, until a later commit heals it or a person
accepts it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

import structlog

from registry.errors import RegistryError
from registry.names import CommitId, Digest, LibraryName, ObjectId
from registry.problems import printable
from registry.served.held_releases import ACCEPT
from registry.served.memory import Memory
from registry.signing.keys import PublicKey
from registry.snapshots.registry import Registry
from registry.trust.errors import TrustedFileError
from registry.trust.evidence import Release
from registry.trust.report import CheckName, Finding
from registry.trust.trusted_head import read_trusted
from registry.verifying.two_heads import OTHER_DIGEST, HeadJudgement, Remembered, judge_between
from server.following.head_watch import HeadWatch
from server.readmodel.served import Served

_LOG = structlog.get_logger(__name__)


class Judging:
    """``alarms`` is what was found, each in a sentence that says how to mend it."""

    def __init__(
        self, registry: Registry, heads: HeadWatch, administrators: Collection[PublicKey] = ()
    ) -> None:
        """``registry`` is a handle of its own; ``administrators`` may change instance keys.

        Nothing is judged yet.
        """
        self._administrators = tuple(administrators)
        self.alarms: tuple[str, ...] = ()
        self.count = 0
        """The number of judgements."""
        self._logged: frozenset[str] = frozenset()
        self._registry = registry
        self._heads = heads
        self._all_tags = threading.Event()
        self._all_tags.set()

    def look_at_all_tags(self) -> None:
        """With the next judgement: a tag may have moved of which no commit says so."""
        self._all_tags.set()

    def judge(self, served: Served) -> None:
        """Judge everything up to what is served; raises nothing that is wrong with it.

        What is served says itself which of its releases are in alarm, and what mends their tags:
        that is logged here, and not a second alarm.
        """
        head = served.commit
        before = self._heads.served
        old = before.judged if before is not None and before.judged else head
        all_tags = self._all_tags.is_set()
        self._all_tags.clear()
        self._registry.memory.refresh()
        try:
            judged = self._between(CommitId(old), head, all_tags=all_tags or bool(self._logged))
        except (RegistryError, OSError) as error:
            self._all_tags.set()
            self._tell((f"what came since {old[:12]} cannot be judged: {error}",), ())
            return
        finally:
            self._registry.close()
        if not judged.findings:
            self._heads.judged(head, since=before)
        told = {finding.identity for finding in judged.findings if _is_told(finding, served)}
        self._tell(
            _sentences(one for one in judged.findings if one.identity not in told),
            _sentences(one for one in judged.findings if one.identity in told),
        )

    def missed(self, gone: Iterable[Release], head: CommitId) -> frozenset[Release]:
        """Those of the releases that are gone whose going nothing in the history allows.

        All of them, where that cannot be found out.
        """
        released = frozenset(gone)
        served = self._heads.served
        if served is None or not served.judged:
            return released
        try:
            judged = self._between(CommitId(served.judged), head, all_tags=False)
        except (RegistryError, OSError) as error:
            _LOG.warning("what came since cannot be judged", reason=str(error))
            return released
        found = {(finding.library, finding.version) for finding in judged.findings}
        return frozenset(
            (name, version)
            for name, version in released
            if (name, version) in found or (name, "") in found
        )

    def _between(self, old: CommitId, head: CommitId, *, all_tags: bool) -> HeadJudgement:
        return judge_between(
            self._registry,
            old,
            head,
            remembered=_Known(self._registry.memory),
            all_tags=all_tags,
            accepted=self._accepted(),
            administrators=self._administrators,
        )

    def close(self) -> None:
        """End the process that reads for it."""
        self._registry.close()

    def _accepted(self) -> tuple[str, ...]:
        with suppress(TrustedFileError):
            trusted = read_trusted(self._registry)
            return trusted.accepted if trusted is not None else ()
        return ()

    def _tell(self, alarms: tuple[str, ...], told: tuple[str, ...]) -> None:
        """``told`` is what `Served.alarms` have: it is only logged."""
        logged = frozenset((*alarms, *told))
        for alarm in (*alarms, *told):
            if alarm not in self._logged:
                _LOG.error("alarm", reason=alarm)
        self._logged = logged
        self.alarms = alarms
        self.count += 1


class _Known(Mapping[Release, Remembered]):
    """The served releases, as they are asked for: nothing is copied for it."""

    def __init__(self, memory: Memory) -> None:
        self._libraries = memory.libraries

    def __getitem__(self, release: Release) -> Remembered:
        library = self._libraries.get(release[0])
        found = library.release(release[1]) if library is not None else None
        if found is None:
            raise KeyError(release)
        return Remembered(tag=ObjectId(found.tag), digest=Digest(found.digest))

    def __iter__(self) -> Iterator[Release]:
        for library in tuple(self._libraries.values()):
            for release in library.releases:
                yield LibraryName(library.name), release.version

    def __len__(self) -> int:
        return sum(len(library.releases) for library in tuple(self._libraries.values()))


def _is_told(finding: Finding, served: Served) -> bool:
    """True if a finding is about a tag or digest of a release that is in alarm for just that."""
    is_about = finding.check is CheckName.TAGS or finding.what == OTHER_DIGEST
    library = served.libraries.get(finding.library) if is_about else None
    return library is not None and finding.version in library.alarmed


def _sentences(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_sentence, findings)))


def _sentence(finding: Finding) -> str:
    where = " ".join(filter(None, (finding.library, finding.version)))
    about = f"{where}: " if where else ""
    said = f"{about}{finding.attack}: {finding.what}. {finding.next_step}"
    accept = "" if f"'{ACCEPT}'" in said else f"; where that was meant: '{ACCEPT}'"
    return printable(f"{said}{accept}")
