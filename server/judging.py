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
from registry.keeping import ACCEPT
from registry.names import CommitId, Digest, LibraryName, ObjectId
from registry.problems import printable
from registry.remembered import Memory
from registry.signing.keys import PublicKey
from registry.snapshot import Registry
from registry.verifying.between import Judgement, Remembered, judge_between
from registry.verifying.errors import TrustedFileError
from registry.verifying.evidence import Release
from registry.verifying.model import Finding
from registry.verifying.trusted import read_trusted
from server.head_watch import HeadWatch

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
        """How often was judged."""
        self._registry = registry
        self._heads = heads
        self._all_tags = threading.Event()
        self._all_tags.set()

    def look_at_all_tags(self) -> None:
        """With the next judgement: a tag may have moved of which no commit says so."""
        self._all_tags.set()

    def judge(self, head: CommitId) -> None:
        """Judge everything up to a head that is served; raises nothing that is wrong with it."""
        served = self._heads.served
        old = served.judged if served is not None and served.judged else head
        all_tags = self._all_tags.is_set()
        self._all_tags.clear()
        self._registry.memory.refresh()
        try:
            judged = self._between(CommitId(old), head, all_tags=all_tags or bool(self.alarms))
        except (RegistryError, OSError) as error:
            self._all_tags.set()
            self._tell((f"what came since {old[:12]} cannot be judged: {error}",))
            return
        finally:
            self._registry.close()
        if not judged.findings:
            self._heads.judged(head)
        self._tell(tuple(dict.fromkeys(map(_sentence, judged.findings))))

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

    def _between(self, old: CommitId, head: CommitId, *, all_tags: bool) -> Judgement:
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

    def _tell(self, alarms: tuple[str, ...]) -> None:
        for alarm in alarms:
            if alarm not in self.alarms:
                _LOG.error("alarm", reason=alarm)
        self.alarms = alarms
        self.count += 1


class _Known(Mapping[Release, Remembered]):
    """What was served, as it is asked for: nothing is copied for it."""

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


def _sentence(finding: Finding) -> str:
    where = " ".join(filter(None, (finding.library, finding.version)))
    about = f"{where}: " if where else ""
    said = f"{about}{finding.attack}: {finding.what}. {finding.next_step}"
    return printable(f"{said}; where that was meant: '{ACCEPT}'")
