"""A registry as it should be: signed by an administrator, its publishers and its instance.

Tests copy it, and then do to the copy what an attacker who may write to a registry could do.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from registry.formats.library_file import facts_bytes
from registry.formats.model import LedgerEntry, LibraryFacts
from registry.formats.yaml_text import dump_yaml
from registry.git.commit_writer import (
    Identity,
    NewCommit,
    RefUpdate,
    move_refs,
    write_commit,
    write_tags,
)
from registry.library.digest import release_digest
from registry.library.release_tag import tag_message, tag_object
from registry.names import CommitId, Digest, LibraryName, ObjectId
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.release import release
from registry.signing.private_keys import PrivateKey, parse_private_key
from registry.signing.registry_signature import sign_registry
from registry.signing.signed_statements import sign_release
from registry.signing.statements import ReleaseStatement
from registry.snapshots.one_library import read_library
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.trust.report import Attack, CheckName, CheckState, Finding, VerificationReport
from registry.trust.trusted_head import read_trusted, remember
from registry.verifying.verification import VerificationOptions, Verified, verify_registry
from registry.versions import parse_version
from tests.registry.making import EXECUTOR, files, git

TOOLS = LibraryName("file-tools")
OTHER = LibraryName("other-tools")
ACME = Actor(name="acme", request="scene")


def new_key_text() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def new_key() -> PrivateKey:
    return parse_private_key(new_key_text())


@dataclass(frozen=True, kw_only=True)
class Keys:
    administrator: PrivateKey = field(default_factory=new_key)
    publisher: PrivateKey = field(default_factory=new_key)
    retired: PrivateKey = field(default_factory=new_key)
    """A key of the publisher's that is revoked."""
    expired: PrivateKey = field(default_factory=new_key)
    """A key of the publisher's that was valid until 2024."""
    instance: PrivateKey = field(default_factory=new_key)
    stranger: PrivateKey = field(default_factory=new_key)


def registry_yaml(keys: Keys, *, revoked: str | None = "2020-06-01T00:00:00Z") -> bytes:
    retired = {"key": str(keys.retired.public), **({"revoked": revoked} if revoked else {})}
    expired = {"key": str(keys.expired.public), "until": "2024-01-01T00:00:00Z"}
    acme = {"keys": [{"key": str(keys.publisher.public)}, retired, expired]}
    policy = {"signatures": "required", "instance_keys": [str(keys.instance.public)]}
    return dump_yaml(
        {"name": "steps", "title": "Steps", "policy": policy, "publishers": {"acme": acme}}
    )


def make_scene(path: Path, keys: Keys) -> "Scene":
    """Three releases of two libraries, and one more that is yanked."""
    registry = init_registry(path, name="steps", title="Steps", by=ACME)
    scene = Scene(registry=registry, keys=keys)
    scene.write(scene.signed_registry(registry_yaml(keys)), "Sign")
    for name, version in ((TOOLS, "1.0.0"), (TOOLS, "1.1.0"), (OTHER, "1.0.0"), (OTHER, "2.0.0")):
        content = files(name, version, extra={"docs/CHANGELOG.md": f"# {version}\n".encode()})
        added = add_release(registry, content, by=ACME)
        release(registry, added.name, added.version, by=ACME, signer=keys.publisher)
    yanked = {"2.0.0": {"reason": "it deletes too much"}}
    facts = read_library(registry, OTHER).facts
    raw = facts_bytes(facts) + dump_yaml({"yanked": yanked})
    scene.write({f"libraries/{OTHER}/library.yaml": raw}, "Yank", operation="yank")
    git(path, "reset", "-q", "--hard")
    return scene


