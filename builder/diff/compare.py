"""The interface difference of two releases: everything a caller, or a reader, could notice.

The rule behind all of it is substitution (Liskov and Wing, "A Behavioral Notion of Subtyping",
1994): what a step takes may only widen, what it returns may only narrow; anything else breaks a
caller. Each rule with an example stands in docs/versions.md.
"""

from __future__ import annotations

from builder.diff.manifest import manifest_changes
from builder.diff.model import InterfaceDiff
from builder.diff.steps import steps_changes
from registry.formats.model import ReleaseContent


def compare(old: ReleaseContent, new: ReleaseContent) -> InterfaceDiff:
    """Compare one release with another; their version numbers do not matter.

    Going on to a third release never adds up to more than its parts: the bump from the first to
    the third is at most the greater of the two bumps in between. So nobody can break callers by
    steps none of which breaks them. (It may be less: what was added can be removed again.)
    """
    changes = [*steps_changes(old, new), *manifest_changes(old.manifest, new.manifest)]
    return InterfaceDiff(changes=tuple(sorted(changes, key=lambda change: -change.bump)))
