"""One version of a Bitrise step as the files of a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from builder.importers.bitrise_inputs import Conversion, convert_inputs, convert_outputs
from builder.importers.bitrise_readme import readme
from builder.importers.model import FindingKind, ImportFinding
from builder.importers.strangers_text import clean, fit, linked_address, plain_line, title_case
from registry.names import LibraryName
from registry.versions import Version

_TITLE, _SUMMARY, _DESCRIPTION, _TAG = 120, 4_000, 20_000, 80
_MOST_TAGS, _MOST_CATEGORIES = 50, 20
_UNKNOWN_CATEGORY = "Other"
_UNKNOWN_LICENSE = "LicenseRef-Unknown"
_HOSTS = frozenset({"github.com", "gitlab.com", "bitbucket.org"})
_APPLE_ONLY = frozenset({"ios", "macos", "mac"})
_MACOS, _LINUX = ("osx", "mac", "darwin"), ("ubuntu", "linux", "debian", "centos", "fedora")
# Fields that say how Bitrise runs a step. There is no executor here, so they have no place.
_EXECUTION = frozenset(
    {"toolkit", "executables", "meta", "asset_urls", "timeout", "no_output_timeout"}
)
# Fields that the README tells of, because nothing else could hold them.
TOLD = ("run_if", "is_always_run", "is_skippable", "is_requires_admin_user", "deps", "dependencies")
_CONVERTED = frozenset(
    {"title", "summary", "description", "website", "source_code_url", "support_url", "inputs",
     "outputs", "published_at", "type_tags", "project_type_tags", "host_os_tags", "source",
     "maintainer", *TOLD}
)  # fmt: skip


class UnusableStepError(ValueError):
    """The description cannot become a release; the message says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseInput:
    """The facts about one version. ``file`` is its path in the source, for the report."""

    name: LibraryName
    version: Version
    step: Any
    source_id: str
    file: str
    maintainer: str
    license_text: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ConvertedRelease:
    """The files of the release, and what did not fit."""

    files: Mapping[str, bytes]
    findings: tuple[ImportFinding, ...] = field(default=())


def convert_release(given: ReleaseInput) -> ConvertedRelease:
    """The release's files; raises UnusableStepError when there is nothing to make one from."""
    if not isinstance(given.step, dict) or not given.step:
        raise UnusableStepError("it is not a description of a step: a mapping was expected")
    work = Conversion(file=given.file)
    step = _step(given, work)
    manifest = _manifest(given, step, work)
    for key in sorted(set(given.step) - _CONVERTED):
        why = "how Bitrise runs it" if key in _EXECUTION else "unknown"
        work.note(FindingKind.LEFT_OUT, f"the field {key[:60]!r} ({why})", "left out")
    files = {
        "manifest.json": _json(manifest),
        f"steps/{given.name}.json": _json(step),
        "docs/README.md": readme(given.step, step, given.source_id).encode(),
    }
    if given.license_text:
        files["LICENSE"] = given.license_text
    return ConvertedRelease(files=files, findings=tuple(work.findings))


def _step(given: ReleaseInput, work: Conversion) -> dict[str, Any]:
    raw = given.step
    title = plain_line(text_of(raw, "title"), _TITLE)
    if not title:
        title = title_case(given.source_id)[:_TITLE]
        work.note(FindingKind.ADJUSTED, "it has no title", f"its title is {title!r}")
    categories = _tags(raw, "type_tags")
    returns = convert_outputs(raw.get("outputs"), work)
    step: dict[str, Any] = {
        "name": given.name,
        "display_name": title,
        "category": title_case(categories[0])[:_TAG] if categories else _UNKNOWN_CATEGORY,
        "description": _description(raw, title, work),
        "inputs": 1,
        "outputs": 1,
        "parameters": convert_inputs(raw.get("inputs"), work),
        "platform_support": _platforms(raw, work),
        "required_permissions": [],
        "tags": _unique([*_tags(raw, "project_type_tags"), *categories])[:_MOST_TAGS],
    }
    return {**step, "returns": returns} if returns else step


