"""The files of a new registry, made from templates: pure, nothing is written here."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from registry.errors import InvalidNameError
from registry.formats.model import Requirement
from registry.formats.parsing import parse_registry_facts
from registry.formats.yaml_text import dump_yaml
from registry.names import parse_library_name
from registry.problems import InvalidLibraryError, printable
from registry.publishing.registry_template.branch_name import MAIN, parse_branch
from registry.publishing.registry_template.published_address import is_loopback, repository_of
from registry.publishing.registry_template.tool_source import DIRECTORY, ToolSource, tool_files

# An account or team at a Git host (jane, acme/operators), or a mail address.
_WORD = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,98}"
_ACCOUNT = re.compile(rf"{_WORD}(?:@{_WORD}|(?:/{_WORD}){{1,5}})?\Z")
_PLACE = re.compile(r"%%([A-Z]+)%%")
_UNKNOWN_OWNER = "@OPERATOR"
_HOOK = "hooks/pre-commit"
_INSTALL = f"{DIRECTORY}/install-opsteps"
# Paths that no author decides about; the first column of CODEOWNERS.
_OPERATORS_PATHS = (
    "/registry.yaml",
    "/registry.yaml.sig",
    "/instances/",
    "/advisories/",
    "/hooks/",
    f"/{DIRECTORY}/",
    "/.gitattributes",
)


class Host(StrEnum):
    """A Git host that a registry gets a workflow for."""

    GITHUB = "github"
    GITLAB = "gitlab"


class HostChoice(StrEnum):
    """The Git hosts that can be chosen on the command line."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BOTH = "both"

    @property
    def hosts(self) -> tuple[Host, ...]:
        return tuple(Host) if self is HostChoice.BOTH else (Host(self.value),)


_HOST_FILES: Mapping[Host, Mapping[str, str]] = {
    Host.GITHUB: {
        ".github/workflows/registry.yml": "github/registry.yml",
        ".github/workflows/attest.yml": "github/attest.yml",
        ".github/pull_request_template.md": "pull_request_template.md",
        ".github/CODEOWNERS": "CODEOWNERS",
    },
    Host.GITLAB: {
        ".gitlab-ci.yml": "gitlab/gitlab-ci.yml",
        ".gitlab/merge_request_templates/Default.md": "pull_request_template.md",
        ".gitlab/CODEOWNERS": "CODEOWNERS",
    },
}
_HOST_PATHS: Mapping[Host, tuple[str, ...]] = {
    Host.GITHUB: ("/.github/",),
    Host.GITLAB: ("/.gitlab/", "/.gitlab-ci.yml"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRegistry:
    """The choices of a person for a registry that is to be made."""

    name: str
    title: str
    url: str
    repository: str | None = None
    """The address of its Git repository, where it is known and ``url`` does not tell it."""
    operators: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = ()
    tool: ToolSource | None = None
    """The source of opsteps for workflows; None is for a person to write down."""
    require: tuple[Requirement, ...] = ()
    """The demands of its policy on candidates."""
    branch: str = MAIN
    """The branch that it is kept on: workflows release from it and reviews compare with it."""


def parse_account(text: str) -> str:
    """An account at a Git host, without the ``@`` before it; raises InvalidNameError."""
    account = text.removeprefix("@")
    if not _ACCOUNT.match(account):
        raise InvalidNameError(
            f"{printable(text)[:80]!r} is not an account at a Git host",
            next_step="Write it as the host does, such as 'jane' or 'acme/operators'",
        )
    return account


def registry_files(wanted: NewRegistry) -> dict[str, bytes]:
    """Every file of the first commit, by path.

    Raises InvalidNameError for its name, branch or operators, and InvalidLibraryError for a title
    or URL that ``registry.yaml`` may not hold.
    """
    parse_library_name(wanted.name)
    operators = [parse_account(account) for account in wanted.operators]
    facts = {"name": wanted.name, "title": wanted.title, "url": wanted.url}
    if wanted.repository and repository_of(wanted.url) != wanted.repository:
        facts["repository"] = wanted.repository
    values = {
        "NAME": wanted.name,
        "TITLE": wanted.title,
        "URL": wanted.url,
        "BRANCH": parse_branch(wanted.branch),
        "FACTS": dump_yaml(facts).decode().rstrip("\n"),
        "OPERATORS": json.dumps(operators),
        "REQUIRE": f"[{', '.join(wanted.require)}]",
    }
    values["ADDRESS"] = _render("address.md", values) if is_loopback(wanted.url) else ""
    values["HOSTS"] = "".join(_render(f"{host}/setup.md", values) for host in wanted.hosts)
    files = {
        "registry.yaml": _render("registry.yaml", values),
        "README.md": _render("README.md", values),
        ".gitattributes": _render("gitattributes", values),
        ".gitignore": _render("gitignore", values),
        _HOOK: _render("pre-commit", values),
        _INSTALL: _render("install-opsteps", values),
    }
    decided = [path for host in wanted.hosts for path in _HOST_PATHS[host]]
    values["OWNERS"] = _owners(operators, [*_OPERATORS_PATHS, *decided])
    for host in wanted.hosts:
        files |= {path: _render(name, values) for path, name in _HOST_FILES[host].items()}
    made = {path: text.encode() for path, text in files.items()}
    made |= tool_files(wanted.tool, _render("opsteps.txt", values))
    checked = parse_registry_facts(made["registry.yaml"])
    if checked.value is None:
        raise InvalidLibraryError("registry.yaml", checked.problems)
    return made


def hook_of(files: Mapping[str, bytes]) -> bytes:
    """The pre-commit hook among a registry's files."""
    return files[_HOOK]


def _owners(operators: Collection[str], paths: Collection[str]) -> str:
    """The lines of CODEOWNERS; a mail address stands there without ``@`` before it."""
    names = [name if "@" in name else f"@{name}" for name in operators] or [_UNKNOWN_OWNER]
    return "\n".join(f"{path:<22} {' '.join(names)}" for path in paths)


def _render(template: str, values: Mapping[str, str]) -> str:
    """One template with its ``%%PLACES%%`` filled, each once: a value is never read again."""
    text = resources.files(__package__).joinpath(f"templates/{template}").read_text("utf-8")
    return _PLACE.sub(lambda found: values[found[1]], text)
