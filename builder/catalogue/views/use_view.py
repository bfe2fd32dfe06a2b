"""The ways to use a library or a step: addresses, and a snippet for a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from builder.catalogue.theme.json_html import json_html
from builder.catalogue.views.step_view import must_be_given
from registry.formats.model import JsonValue, Manifest, Parameter, ParameterType, Step
from registry.library.release_tag import tag_name
from registry.names import LibraryName
from registry.versions import Version

_EMPTY: Mapping[ParameterType, JsonValue] = {
    ParameterType.NUMBER: 0,
    ParameterType.BOOLEAN: False,
    ParameterType.ARRAY: [],
    ParameterType.MULTISELECT: [],
    ParameterType.OBJECT: {},
}
_GITLAB = "https://gitlab.com/"
_HOSTS_WITH_PAGES = ("https://github.com/", _GITLAB)


def use_values(
    name: LibraryName, version: Version, manifest: Manifest, repository: str | None
) -> dict[str, Any]:
    """Return the values for the ways to use a release of a registry kept in ``repository``."""
    return {
        "name": name,
        "version": str(version),
        "next_major": version.major + 1,
        "range_from": f"{version.major}.{version.minor}" if version.is_stable else str(version),
        "is_premium": manifest.is_premium,
        "repository": repository,
        "source": source_address(repository, name, version)
        if repository and repository.startswith(_HOSTS_WITH_PAGES)
        else None,
    }


def source_address(repository: str, name: LibraryName, version: Version) -> str:
    """Return the page at which the Git host shows a release's files, as they were tagged.

    >>> from registry.versions import parse_version
    >>> source_address(
    ...     "https://github.com/ops/steps.git", LibraryName("files"), parse_version("1.0.0")
    ... )
    'https://github.com/ops/steps/tree/files/v1.0.0/libraries/files/1.0.0'
    """
    between = "/-/tree/" if repository.startswith(_GITLAB) else "/tree/"
    tag = quote(tag_name(name, version))
    return f"{repository.removesuffix('.git')}{between}{tag}/libraries/{name}/{version}"


def job_node(name: LibraryName, version: str, step: Step, example: Markup | None) -> Markup:
    """A step as a node of a job, pinned, as HTML; ``example`` is JSON of its parameters as HTML."""
    if example is None:
        example = json_html(_starting_values(step.parameters))
    inner = str(example).replace("\n", "\n  ")
    # Names of libraries and steps, and versions, hold nothing that HTML could mistake.
    fields = {"type": step.name, "library": name, "step": f"{name}.{step.name}@{version}"}
    lines = [_field(key, f'<span class="s">"{text}"</span>') for key, text in fields.items()]
    text = ",\n".join([*lines, _field("parameters", inner)])
    return Markup(f"{{\n{text}\n}}")  # noqa: S704 - its parts are names, and HTML of json_html


def _field(key: str, html: str) -> str:
    return f'  <span class="k">"{key}"</span>: {html}'


def _starting_values(parameters: Mapping[str, Parameter]) -> dict[str, JsonValue]:
    """The parameters that a caller has to give, with empty values of their types."""
    return {
        name: _EMPTY.get(item.type, "") for name, item in parameters.items() if must_be_given(item)
    }
