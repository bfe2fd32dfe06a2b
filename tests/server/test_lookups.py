from __future__ import annotations

from registry import wire
from registry.names import LibraryName
from tests.server.conftest import Client, Place, serving, step

STEP_KEYS = [
    *("id", "name", "type", "category", "library", "library_id", "icon", "description", "color"),
    *("inputs", "outputs", "parameters", "platform_support", "required_permissions", "examples"),
    *("tags", "version", "permissions", "has_executor", "returns", "is_deprecated"),
    "deprecation_message",
]