def _manifest(given: ReleaseInput, step: dict[str, Any], work: Conversion) -> dict[str, Any]:
    raw = given.step
    summary = fit(clean(text_of(raw, "summary")) or str(step["description"]), _SUMMARY)
    categories = [title_case(tag)[:_TAG] for tag in _tags(raw, "type_tags")]
    manifest = {
        "name": given.name,
        "version": str(given.version),
        "display_name": step["display_name"],
        "description": summary,
        "author": _author(given),
        "homepage": _address(raw, "website", work),
        "repository": _address(raw, "source_code_url", work),
        "license": "MIT" if b"MIT License" in given.license_text else _UNKNOWN_LICENSE,
        "categories": _unique(categories)[:_MOST_CATEGORIES] or [_UNKNOWN_CATEGORY],
        "tags": step["tags"],
        "platform_support": step["platform_support"],
        "required_permissions": [],
        "steps": [{"file": f"steps/{given.name}.json", "executor": None}],
    }
    return {key: value for key, value in manifest.items() if value is not None}


def text_of(raw: Mapping[str, Any], key: str) -> str:
    """A field's text; empty when it is not there or not text."""
    value = raw.get(key)
    return value.strip() if isinstance(value, str) else ""


def _description(raw: Mapping[str, Any], title: str, work: Conversion) -> str:
    text = clean(text_of(raw, "description")) or clean(text_of(raw, "summary"))
    if not text:
        work.note(
            FindingKind.ADJUSTED, "it has neither summary nor description", "its title is used"
        )
        return title
    if len(text) > _DESCRIPTION:
        action = f"cut to {_DESCRIPTION:,}; all of it is in the README"
        work.note(FindingKind.ADJUSTED, f"its description has {len(text):,} characters", action)
    return fit(text, _DESCRIPTION)


def _platforms(raw: Mapping[str, Any], work: Conversion) -> list[str]:
    """``host_os_tags`` where there are any; else what its kinds of projects can be built on."""
    hosts = [tag.lower() for tag in _tags(raw, "host_os_tags")]
    found = {"macos" for tag in hosts if tag.startswith(_MACOS)}
    found |= {"linux" for tag in hosts if tag.startswith(_LINUX)}
    if hosts and not found:
        work.note(FindingKind.ADJUSTED, f"host_os_tags {hosts} are not known", "they were not used")
    if not found:
        projects = {tag.lower() for tag in _tags(raw, "project_type_tags")}
        found = {"macos"} if projects and projects <= _APPLE_ONLY else {"linux", "macos"}
    return sorted(found)


def _author(given: ReleaseInput) -> str:
    """Return the maintainer: Bitrise, or the account that the source code belongs to."""
    if given.maintainer == "bitrise":
        return "Bitrise"
    for key in ("source_code_url", "website"):
        address = urlsplit(linked_address(text_of(given.step, key)) or "")
        account = address.path.strip("/").partition("/")[0]
        if address.netloc.lower().removeprefix("www.") in _HOSTS and account:
            return plain_line(account, 200)
    return plain_line(given.maintainer, 200) or "Bitrise StepLib contributors"


def _address(raw: Mapping[str, Any], key: str, work: Conversion) -> str | None:
    text = text_of(raw, key)
    address = linked_address(text)
    if text and address is None:
        reason = f"{key} {text[:80]!r} is not an http(s) address"
        work.note(FindingKind.ADJUSTED, reason, "it is told in the README only")
    return address


def _tags(raw: Mapping[str, Any], key: str) -> list[str]:
    value = raw.get(key)
    items = value if isinstance(value, list) else [value]
    return _unique([plain_line(item, _TAG) for item in items if isinstance(item, str)])


def _unique(items: list[str]) -> list[str]:
    return [item for item in dict.fromkeys(items) if item]


def _json(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
