"""The files that govern a registry: only its operators change them."""

from __future__ import annotations

from collections.abc import Iterator

from builder.content_rules.git_names import is_git_name
from builder.content_rules.rule_problems import error, warning
from builder.review.evidence.model import RegistryChange, ReviewAuthority
from registry.advisories.checking import check_advisory
from registry.formats.model import SIGNATURE_FILE, Policy
from registry.formats.parsing import parse_registry_facts, parse_yaml
from registry.formats.schema import Format
from registry.names import LibraryName
from registry.problems import Problem, errors_of
from registry.signing.publishers import Publishers, withdrawn_revocations
from registry.signing.publishers_file import check_publishers, read_publishers

_FILE = "registry.yaml"
_GOVERNING = frozenset(
    {
        _FILE, SIGNATURE_FILE, "instances", "advisories", ".github", ".gitlab", ".gitlab-ci.yml",
        "CODEOWNERS", ".gitattributes", ".gitignore", ".gitmodules", ".pre-commit-config.yaml",
        "ci", "hooks",
    }
)  # fmt: skip
_FREE = frozenset(
    {"README.md", "LICENSE", "LICENSE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}
)


def place_problems(change: RegistryChange, authority: ReviewAuthority) -> Iterator[Problem]:
    """Files outside ``libraries/``: whose they are, and whether they belong anywhere."""
    rights = authority.rights
    report = error if rights.is_known else warning
    for file in change.files:
        top = file.path.partition("/")[0]
        codeowners = file.path == "docs/CODEOWNERS"
        if top in _FREE and top == file.path:
            continue
        if not rights.is_operator:
            yield report(
                "operator-needed",
                file.path,
                "this is the operators' to change",
                f"a change by an operator ({', '.join(authority.policy.operators[:10]) or 'none'})",
            )
        if top not in _GOVERNING and not codeowners and file.after is not None:
            yield warning(
                "stray-file",
                file.path,
                "this place is not part of a registry's layout",
                "libraries/<name>/<version>/",
            )


def entry_problems(change: RegistryChange) -> Iterator[Problem]:
    """Links, submodules and Git's own names, outside libraries."""
    for file in change.files:
        if file.after is None:
            continue
        if not file.after.is_file:
            message = "it is a symbolic link or a submodule"
            yield error("path", file.path, message, "the file itself")
        if any(is_git_name(part) for part in file.path.split("/")):
            yield error("file-git-name", file.path, "this name is Git's own", "another name")


def registry_problems(change: RegistryChange) -> Iterator[Problem]:
    """Yield the problems of the change to ``registry.yaml``."""
    changed = {file.path: file for file in change.files}
    if _FILE not in changed:
        if SIGNATURE_FILE in changed and changed[SIGNATURE_FILE].after is None:
            yield _stale("the signature of registry.yaml is gone")
        return
    if change.after is None:
        expected = "put it back: without it this is not a registry"
        yield error("registry-removed", _FILE, "registry.yaml is gone", expected)
        return
    if change.signed and (SIGNATURE_FILE not in changed or changed[SIGNATURE_FILE].after is None):
        yield _stale("registry.yaml changed, and its signature is still that of the old one")
    strict = parse_yaml(Format.REGISTRY, change.after, file=_FILE, strict=True).problems
    declared = read_publishers(change.after, file=_FILE)
    lenient = errors_of(declared.problems)
    yield from dict.fromkeys((*strict, *lenient))
    if change.before is not None and declared.value is not None:
        yield from _compared(change.before, change.after, declared.value)


def instance_problems(change: RegistryChange) -> Iterator[Problem]:
    """The changed files of instances, checked as everywhere."""
    for path, raw in change.instances.items():
        yield from parse_yaml(Format.INSTANCE, raw, file=path, strict=True).problems


def advisory_problems(change: RegistryChange) -> Iterator[Problem]:
    """The changed advisories, checked as everywhere."""
    for path, raw in change.advisories.items():
        yield from check_advisory(
            raw, file=path, libraries=lambda name: LibraryName(name) in change.libraries
        ).problems


def _stale(message: str) -> Problem:
    return error(
        "registry-signature-stale",
        _FILE,
        message,
        "an administrator's: ssh-keygen -Y sign -n opsteps-registry -f KEY registry.yaml",
    )


def _compared(before: bytes, after: bytes, publishers: Publishers) -> Iterator[Problem]:
    old, new = parse_registry_facts(before).value, parse_registry_facts(after).value
    if old is None or new is None:
        return
    fields = Policy.__dataclass_fields__
    differing = [name for name in fields if getattr(old.policy, name) != getattr(new.policy, name)]
    if differing:
        yield warning(
            "policy-changed",
            _FILE,
            f"the policy changes: {', '.join(sorted(differing))}",
            "a second look",
            pointer="/policy",
        )
    known = check_publishers(old.publishers).value
    if known is None:
        return
    for fingerprint in withdrawn_revocations(known, publishers):
        yield error(
            "revocation-withdrawn",
            _FILE,
            f"the key {fingerprint} was revoked, and is not any more, or later",
            "put the revocation back, with its date",
            pointer="/publishers",
        )
    if known != publishers:
        names = [p.name for p in known.all() if publishers.named(p.name) != p]
        names += [p.name for p in publishers.all() if known.named(p.name) is None]
        yield warning(
            "publishers-changed",
            _FILE,
            f"keys, accounts or prefixes change of {', '.join(names[:10]) or 'no publisher'}",
            "a second look: these keys sign releases",
            pointer="/publishers",
        )
