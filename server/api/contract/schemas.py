"""Questions and answers about libraries: search, changes, versions, documents, the audit trail."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from registry.library.release_state import LibraryStatus
from server.api.contract.wire_model import Wire


class SearchStep(Wire):
    """A step of a library that a question is about."""

    name: str
    title: str


class WireSearchHit(Wire, title="SearchHit"):
    """One library or step that was found."""

    kind: Literal["library", "step"]
    id: str
    name: str
    title: str
    summary: str
    library: str
    category: str
    platforms: list[str]
    premium: bool
    version: str
    score: float
    license: str
    author: str
    deprecated: bool = Field(description="Also true of a yanked release.")
    has_executor: bool
    newest: str = Field(description="When the last release was; empty where that is not known.")
    step_count: int = Field(description="The steps of a library; 0 for a step.")
    steps: list[SearchStep] = Field(description="Of a library: the steps that fit best.")


class SearchAnswer(Wire):
    """The best hits first: one a library, with its best steps inside, or with `kind=step` steps."""

    hits: list[WireSearchHit]
    total: int
    facets: dict[str, dict[str, int]]
    did_you_mean: str | None = Field(
        description="The question with its mistakes mended, which is what was looked for."
    )
    suggestions: list[str] = Field(description="Other questions, when little is found.")
    is_complete: bool = Field(description="True if something has all the words as they are typed.")
    took_ms: float
    next_cursor: str | None


class Installed(Wire):
    """``POST /api/v1/libraries/install``: the release that was installed, or was there already."""

    library_id: int
    name: str
    version: str
    display_name: str
    step_count: int
    steps_count: int = Field(description="As `step_count`, for OpsConductor's own installer.")
    status: LibraryStatus
    active_version: str | None = Field(description="What callers without a version get.")
    changed: bool = Field(description="False when it was there already.")
    commit: str
    digest: str = Field(description="SHA-256 of the release, hex.")
    warnings: list[str]
    upstream: str | None = Field(description="Where it came from; null for an upload.")
    also: list[str] = Field(description="Libraries that came or changed along with it.")


class InstallRequest(Wire):
    """A library of an upstream. At most one of ``version`` and ``range``."""

    library: str = Field(examples=["file-operations-basic"])
    version: str | None = Field(default=None, examples=["1.2.0"])
    range: str | None = Field(default=None, examples=[">=1.2,<2"])
    upstream: str | None = Field(
        default=None, description="Must be the one that owns the name; for certainty only."
    )
    license_key: str | None = Field(
        default=None, repr=False, description="For a premium library, also one that it needs."
    )


class Toggled(Wire):
    """``PUT /api/v1/libraries/{library}/toggle``."""

    library_id: int
    enabled: bool
    status: LibraryStatus
    name: str
    changed: bool
    commit: str
    also: list[str] = Field(description="Libraries that were turned on or off along with it.")


class Uninstalled(Wire):
    """``DELETE /api/v1/libraries/{library}``."""

    library_id: int
    name: str
    version: str = Field(description="The version that was active; or those that were named.")
    status: LibraryStatus | Literal["uninstalled"] = Field(
        description="`uninstalled`: nothing of it is left; else as in the list of libraries."
    )
    removed: list[str] = Field(description="The versions that were named; none: all of it went.")
    active: str | None = Field(description="What callers without a version get now; null: nothing.")
    commit: str
    also: list[str] = Field(description="Libraries that were uninstalled along with it.")


class PinRequest(Wire):
    """The version that callers without a version shall get."""

    version: str | None = Field(description="null: the greatest stable one again.")


class RollbackRequest(Wire):
    """The version to go back to."""

    version: str


class Pinned(Wire):
    """The version that callers without a version get now."""

    library_id: int
    name: str
    version: str | None
    pinned: str | None
    changed: bool
    commit: str


class Versions(Wire):
    """Every version of a library that is known, from the greatest down."""

    library: str
    active: str | None
    pinned: str | None
    upstream: str | None = Field(description="Where it came from; null for this registry itself.")
    update: str | None = Field(description="A later version there that runs here.")
    update_problem: str = Field(description="Why that is not known, or not possible; else empty.")
    versions: list[dict[str, Any]]


class Dependent(Wire):
    """A library whose active release needs another one."""

    name: str
    version: str
    requirement: str
    is_enabled: bool


class Dependents(Wire):
    """The libraries that need a library."""

    library: str
    dependents: list[Dependent]


class Documents(Wire):
    """The Markdown of a release."""

    library: str
    version: str
    readme: str
    changelog: str


class WireAuditEntry(Wire, title="AuditEntry"):
    """One commit of the registry's history."""

    commit: str
    time: str = Field(description="RFC 3339, UTC.")
    operation: str = Field(description="`commit` for one that a person made with Git.")
    actor: str
    attested: bool = Field(description="Proven by a key of the instance or of CI.")
    request_id: str
    libraries: list[str]
    versions: dict[str, list[str]]
    summary: str
    reason: str


class Audit(Wire):
    """A page of the history."""

    entries: list[WireAuditEntry]
    next_cursor: str | None


class WireSecurityEvent(Wire, title="SecurityEvent"):
    """Something that was refused."""

    id: int
    time: str = Field(description="RFC 3339, UTC.")
    kind: Literal["failed-login", "denied", "limited", "license-refused"]
    actor: str = Field(description="Whose token it was; empty where there was none.")
    client: str = Field(description="The address that it came from.")
    request_id: str
    detail: str


class SecurityEvents(Wire):
    """A page of what was refused."""

    events: list[WireSecurityEvent]
    next_cursor: str | None


class Comparison(BaseModel):
    """The changes for callers between two releases, and the least version that they demand."""

    model_config = ConfigDict(extra="allow")

    library: str
