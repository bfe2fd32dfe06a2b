"""``instances/<instance>/<library>.yaml``: read it, change what a person decides, write it.

Only what differs from the default is written, and what is not changed stays as it is: grants,
where a library came from, and fields of a later version of this program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.errors import InvalidNameError
from registry.formats.model import InstanceFacts, JsonValue
from registry.formats.parsing import parse_instance_facts
from registry.formats.yaml_text import dump_yaml
from registry.names import LibraryName
from registry.problems import InvalidLibraryError
from registry.versions import Version, parse_version

_INSTANCE = re.compile(r"[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){0,63}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceFile:
    """The file of one library, as it is; without a file all is the default."""

    facts: InstanceFacts = field(default_factory=InstanceFacts)
    content: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def pin(self) -> Version | None:
        """The version that the operator chose."""
        return parse_version(self.facts.active) if self.facts.active is not None else None


def parse_instance_name(text: str) -> str:
    """The name of an instance, safe in a path; raises InvalidNameError."""
    if not _INSTANCE.match(text):
        raise InvalidNameError(
            f"{text[:80]!r} is not a name for an instance",
            next_step="Use lower-case letters, digits and single hyphens, such as 'production'",
        )
    return text


def instance_path(instance: str, library: LibraryName) -> str:
    """Return the path of an instance's file about a library."""
    return f"instances/{parse_instance_name(instance)}/{library}.yaml"


def parse_instance_file(raw: bytes, *, file: str) -> InstanceFile:
    """Read a file; raises InvalidLibraryError for one whose wishes cannot be known."""
    parsed = parse_instance_facts(raw, file=file)
    if parsed.value is None:
        raise InvalidLibraryError(file, parsed.problems)
    return InstanceFile(facts=parsed.value, content=parsed.read)


def changed_bytes(file: InstanceFile, *, enabled: bool, pin: Version | None) -> bytes | None:
    """The file with these two as they are given; None when only defaults are left."""
    kept = {key: value for key, value in file.content.items() if key not in {"enabled", "active"}}
    content = dict(kept)
    if not enabled:
        content["enabled"] = False
    if pin is not None:
        content["active"] = str(pin)
    says_something = any(value for key, value in kept.items() if key != "$schema")
    if content.keys() == kept.keys() and not says_something:
        return None
    return dump_yaml(content)


def facts_file_bytes(file: InstanceFile) -> bytes | None:
    """The file as its facts are now; None when only defaults are left.

    Fields of a later version of this program stay.
    """
    facts = file.facts
    said = {
        "enabled": None if facts.enabled else False,
        "active": facts.active,
        "upstream": facts.upstream,
        "version": facts.version,
        "digest": facts.digest,
        "installed_at": facts.installed_at,
        "grants": facts.grants or None,
    }
    content = {key: value for key, value in file.content.items() if key not in said}
    content |= {key: value for key, value in said.items() if value is not None}
    if not any(value is not None for key, value in content.items() if key != "$schema"):
        return None
    return dump_yaml(content)
