"""The model: what a library is, frozen and typed.

JSON is decoded straight into these classes by msgspec (`registry.formats.parsing`), so the fields
are named as in the files. The wire and the catalogue are made from them, never from raw JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from registry.names import Digest, LibraryName, StepName, title_of

# What JSON can hold. Nested recursive aliases are more than msgspec decodes, hence Any.
JsonValue = Any
JsonObject = Mapping[str, Any]


class ParameterType(StrEnum):
    """The kinds of value a parameter takes."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"
    FILE = "file"
    DIRECTORY = "directory"
    SELECT = "select"
    MULTISELECT = "multiselect"


class Platform(StrEnum):
    """The systems a step runs on."""

    WINDOWS = "windows"
    LINUX = "linux"
    MACOS = "macos"


NO_CATEGORY = "Other"
"""The category of a step that names none."""
ALL_PLATFORMS = (Platform.WINDOWS, Platform.LINUX, Platform.MACOS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a step. ``default`` is UNSET when there is none (null is a value)."""

    type: ParameterType
    required: bool = False
    default: JsonValue | msgspec.UnsetType = msgspec.UNSET
    description: str = ""
    options: tuple[JsonValue, ...] = ()
    multiline: bool = False
    secret: bool = False
    validation: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesystemPermission:
    """Paths that may be read and written; ``{name}`` stands for a parameter's whole value."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLimits:
    """The limits of one run; None means the operator's default."""

    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    processes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Permissions:
    """The precise form of ``required_permissions`` (design, section 3)."""

    filesystem: FilesystemPermission = field(default_factory=FilesystemPermission)
    network: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    limits: RunLimits = field(default_factory=RunLimits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A named set of parameters that shows a step at work."""

    name: str
    description: str = ""
    parameters: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One operation a library offers. ``inputs`` and ``outputs`` are numbers of ports.

    Only ``name`` must be given: ``display_name`` is made from it, and a ``category`` that is
    left out is `NO_CATEGORY`.
    """

    name: StepName
    display_name: str = ""
    category: str = NO_CATEGORY
    description: str = ""
    icon: str = "📄"
    color: str = "#007bff"
    inputs: int = 1
    outputs: int = 1
    parameters: dict[str, Parameter] = field(default_factory=dict)
    platform_support: tuple[Platform, ...] = ALL_PLATFORMS
    required_permissions: tuple[str, ...] = ()
    permissions: Permissions = field(default_factory=Permissions)
    examples: tuple[Example, ...] = ()
    tags: tuple[str, ...] = ()
    is_deprecated: bool = False
    deprecation_message: str | None = None
    returns: dict[str, JsonValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give what is shown everywhere a text that can be shown."""
        if not self.display_name:
            object.__setattr__(self, "display_name", title_of(self.name))
        if not self.category:
            object.__setattr__(self, "category", NO_CATEGORY)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFile:
    """A manifest's entry for one step: its definition and, if it runs here, its executor."""

    file: str
    executor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """``manifest.json``. Only ``name``, ``version`` and ``steps`` must be given.

    ``display_name`` is made from the name; the other texts are empty where they are left out.
    """

    name: LibraryName
    version: str
    steps: tuple[StepFile, ...]
    display_name: str = ""
    description: str = ""
    author: str = ""
    license: str = ""
    author_email: str | None = None
    homepage: str | None = None
    repository: str | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    min_opsconductor_version: str = "1.0.0"
    platform_support: tuple[Platform, ...] = ALL_PLATFORMS
    required_permissions: tuple[str, ...] = ()
    is_premium: bool = False
    price: float | None = None
    trial_days: int | None = None
    support_email: str | None = None
    publisher: str | None = None
    python_requirements: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Give the library a name that people read."""
        if not self.display_name:
            object.__setattr__(self, "display_name", title_of(self.name))


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseContent:
    """A release's manifest and its steps, in the manifest's order.

    ``steps[i]`` is the definition of ``manifest.steps[i]``.
    """

    manifest: Manifest
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerEntry:
    """The entry of a release in ``library.yaml``. ``date`` is RFC 3339, UTC."""

    digest: Digest
    date: str
    signature: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Yank:
    """The reason why a release is no longer chosen, and what to use instead."""

    reason: str
    replacement: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """The removal of one version's directory: which bytes, when, by whom, for which request."""

    digest: Digest
    date: str
    by: str
    request: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Deprecation:
    """The reason why a library should not be used any more, since when, and what replaces it."""

    reason: str
    replacement: str | None = None
    date: str | None = None


SIGNATURE_FILE = "registry.yaml.sig"
"""An administrator's signature over the bytes of ``registry.yaml``, beside it."""
UNINSTALLED = "uninstalled"
"""The state of a library whose directories are gone, and whose name stays taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryFacts:
    """``library.yaml``: the publisher's facts about a library. Keys of the maps are versions."""

    owners: tuple[str, ...] = ()
    state: str = "active"
    ledger: dict[str, LedgerEntry] = field(default_factory=dict)
    yanked: dict[str, Yank] = field(default_factory=dict)
    removed: dict[str, Removal] = field(default_factory=dict)
    deprecated: Deprecation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceFacts:
    """``instances/<instance>/<library>.yaml``: where an operator differs from the default."""

    enabled: bool = True
    active: str | None = None
    grants: dict[str, JsonValue] = field(default_factory=dict)
    upstream: str | None = None
    version: str | None = None
    digest: Digest | None = None
    installed_at: str | None = None


class Signatures(StrEnum):
    """The policy on a publisher's signature for each release."""

    OPTIONAL = "optional"
    REQUIRED = "required"


class Escalation(StrEnum):
    """The answer to a candidate that asks for wider permissions than the release before it."""

    REVIEW = "review"
    """A warning, for a person to look at."""
    REFUSE = "refuse"


class Requirement(StrEnum):
    """A demand on candidates besides a name, a version and steps."""

    LICENSE = "license"
    DESCRIPTION = "description"
    AUTHOR = "author"
    README = "readme"
    CHANGELOG = "changelog"
    TESTS = "tests"
    PERMISSIONS = "permissions"
    EXAMPLES = "examples"


STRICT = (
    Requirement.LICENSE,
    Requirement.DESCRIPTION,
    Requirement.AUTHOR,
    Requirement.README,
    Requirement.CHANGELOG,
    Requirement.TESTS,
    Requirement.PERMISSIONS,
)
"""The demands of the policy that ``opsteps init`` writes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The demands of a registry on releases, and the people it trusts with them."""

    signatures: Signatures = Signatures.OPTIONAL
    operators: tuple[str, ...] = ()
    """Accounts that may change what belongs to no author, and every library."""
    instance_keys: tuple[str, ...] = ()
    """OpenSSH public keys that attest commits and sign statements of the head."""
    licenses: tuple[str, ...] = ()
    """SPDX ids that libraries may have; any when empty."""
    require: tuple[Requirement, ...] = ()
    """The demands on a candidate besides those of an install."""
    escalation: Escalation = Escalation.REVIEW
    featured: tuple[str, ...] = ()
    """Libraries that the catalogue shows first."""
    own_prefixes: tuple[str, ...] = ()
    """Names that no upstream gives: ``acme`` is the name itself and all ``acme-…``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UpstreamFacts:
    """An upstream as ``registry.yaml`` declares it."""

    url: str
    prefixes: tuple[str, ...] = ()
    """It gives only these names, as above, and they come from nowhere else."""
    trusted: str | None = None
    """A commit that its history must contain: its head when it was added."""
    allow_private: bool = False
    """True if it may be on this machine or in a private network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryFacts:
    """``registry.yaml``: what this registry is."""

    name: str
    title: str
    url: str = "http://127.0.0.1:3011"
    repository: str = ""
    """The address of its Git repository, where that is not told by ``url``."""
    description: str = ""
    policy: Policy = field(default_factory=Policy)
    publishers: dict[str, JsonValue] = field(default_factory=dict)
    upstreams: dict[str, UpstreamFacts] = field(default_factory=dict)
    """By alias; the first that has a library gives it."""
    synonyms: tuple[tuple[str, ...], ...] = ()
    """Words that search takes for one another, beside those that it knows by itself."""
