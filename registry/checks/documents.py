"""Check the files of a release besides its JSON: sizes, documents and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry.checks.hostile_text import markdown_problems
from registry.checks.paths import IMAGES
from registry.library.changelog import CHANGELOG, has_heading
from registry.limits import Limits, shown_size
from registry.problems import Problem, Severity
from registry.versions import is_version, parse_version


def size_problems(files: Mapping[str, bytes], limits: Limits) -> Iterator[Problem]:
    """Yield a problem for each file that is larger than the limits allow."""
    total = sum(map(len, files.values()))
    for amount, limit, what in (
        (len(files), limits.release_files, "files"),
        (total, limits.release_bytes, "bytes together"),
    ):
        if amount > limit:
            yield Problem(
                rule="limit-release-size",
                file=".",
                message=f"the release has {amount:,} {what}",
                expected=f"keep to at most {limit:,}",
            )
    for path, content in files.items():
        limit = _file_limit(path, limits)
        if len(content) > limit:
            yield Problem(
                rule="limit-file-size",
                file=path,
                message=f"the file has {shown_size(len(content))}",
                expected=f"keep to at most {limit:,}",
            )


def _file_limit(path: str, limits: Limits) -> int:
    if path.endswith(".md"):
        return limits.readme_bytes
    is_executor = path.startswith("executors/") and path.endswith(".py")
    return limits.executor_bytes if is_executor else limits.file_bytes


def changelog_problems(files: Mapping[str, bytes], version: str) -> Iterator[Problem]:
    """A version that the changelog says nothing of: its release has no notes."""
    if not is_version(version):
        return
    raw = files.get(CHANGELOG)
    if raw is None or not has_heading(raw, parse_version(version)):
        what = "there is no changelog" if raw is None else f"it has no heading for {version}"
        yield Problem(
            rule="changelog-missing",
            file=CHANGELOG,
            message=f"{what}, so the release has no notes",
            expected=f"add a heading '## {version}', and below it what is new",
            severity=Severity.WARNING,
        )


def document_problems(files: Mapping[str, bytes], limits: Limits) -> Iterator[Problem]:
    """Yield the problems of documents and pictures, as far as they can be read."""
    if "docs/README.md" not in files:
        yield Problem(
            rule="readme-missing",
            file="docs/README.md",
            message="there is no README",
            expected="write a page that says what the library is for",
            severity=Severity.WARNING,
        )
    for path, content in files.items():
        if path.endswith(".md") and len(content) <= limits.readme_bytes:
            yield from markdown_problems(content, path)
        if path.startswith("assets/") and not path.lower().endswith(IMAGES):
            yield Problem(
                rule="asset-type",
                file=path,
                message="assets are raster images",
                expected=f"use one of {', '.join(IMAGES)}",
            )
