"""Refuse to write what `verify` would call forged: an act that no declared instance key signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from registry.errors import ConflictError
from registry.formats.model import LibraryFacts
from registry.formats.parsing import parse_library_facts, parse_registry_facts
from registry.git.commit_writer import NewCommit
from registry.git.repository import GitRepository
from registry.names import CommitId, LibraryName, ObjectId
from registry.problems import printable
from registry.trust.acts import library_acts
from registry.trust.evidence import Commit

if TYPE_CHECKING:
    from registry.signing.keys import PublicKey

_FACTS = re.compile(r"libraries/([^/]+)/library\.yaml\Z")
_INSTANCES = "instances/"
_NEXT = (
    "Give --key FILE (or OPSTEPS_KEY), a private key whose public half is in policy.instance_keys"
    " of registry.yaml; a server signs with that of its setting instance_key (OPSTEPS_INSTANCE_KEY)"
)


def refuse_unattested(repository: GitRepository, head: CommitId, commit: NewCommit) -> None:
    """Raise ConflictError for what needs a signature by an instance key, and would have none.

    Registries that declare no such keys, and commits that do nothing of the kind, pass.
    """
    lines = _declared(repository, head)
    if not lines or is_listed(commit.key, lines):
        return
    for what in _acts(repository, head, commit):
        has = "is signed by none of them" if commit.key else "is not signed"
        raise ConflictError(
            f"registry.yaml declares instance keys, and this change {has}: {printable(what)}",
            where=str(repository.work_tree or repository.git_dir),
            next_step=_NEXT,
        )


def _declared(repository: GitRepository, head: CommitId) -> tuple[str, ...]:
    found = repository.object(f"{head}:registry.yaml")
    if found is None or b"instance_keys" not in found.content:
        return ()
    facts = parse_registry_facts(found.content).value
    return facts.policy.instance_keys if facts is not None else ()


def is_attested(repository: GitRepository, head: CommitId, commit: NewCommit) -> bool:
    """True if a key that is declared at the head will sign it."""
    return is_listed(commit.key, _declared(repository, head))


def is_listed(key: PublicKey | None, lines: tuple[str, ...]) -> bool:
    """True if a key is among those of ``policy.instance_keys``."""
    if key is None:
        return False
    from registry.signing.errors import SigningError
    from registry.signing.keys import parse_public_key

    for line in lines:
        try:
            if parse_public_key(line).fingerprint == key.fingerprint:
                return True
        except SigningError:
            continue
    return False


def _acts(repository: GitRepository, head: CommitId, commit: NewCommit) -> Iterator[str]:
    touched = [path for path in (*commit.files, *commit.removed) if path.startswith(_INSTANCES)]
    yield from (f"{path} is changed" for path in touched)
    message = commit.message.encode()
    as_written = Commit(commit_id=head, tree=ObjectId(""), parents=(), seen=0, message=message)
    for path, raw in commit.files.items():
        if (found := _FACTS.match(path)) is None:
            continue
        before, after = _facts(repository, head, path), parse_library_facts(raw).value
        if before is not None and after is not None:
            name = LibraryName(found[1])
            for act in library_acts(as_written, head, name, before, after):
                if not act.is_free:
                    yield f"{name} {act.version}".rstrip() + f": {act.what}"


def _facts(repository: GitRepository, head: CommitId, path: str) -> LibraryFacts | None:
    found = repository.object(f"{head}:{path}")
    return LibraryFacts() if found is None else parse_library_facts(found.content).value