@dataclass(frozen=True, kw_only=True)
class Scene:
    registry: Registry
    keys: Keys

    @property
    def path(self) -> Path:
        return self.registry.path

    def copy(self, path: Path) -> "Scene":
        shutil.copytree(self.path, path)
        return replace(self, registry=Registry.open(path, check_clone=False))

    def copy_of(self, path: Path) -> "Scene":
        """The same scene in another place where it is already, such as a clone."""
        return replace(self, registry=Registry.open(path, check_clone=False))

    # What an attacker who may write does: nothing of it asks for our permission.

    def write(
        self,
        changed: Mapping[str, bytes],
        message: str = "edit",
        *,
        removed: tuple[str, ...] = (),
        operation: str = "",
        seconds: int | None = None,
        key: PrivateKey | None = None,
    ) -> CommitId:
        repository, head = self.registry.repository, self.registry.head()
        trailers = f"\nOperation: {operation}\nActor: x\n" if operation else ""
        text = f"{message}\n{trailers}"
        at = int(datetime.now(UTC).timestamp()) if seconds is None else seconds
        who = Identity(name="x", email="x@x", seconds=at)
        sign = Actor(name="x", key=key).sign if key is not None else None
        commit = NewCommit(message=text, who=who, files=changed, removed=removed, sign=sign)
        new = write_commit(repository, head, commit)
        move_refs(repository, [RefUpdate(ref="HEAD", new=new, old=head)])
        return new

    def facts(self, name: LibraryName = TOOLS) -> LibraryFacts:
        return read_library(self.registry, name).facts

    def write_facts(self, facts: LibraryFacts, name: LibraryName = TOOLS) -> CommitId:
        return self.write({f"libraries/{name}/library.yaml": facts_bytes(facts)})

    def edit_entry(self, version: str, **changes: str | None) -> CommitId:
        facts = self.facts()
        entry = replace(facts.ledger[version], **changes)  # type: ignore[arg-type]
        return self.write_facts(replace(facts, ledger={**facts.ledger, version: entry}))

    def signed_registry(self, raw: bytes, by: PrivateKey | None = None) -> dict[str, bytes]:
        signature = sign_registry(raw, by or self.keys.administrator)
        return {"registry.yaml": raw, "registry.yaml.sig": signature.encode()}

    def signature(
        self, name: LibraryName, version: str, digest: str, key: PrivateKey | None = None
    ) -> str:
        statement = ReleaseStatement(
            name=name,
            version=parse_version(version),
            digest=Digest(digest),
        )
        return sign_release(statement, key or self.keys.publisher)

    def forge_release(
        self,
        version: str,
        *,
        key: PrivateKey | None = None,
        date: str = "2026-01-01T00:00:00Z",
        signature: str | None = None,
        seconds: int | None = None,
    ) -> None:
        """A release with all its parts, by somebody with any key or none."""
        content = files(TOOLS, version)
        digest = release_digest(content)
        signed = signature or (self.signature(TOOLS, version, digest, key) if key else None)
        facts = self.facts()
        entry = LedgerEntry(digest=digest, date=date, signature=signed)
        changed = {f"libraries/{TOOLS}/{version}/{path}": raw for path, raw in content.items()}
        raw = facts_bytes(replace(facts, ledger={**facts.ledger, version: entry}))
        self.write({**changed, f"libraries/{TOOLS}/library.yaml": raw}, seconds=seconds)
        self.tag(f"{TOOLS}/v{version}", version=version, digest=digest)

    def tag(
        self,
        ref: str,
        *,
        version: str = "1.0.0",
        name: str | None = None,
        commit: str | None = None,
        digest: str | None = None,
        tree: str | None = None,
    ) -> None:
        """A tag object, and the ref on it wherever it was before."""
        entry = self.facts().ledger.get(version)
        tree = tree or git(self.path, "rev-parse", f"HEAD:libraries/{TOOLS}/{version}")
        digest = digest or (entry.digest if entry else "0" * 64)
        message = tag_message(
            TOOLS,
            parse_version(version),
            digest=Digest(digest),
            tree=ObjectId(tree),
        )
        target = CommitId(commit) if commit else self.registry.head()
        raw = tag_object(name or ref, target, message, tagger="x <x@x> 1700000000 +0000")
        (tag,) = write_tags(self.registry.repository, [raw])
        git(self.path, "update-ref", f"refs/tags/{ref}", tag)

    def edited(self, name: LibraryName = TOOLS, version: str = "1.0.0") -> dict[str, bytes]:
        return {f"libraries/{name}/{version}/executors/copy.py": b"import os\n" + EXECUTOR}

    def original(self, name: LibraryName = TOOLS, version: str = "1.0.0") -> dict[str, bytes]:
        return {f"libraries/{name}/{version}/executors/copy.py": EXECUTOR}

    # What the person on the other side sees.

    def wishes(
        self,
        *,
        now: datetime | None = None,
        hours: float | None = None,
        deep: bool = False,
        pinned: bool = True,
    ) -> VerificationOptions:
        return VerificationOptions(
            now=now or datetime.now(UTC),
            administrators=(self.keys.administrator.public,) if pinned else (),
            longest=timedelta(hours=hours) if hours is not None else None,
            deep=deep,
        )

    def verified(self, wishes: VerificationOptions | None = None) -> Verified:
        trusted = read_trusted(self.registry)
        return verify_registry(self.registry, wishes or self.wishes(), trusted=trusted)

    def report(self, wishes: VerificationOptions | None = None) -> VerificationReport:
        return self.verified(wishes).report

    def trust(self) -> None:
        """Verify, and remember the head as the command does."""
        verified = self.verified()
        assert verified.report.is_sound
        assert remember(self.registry, verified.head, before=read_trusted(self.registry))


def found(
    report: VerificationReport, check: CheckName, attack: Attack, where: str = "", what: str = ""
) -> Finding:
    """The one finding of this check that is this attack on this release."""
    assert not report.is_sound
    states = {item.name: item.state for item in report.checks}
    assert states[check] is CheckState.FAILED
    matching = [
        finding
        for finding in report.findings
        if finding.check is check
        and finding.attack is attack
        and f"{finding.library} {finding.version}".strip() == where
        and what in finding.what
    ]
    assert len(matching) == 1, report.findings
    assert matching[0].next_step
    return matching[0]


def states(report: VerificationReport) -> dict[CheckName, CheckState]:
    return {check.name: check.state for check in report.checks}
