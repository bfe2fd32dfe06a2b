"""Numbers with their nouns, as people write them."""

from __future__ import annotations


def counted(amount: int, one: str, many: str = "") -> str:
    """``1 library``, ``2,000 libraries``; ``many`` is the plural where it is not regular."""
    return f"{amount:,} {one if amount == 1 else many or _plural(one)}"


def _plural(one: str) -> str:
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
