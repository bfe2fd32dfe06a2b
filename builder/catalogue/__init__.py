"""Render the catalogue: a registry as a site of plain files."""

from __future__ import annotations

from builder.catalogue.build.build import build_catalogue
from builder.catalogue.output.report import BuildReport

__all__ = ["BuildReport", "build_catalogue"]
