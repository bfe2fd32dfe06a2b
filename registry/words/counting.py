"""Numbers with their nouns, as people write them."""

from __future__ import annotations


def counted(amount: int, one: str, many: str = "") -> str:
    """The number with its noun; ``many`` is the plural where it is not regular.

    >>> counted(1, "library"), counted(2_000, "library"), counted(2, "index", "indices")
    ('1 library', '2,000 libraries', '2 indices')
    """
    return f"{amount:,} {one if amount == 1 else many or _plural(one)}"


def _plural(one: str) -> str:
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
