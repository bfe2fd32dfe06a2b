"""The Bitrise StepLib: ``steps/<id>/step-info.yml`` and ``steps/<id>/<version>/step.yml``.

Each step becomes a library with one step of the same name, each version a release of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.importers.bitrise_release import ReleaseInput, UnusableStepError, convert_release
from builder.importers.model import FindingKind, ImportFinding, ImportSourceError
from builder.importers.plaintext_yaml import PlainYamlError, read_plain_yaml
from builder.importers.strangers_text import clean, fit, name_for_library, shorten, utc_time
from registry.errors import InvalidNameError
from registry.formats.model import Deprecation
from registry.limits import DEFAULT_LIMITS
from registry.names import LibraryName
from registry.publishing.bulk_import import ImportedRelease
from registry.versions import Version, parse_version

# The date of a release whose source does not say when it was published.
_UNKNOWN_DATE = "1970-01-01T00:00:00Z"
_REASON_LENGTH = 3_900


@dataclass(frozen=True, kw_only=True, slots=True)
class BitriseSteplib:
    """The importer ``bitrise-steplib``."""

    name: str = "bitrise-steplib"

    def describe(self) -> str:
        """One line for the help text."""
        return "A checkout of the Bitrise StepLib: each step a library, each version a release"

    def releases(self, source: Path) -> Iterator[ImportedRelease | ImportFinding]:
        """Everything below ``steps/``; raises SourceError when there is no such directory."""
        steps = source / "steps"
        if not steps.is_dir():
            raise ImportSourceError(
                "there is no directory 'steps' here",
                where=str(source),
                next_step="Name the root of a checkout of a Bitrise StepLib",
            )
        license_text = _read(source / "LICENSE") or b""
        folders = sorted(path for path in steps.iterdir() if path.is_dir())
        taken = {folder.name for folder in folders if name_for_library(folder.name) == folder.name}
        for folder in folders:
            name = folder.name
            if name not in taken:
                name = name_for_library(folder.name, taken)
                taken.add(name)
                yield ImportFinding(
                    kind=FindingKind.RENAMED,
                    file=f"steps/{folder.name}",
                    reason="it is not a library name: lower-case words with single hyphens",
                    action=f"it is called {name!r} here",
                )
            yield from _library(source, folder, LibraryName(name), license_text)


@dataclass(frozen=True, kw_only=True, slots=True)
class _StepInfo:
    """The facts in ``step-info.yml`` about all versions of a step."""

    maintainer: str
    deprecated: Deprecation | None


def _library(
    source: Path, folder: Path, name: LibraryName, license_text: bytes
) -> Iterator[ImportedRelease | ImportFinding]:
    findings: list[ImportFinding] = []
    info = _step_info(source, folder, findings)
    versions = _versions(source, folder, findings)
    yield from findings
    for version in sorted(versions):
        yield from _release(source, versions[version], name, version, info, license_text)


def _release(
    source: Path,
    file: Path,
    name: LibraryName,
    version: Version,
    info: _StepInfo,
    license_text: bytes,
) -> Iterator[ImportedRelease | ImportFinding]:
    where = file.relative_to(source).as_posix()
    try:
        document = read_plain_yaml(_read_or_fail(file))
        converted = convert_release(
            ReleaseInput(
                name=name,
                version=version,
                step=document.value,
                source_id=file.parent.parent.name,
                file=where,
                maintainer=info.maintainer,
                license_text=license_text,
            )
        )
    except (PlainYamlError, UnusableStepError) as error:
        yield ImportFinding(
            kind=FindingKind.FAILED, file=where, reason=str(error), action="left out"
        )
        return
    for key in document.repeated:
        yield _adjusted(where, f"the key {key[:60]!r} is there twice", "the last one counts")
    yield from converted.findings
    published = document.value.get("published_at")
    date = utc_time(published) if isinstance(published, str) else None
    if date is None:
        reason = f"published_at is {published!r:.60}, which is not a time"
        yield _adjusted(where, reason, f"its date is {_UNKNOWN_DATE}")
    yield ImportedRelease(
        name=name,
        version=version,
        files=converted.files,
        date=date or _UNKNOWN_DATE,
        deprecated=info.deprecated,
    )


def _versions(source: Path, folder: Path, findings: list[ImportFinding]) -> dict[Version, Path]:
    found: dict[Version, Path] = {}
    for child in sorted(folder.iterdir()):
        if not child.is_dir() or child.name == "assets":
            continue
        where = child.relative_to(source).as_posix()
        file = child / "step.yml"
        try:
            version = parse_version(child.name)
        except InvalidNameError as error:
            findings.append(_failed(where, error.message))
            continue
        if file.is_file():
            found[version] = file
        else:
            findings.append(_failed(where, "there is no step.yml"))
    if not found:
        where = folder.relative_to(source).as_posix()
        reason = "it has no version, so there is nothing to release"
        findings.append(
            ImportFinding(kind=FindingKind.LEFT_OUT, file=where, reason=reason, action="left out")
        )
    return found


def _step_info(source: Path, folder: Path, findings: list[ImportFinding]) -> _StepInfo:
    file = folder / "step-info.yml"
    where = file.relative_to(source).as_posix()
    raw = _read(file)
    try:
        value = read_plain_yaml(raw).value if raw is not None else {}
    except PlainYamlError as error:
        findings.append(_adjusted(where, str(error), "maintainer and deprecation are not known"))
        value = {}
    if not isinstance(value, dict):
        findings.append(_adjusted(where, "it is not a mapping", "it was not used"))
        value = {}
    known = {"maintainer", "deprecate_notes", "removal_date", "asset_urls"}
    findings += [
        _adjusted(where, f"the field {key[:60]!r} is not known", "left out")
        for key in sorted(set(value) - known)
    ]
    return _StepInfo(
        maintainer=str(value.get("maintainer") or ""),
        deprecated=_deprecation(value, where, findings),
    )


def _deprecation(
    value: dict[str, object], where: str, findings: list[ImportFinding]
) -> Deprecation | None:
    notes, removal = value.get("deprecate_notes"), value.get("removal_date")
    if not notes and not removal:
        return None
    reason = clean(str(notes or "This step is deprecated."))
    date = utc_time(removal) if isinstance(removal, str) else None
    if removal and date is None:
        finding = f"removal_date is {str(removal)[:40]!r}, a day that does not exist"
        findings.append(_adjusted(where, finding, "it is kept as text in the reason, not as date"))
    if removal:
        reason = f"{shorten(reason, _REASON_LENGTH)}\n\nRemoval date: {clean(str(removal))[:40]}"
    return Deprecation(reason=fit(reason, _REASON_LENGTH + 80), date=date)


def _read(file: Path) -> bytes | None:
    """The file's bytes; None when there is none, or when it is larger than we would store."""
    try:
        if file.stat().st_size > DEFAULT_LIMITS.json_bytes:
            return None
        return file.read_bytes()
    except OSError:
        return None


def _read_or_fail(file: Path) -> bytes:
    raw = _read(file)
    if raw is None:
        raise UnusableStepError("it cannot be read, or is larger than a release may hold")
    return raw


def _adjusted(file: str, reason: str, action: str) -> ImportFinding:
    return ImportFinding(kind=FindingKind.ADJUSTED, file=file, reason=reason, action=action)


def _failed(file: str, reason: str) -> ImportFinding:
    return ImportFinding(kind=FindingKind.FAILED, file=file, reason=reason, action="left out")
