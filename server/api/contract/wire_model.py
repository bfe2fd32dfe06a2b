"""The wire as OpenAPI documents it; tests hold it against the bytes that are really sent."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """A JSON object whose fields are all known."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Wire):
    """An error, in a sentence that a person can act on."""

    detail: str = Field(examples=["there is no library 'x'; see GET /api/v1/libraries"])
    problems: list[str] = Field(default=[], description="Each single problem, where there are any.")
