"""Rules on a release's own files: one set, whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from builder.content_rules.executable_content import file_problems
from builder.content_rules.licences import refused_licence
from builder.content_rules.links import link_problems
from builder.content_rules.pictures import picture_problems
from registry.checks.release import CheckedRelease
from registry.formats.model import Policy
from registry.problems import Problem


def content_problems(
    files: Mapping[str, bytes], checked: CheckedRelease, policy: Policy
) -> Iterator[Problem]:
    """Yield the problems that `registry.checks.release.check_release` leaves open, by path."""
    yield from read_problems(files, files, checked, policy)


def read_problems(
    paths: Collection[str], contents: Mapping[str, bytes], checked: CheckedRelease, policy: Policy
) -> Iterator[Problem]:
    """As `content_problems`, of a release of which only ``contents`` could be read."""
    yield from file_problems(paths, contents)
    yield from link_problems(paths, contents)
    yield from picture_problems(contents)
    yield from refused_licence(checked, policy)
