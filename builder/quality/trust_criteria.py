"""The criteria about what an operator relies on: permissions, tests, origin, upkeep, safety."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from builder.diff.permissions import label_covers
from builder.quality.facts import QualityFacts
from builder.quality.model import QualityJudgement, met, missed, share
from registry.errors import InvalidNameError
from registry.formats.model import Manifest, Permissions, ReleaseContent, Step
from registry.versions import parse_dependency

_UPPER_BOUNDS = frozenset({"<", "<=", "~=", "==", "==="})
_ANY = "*"
_NO_PERMISSIONS = Permissions()
_YEAR_DAYS = 365
OLD = 2
"""The `age_step` from which a library counts as not maintained."""


def tests(facts: QualityFacts) -> QualityJudgement:
    if facts.has_tests:
        return met("there are files below tests/")
    if all(entry.executor is None for entry in facts.content.manifest.steps):
        return met("it has no executor, so there is nothing to test")
    return missed("there are no files below tests/", "test what each executor does")


def undeclared_steps(content: ReleaseContent) -> tuple[Step, ...]:
    """The steps of which nobody said what they need.

    One with an executor that declares nothing is given nothing when it runs. One without is
    performed by the platform, which reads no such thing into silence.
    """
    return tuple(
        step
        for entry, step in zip(content.manifest.steps, content.steps, strict=True)
        if entry.executor is None and not declares_permissions(step)
    )


def declares_permissions(step: Step) -> bool:
    """True if a step names a permission, a label or a limit of its runs."""
    return bool(step.required_permissions) or step.permissions != _NO_PERMISSIONS


def permissions(facts: QualityFacts) -> QualityJudgement:
    manifest = facts.content.manifest
    faults = [(step.name, fault) for step in facts.content.steps for fault in _faults(step)]
    silent = undeclared_steps(facts.content)
    faults += [(step.name, "declares nothing") for step in silent]
    own = list(_manifest_faults(manifest, facts.content.steps))
    steps = len(facts.content.steps)
    bad = len({name for name, _ in faults})
    total = steps + 1
    # Where no step says anything, that the manifest says the same is worth nothing.
    good = 0 if len(silent) == steps else total - bad - bool(own)
    said = [*(f"{name} {fault}" for name, fault in faults), *own]
    if not said:
        return met("every step asks for exactly what it names")
    more = f"; and {len(said) - 1} more" if len(said) > 1 else ""
    return QualityJudgement(
        good=good,
        total=total,
        why=f"{said[0]}{more}",
        improve="name each host, path, command and variable under 'permissions', and the same"
        " labels in the steps and in the manifest; where there is no executor and nothing is"
        " needed, the limits of a run",
    )


def _faults(step: Step) -> Iterator[str]:
    asked = step.permissions
    for target in asked.network:
        if target == _ANY or target.startswith("*:"):
            yield "may connect to any host"
    for what, items in (
        ("run any command", asked.commands),
        ("see any variable", asked.environment),
    ):
        if _ANY in items:
            yield f"may {what}"
    labels = step.required_permissions
    for label, items in (
        ("network", asked.network),
        ("command", asked.commands),
        ("file_read", asked.filesystem.read),
        ("file_write", asked.filesystem.write),
    ):
        if items and not any(label_covers(said, label) for said in labels):
            yield f"names permissions of the kind {label} and lacks the label"
        elif not items and label in labels:
            yield f"has the label {label} and does not say for what"
    if "file_system" in labels and not asked.filesystem.read and not asked.filesystem.write:
        yield "has the label file_system and does not say for what"


def _manifest_faults(manifest: Manifest, steps: tuple[Step, ...]) -> Iterator[str]:
    needed = {label for step in steps for label in step.required_permissions}
    for label in sorted(set(manifest.required_permissions) - needed):
        yield f"the manifest has the label {label}, which no step needs"
    for label in sorted(needed - set(manifest.required_permissions)):
        yield f"the manifest lacks the label {label} of a step"


def licence(facts: QualityFacts) -> QualityJudgement:
    text = facts.content.manifest.license
    improve = "name a licence of the SPDX list, such as MIT or Apache-2.0"
    if not text:
        return missed("it has no licence", improve)
    if not _is_spdx(text):
        return missed("it is not an SPDX licence expression", improve)
    if "licenseref-" in text.lower():
        return QualityJudgement(good=1, total=2, why="it is a licence of its own", improve=improve)
    return met(f"it is {text}")


@lru_cache(maxsize=512)
def _is_spdx(text: str) -> bool:
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True


def signed(facts: QualityFacts) -> QualityJudgement:
    if facts.signed:
        return met("a publisher signed the release")
    return missed("no publisher signed the release", "release it with 'opsteps release --sign KEY'")


def maintained(facts: QualityFacts) -> QualityJudgement:
    improve = "release what has changed meanwhile: new versions of what it needs, fixes, documents"
    match age_step(facts.newest, facts.as_of):
        case 0:
            return met("the last release is less than a year old")
        case 1:
            why = "the last release is more than a year old"
            return QualityJudgement(good=1, total=2, why=why, improve=improve)
        case _:
            return missed("the last release is more than two years old", improve)


def age_step(newest: str | None, as_of: str) -> int:
    """0 for a last release of the year before ``as_of``, 1 for one of the year before that, else 2.

    All that the score depends on of the time: what is kept under a key needs this in it.
    """
    if newest is None:
        return OLD
    days = (_moment(as_of) - _moment(newest)).days
    return min(max(days // _YEAR_DAYS, 0), OLD)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # a ledger may hold a day that there is not
        return datetime(1970, 1, 1, tzinfo=UTC)


def current(facts: QualityFacts) -> QualityJudgement:
    if facts.yanked:
        return missed("the active release is yanked", "release a version that replaces it")
    if facts.deprecated:
        return missed("the library is deprecated", "say what to use instead")
    return met("it is neither deprecated nor yanked")


def dependencies(facts: QualityFacts) -> QualityJudgement:
    manifest = facts.content.manifest
    bounded = [_is_bounded(text) for text in manifest.dependencies]
    pinned = ["==" in text and "--hash=" in text for text in manifest.python_requirements]
    good = [*bounded, *pinned]
    return share(
        sum(good),
        len(good),
        "dependencies with an upper bound, Python packages with a version and a hash",
        "write 'name>=1.2,<2', and 'package==1.2.3 --hash=sha256:…'",
    )


def _is_bounded(text: str) -> bool:
    try:
        specifier = parse_dependency(text).requirement.specifier
    except InvalidNameError:
        return False
    return any(part.operator in _UPPER_BOUNDS for part in specifier)


def vulnerabilities(facts: QualityFacts) -> QualityJudgement:
    if not facts.advisories:
        return met("no advisory hits the active release")
    return missed(f"{', '.join(facts.advisories)}", "release a version without it")
