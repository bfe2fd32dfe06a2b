"""The output of ``opsteps show`` on a library or a step; it may hold strangers' characters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from builder.catalogue.views.permissions import label_lines, limit_words, permission_lines
from registry.formats.model import (
    Example,
    InstanceFacts,
    Manifest,
    Parameter,
    ReleaseContent,
    Step,
    Yank,
)
from registry.library.release_state import Library, LibraryStatus, ReleaseRecord, ReleaseState
from registry.names import LibraryName
from registry.versions import Version

_RELEASES = 20
_REASONS = 5
_STATES = {
    ReleaseState.CANDIDATE: "a candidate, not released",
    ReleaseState.WITHDRAWN: "not here any more",
}


def library_lines(
    library: Library,
    content: ReleaseContent | None,
    version: Version | None,
    instances: Mapping[str, InstanceFacts],
) -> Iterator[str]:
    """A library: what it is, every version with what became of it, and its steps.

    ``content`` is what is shown of it, None where nothing is served; ``instances`` are the
    operators' facts by instance.
    """
    if content is None or version is None:
        yield f"{library.name}: nothing of it is served"
        yield ""
    else:
        yield from _manifest_lines(library, content.manifest, version)
    for reason in error_reasons(library):
        yield f"  wrong     {reason}"
    if library.facts.deprecated is not None:
        instead = library.facts.deprecated.replacement
        use = f"; use {instead}" if instead else ""
        yield f"  deprecated: {library.facts.deprecated.reason}{use}"
    if library.facts.state == "uninstalled":
        yield "  uninstalled: its name, ledger and tags stay"
    for name, facts in sorted(instances.items()):
        yield from _instance_lines(name, facts)
    yield ""
    yield "  versions"
    shown = library.releases[:_RELEASES]
    width = max((len(str(record.version)) for record in shown), default=0)
    for record in shown:
        state = "; ".join(_release_words(library, record))
        yield f"    {record.version!s:<{width}}  {state}".rstrip()
    if len(library.releases) > _RELEASES:
        yield f"    … and {len(library.releases) - _RELEASES:,} more"
    if content is not None:
        yield ""
        width = max((len(step.name) for step in content.steps), default=0)
        for step in content.steps:
            yield f"  {step.name:<{width}}  {step.display_name}"


def error_reasons(library: Library) -> list[str]:
    """The first few things that are wrong with a library whose status is ``error``."""
    is_wrong = library.status == LibraryStatus.ERROR
    return [*map(str, library.problems), *library.alarms][:_REASONS] if is_wrong else []


def _manifest_lines(library: Library, manifest: Manifest, version: Version) -> Iterator[str]:
    yield f"{library.name} {version}: {manifest.display_name}"
    yield ""
    if manifest.description:
        yield manifest.description
        yield ""
    yield f"  status    {library.status}{', premium' if manifest.is_premium else ''}"
    if manifest.author:
        yield f"  author    {manifest.author}"
    yield f"  license   {manifest.license or 'none'}"
    yield f"  runs on   {', '.join(manifest.platform_support)}"


def _instance_lines(name: str, facts: InstanceFacts) -> Iterator[str]:
    if not facts.enabled:
        yield f"  disabled in {name}"
    if facts.active is not None:
        yield f"  pinned to {facts.active} in {name}"
    if facts.upstream is not None:
        yield f"  from the upstream {facts.upstream} in {name}"


def _release_words(library: Library, record: ReleaseRecord) -> Iterator[str]:
    if record.alarm:
        yield f"not trusted: {record.alarm}"
        return
    if library.active is not None and record.version == library.active.version:
        yield "active"
    if record.yank is not None:
        yield _yanked(record.yank)
    if record.removal is not None:
        yield f"removed {record.removal.date[:10]} by {record.removal.by}"
    elif record.state in _STATES:
        yield _STATES[record.state]
    if record.date is not None:
        yield f"released {record.date[:10]}"


def _yanked(yank: Yank) -> str:
    return f"yanked: {yank.reason}" + (f" (use {yank.replacement})" if yank.replacement else "")


def step_lines(
    library: LibraryName,
    version: Version,
    step: Step,
    *,
    has_executor: bool,
    record: ReleaseRecord | None,
) -> Iterator[str]:
    """A step: what it takes, what it gives, what it may do, and examples.

    ``record`` is that of its release.
    """
    yield f"{library}.{step.name}@{version}: {step.display_name}"
    yield ""
    if step.description:
        yield step.description
        yield ""
    if record is not None and record.yank is not None:
        yield f"  {_yanked(record.yank)}"
    if step.is_deprecated:
        yield f"  deprecated: {step.deprecation_message or 'no reason is given'}"
    yield f"  category  {step.category}"
    yield f"  runs on   {', '.join(step.platform_support)}"
    yield f"  ports     {_count(step.inputs, 'input')}, {_count(step.outputs, 'output')}"
    if not has_executor:
        yield "  executor  none: it is only described here"
    yield from _section("parameters", _parameters(step.parameters))
    yield from _section("returns", _returns(step.returns))
    yield from _section("permissions", _permissions(step))
    yield from _section("examples", _examples(step.examples))


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 0:
            yield ""
            yield f"  {title}"
        yield f"    {line}"


def _parameters(parameters: Mapping[str, Parameter]) -> Iterator[str]:
    for name, parameter in parameters.items():
        facts: list[str] = [parameter.type]
        facts += ["required"] if parameter.required else []
        facts += ["secret"] if parameter.secret else []
        default: Any = parameter.default
        if default is not msgspec.UNSET and not parameter.secret:
            facts.append(f"default {_json(default)}")
        yield f"{name}  ({', '.join(facts)})"
        for line in filter(None, parameter.description.split("\n")):
            yield f"  {line}"
        if parameter.options:
            yield f"  one of: {', '.join(map(str, parameter.options))}"
        for rule, value in parameter.validation.items():
            yield f"  {rule}: {_json(value)}"


def _returns(schema: Mapping[str, Any]) -> Iterator[str]:
    """The fields of the output; a schema other than of a plain object is shown as it is."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        if schema:
            yield _json(schema)
        return
    required = schema.get("required")
    for name, field in properties.items():
        said = field if isinstance(field, dict) else {}
        facts = [str(said.get("type", "any"))]
        facts += ["always"] if isinstance(required, list) and name in required else []
        description = said.get("description")
        yield f"{name}  ({', '.join(facts)})" + (f"  {description}" if description else "")


def _permissions(step: Step) -> Iterator[str]:
    precise = list(permission_lines(step.permissions))
    for _, words in precise or label_lines(step.required_permissions):
        yield words.striptags()
    limits = limit_words(step.permissions.limits)
    if limits:
        yield limits


def _examples(examples: tuple[Example, ...]) -> Iterator[str]:
    for example in examples:
        yield example.name + (f": {example.description}" if example.description else "")
        yield f"  {_json(example.parameters)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
