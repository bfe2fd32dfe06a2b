"""Check a manifest beyond its schema: names, versions, dependencies and the licence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from registry.errors import InvalidNameError
from registry.formats.model import Manifest
from registry.names import parse_library_name
from registry.problems import Problem, Severity
from registry.versions import parse_dependency, parse_version
from registry.words.spelling import listed, nearest

FILE = "manifest.json"
# The licences that people mean most often, for a slip in writing one.
_LICENSES = (
    "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "GPL-2.0-only", "GPL-3.0-only",
    "LGPL-3.0-only", "MPL-2.0", "ISC", "Unlicense", "LicenseRef-Proprietary",
)  # fmt: skip


def manifest_problems(manifest: Manifest, wrong: Collection[str]) -> Iterator[Problem]:
    """Everything about a manifest's meaning; ``wrong`` are pointers that have a problem already."""
    checks: list[tuple[str, Callable[[str], object], str]] = [
        ("/name", parse_library_name, manifest.name),
        ("/version", parse_version, manifest.version),
    ]
    checks += [
        (f"/dependencies/{index}", parse_dependency, text)
        for index, text in enumerate(manifest.dependencies)
    ]
    for pointer, check, text in checks:
        if pointer in wrong:
            continue
        try:
            check(text)
        except InvalidNameError as error:
            yield Problem(
                rule="name",
                file=FILE,
                pointer=pointer,
                message=error.message,
                expected=error.next_step,
            )
    if "/license" not in wrong:
        yield from _license_problems(manifest.license)
    if "/description" not in wrong and not manifest.description.strip():
        yield description_missing(FILE, "the library")


def _license_problems(text: str) -> Iterator[Problem]:
    if not text.strip():
        yield Problem(
            rule="license-missing",
            file=FILE,
            message="there is no licence: nobody knows whether they may use the library",
            expected="add \"license\": an SPDX expression such as 'MIT'",
            severity=Severity.WARNING,
        )
        return
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        meant = next((known for known in _LICENSES if known.lower() == nearest_license(text)), "")
        hint = f"did you mean {meant!r}?" if meant else f"such as {listed(_LICENSES[:3])}"
        yield Problem(
            rule="license",
            file=FILE,
            pointer="/license",
            message=f"{text[:80]!r} is not an SPDX licence expression",
            expected=f"{hint} A licence of your own is 'LicenseRef-Company'",
            severity=Severity.WARNING,
        )


def nearest_license(text: str) -> str:
    """The licence in lower case that a text such as ``Apache 2.0`` was meant to be."""
    return nearest(text.replace("_", "-"), [known.lower() for known in _LICENSES])


def description_missing(file: str, what: str) -> Problem:
    """A warning: whoever looks for something to use reads the description first."""
    return Problem(
        rule="description-missing",
        file=file,
        message=f"{what} has no description",
        expected='add "description": what it is for, in a sentence or two',
        severity=Severity.WARNING,
    )
