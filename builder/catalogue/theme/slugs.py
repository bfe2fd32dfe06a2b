"""Category names from strangers, as words in addresses."""

from __future__ import annotations

import re
from hashlib import sha256

_OTHER = re.compile(r"[^a-z0-9]+")
_LENGTH = 60


def category_slug(category: str) -> str:
    """Lower-case letters, digits and hyphens; categories that differ otherwise share it."""
    slug = _OTHER.sub("-", category.lower()).strip("-")[:_LENGTH].strip("-")
    return slug or sha256(category.encode(errors="replace")).hexdigest()[:8]
