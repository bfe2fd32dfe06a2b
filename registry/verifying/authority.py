"""Decide who may sign: ``registry.yaml``, as an administrator signed it or as it only declares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from registry.errors import RegistryError
from registry.formats.model import RegistryFacts, Signatures
from registry.formats.parsing import parse_registry_facts
from registry.names import ObjectId
from registry.problems import InvalidLibraryError
from registry.signing.errors import SigningError
from registry.signing.keys import PublicKey
from registry.signing.publishers import Publishers, withdrawn_revocations
from registry.signing.publishers_file import read_publishers
from registry.signing.registry_signature import trusted_publishers
from registry.trust.report import Attack, CheckName, CheckOutcome, Finding
from registry.verifying.instance_keys import keys_of

NO_ADMINISTRATORS = (
    "no administrator's key is pinned, so what registry.yaml declares binds nobody:"
    " give --administrators FILE"
)
_SIGN = "Let an administrator look at registry.yaml and sign it"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedFacts:
    """A state of ``registry.yaml`` with the signature beside it; None for what is not there."""

    blob: ObjectId | None
    raw: bytes | None
    signature: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """The keys that count. ``binds`` when an administrator's key that is pinned vouches."""

    binds: bool
    facts: RegistryFacts | None
    publishers: Publishers | None
    outcome: CheckOutcome

    @property
    def needs_signatures(self) -> bool:
        """True if the policy refuses a release without a publisher's signature."""
        return self.facts is not None and self.facts.policy.signatures is Signatures.REQUIRED

    def instance_keys(self) -> tuple[PublicKey, ...]:
        """The keys that sign statements of the head; an invalid line counts for nothing."""
        return keys_of(self.facts)


def judge_authority(
    current: SignedFacts, earlier: Collection[SignedFacts], administrators: Collection[PublicKey]
) -> Authority:
    """Decide who may sign at the head; no revocation of ``earlier`` may have been taken back."""
    if current.raw is None:
        finding = _finding(Attack.ALTERED_RELEASE, "there is no registry.yaml", "", _SIGN)
        return Authority(
            binds=False, facts=None, publishers=None, outcome=_outcome((finding,), administrators)
        )
    facts = parse_registry_facts(current.raw).value
    publishers, findings = _publishers(current, administrators)
    if publishers is not None:
        findings = (*findings, *_withdrawn(publishers, earlier, administrators))
    return Authority(
        binds=bool(administrators) and publishers is not None,
        facts=facts,
        publishers=publishers,
        outcome=_outcome(findings, administrators),
    )


def _outcome(findings: tuple[Finding, ...], administrators: Collection[PublicKey]) -> CheckOutcome:
    return CheckOutcome(
        detail="registry.yaml is signed by an administrator, and no revocation was taken back",
        findings=findings,
        not_checkable="" if administrators else NO_ADMINISTRATORS,
    )


def _publishers(
    state: SignedFacts, administrators: Collection[PublicKey]
) -> tuple[Publishers | None, tuple[Finding, ...]]:
    raw = state.raw or b""
    evidence = f"blob {state.blob}"
    if not administrators:
        parsed = read_publishers(raw)
        if parsed.value is None:
            what = "registry.yaml cannot be read: " + "; ".join(map(str, parsed.problems[:3]))
            return None, (_finding(Attack.ALTERED_RELEASE, what, evidence, _SIGN),)
        return parsed.value, ()
    try:
        return trusted_publishers(raw, state.signature, administrators), ()
    except (SigningError, InvalidLibraryError) as error:
        return None, (_unsigned(error, evidence),)


def _unsigned(error: RegistryError, evidence: str) -> Finding:
    return _finding(
        Attack.ARBITRARY_RELEASE,
        f"no administrator vouches for registry.yaml and its publishers: {error.message}",
        evidence,
        error.next_step or _SIGN,
    )


def _withdrawn(
    now: Publishers, earlier: Collection[SignedFacts], administrators: Collection[PublicKey]
) -> Iterator[Finding]:
    found: Mapping[str, str] = {}
    for state in earlier:
        before, _ = _publishers(state, administrators)
        if before is not None:
            withdrawn = withdrawn_revocations(before, now)
            found = {**{str(key): f"blob {state.blob}" for key in withdrawn}, **found}
    for fingerprint, evidence in sorted(found.items()):
        yield _finding(
            Attack.ROLLBACK,
            f"the revocation of the key {fingerprint} was taken back",
            evidence,
            "Revoke the key again in registry.yaml; a revocation never goes backwards",
        )


def _finding(attack: Attack, what: str, evidence: str, next_step: str) -> Finding:
    return Finding(
        check=CheckName.PUBLISHERS,
        attack=attack,
        what=what,
        evidence=evidence,
        next_step=next_step,
    )
