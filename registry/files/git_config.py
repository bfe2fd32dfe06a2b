"""A repository's own configuration, read as the file that it is: what kind of repository it is.

Not asked of Git: a process for each look would cost more than the look, and a kind of repository
that Git refuses is found out this way, too. Included files are not followed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SECTION = re.compile(r'\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\]|\\.)*)")?\s*\](.*)')
_SETTING = re.compile(r"([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?")
_ESCAPED = re.compile(r"\\(.)")
# Far more than an honest file has.
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class GitConfig:
    """Settings by name, such as ``core.bare`` or ``remote.origin.url``; the last one counts."""

    values: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A setting; empty where it is not there."""
        return self.values.get(name, "")

    @property
    def remotes(self) -> tuple[str, ...]:
        """The names of its remotes, ``origin`` first."""
        names = {key[len("remote.") : -len(".url")] for key in self.values if _is_remote(key)}
        return tuple(sorted(names, key=lambda name: (name != "origin", name)))

    @property
    def is_partial(self) -> bool:
        """True if it was cloned with a filter: objects may be missing, and none is fetched."""
        return bool(self.get("extensions.partialclone")) or any(
            key.startswith("remote.") and key.endswith((".promisor", ".partialclonefilter"))
            for key in self.values
        )


def _is_remote(key: str) -> bool:
    return key.startswith("remote.") and key.endswith(".url") and len(key) > len("remote..url")


def read_git_config(common_dir: Path) -> GitConfig:
    """The configuration of a repository; what cannot be read says nothing."""
    try:
        with (common_dir / "config").open("rb") as file:
            text = file.read(_MOST_BYTES).decode(errors="replace")
    except OSError:
        return GitConfig()
    values: dict[str, str] = {}
    prefix = ""
    for line in text.splitlines():
        rest = line.strip()
        section = _SECTION.match(rest)
        if section is not None:
            name, sub, rest = section.groups()
            prefix = f"{name.lower()}."
            if sub is not None:
                prefix += _ESCAPED.sub(r"\1", sub) + "."
        found = _SETTING.match(rest.strip())
        if found is not None:
            key, value = found.groups()
            plain = "true" if value is None else re.split(r"\s[#;]", value)[0].strip().strip('"')
            values[prefix + key.lower()] = plain
    return GitConfig(values=values)
