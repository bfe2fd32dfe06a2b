"""Footnotes: numbered as they are first named, and told at the document's end."""

from __future__ import annotations

_BACK_LINKS = 10


class Footnotes:
    """The footnotes of one document.

    Their ids have two hyphens after the document's prefix, which no heading's has.
    """

    def __init__(self, prefix: str) -> None:
        """There are none yet."""
        self._prefix = prefix
        self._numbers: dict[str, int] = {}
        self._named: dict[str, int] = {}
        self._told: dict[str, str] = {}

    def reference(self, label: str) -> str:
        """The sign that names a footnote."""
        key = _key(label)
        count = self._named[key] = self._named.get(key, 0) + 1
        number = self._numbers.setdefault(key, len(self._numbers) + 1)
        if not self._prefix:
            return f'<sup class="footnote">{number}</sup>'
        return (
            f'<sup class="footnote"><a href="#{self._prefix}-fn-{number}" '
            f'id="{self._back(number, count)}" aria-label="Footnote {number}">{number}</a></sup>'
        )

    def tell(self, label: str, html: str) -> None:
        """Remember what a footnote says; of two with the same label the first counts."""
        self._told.setdefault(_key(label), html)

    def html(self) -> str:
        """The list of all footnotes that are named somewhere."""
        if not self._numbers:
            return ""
        items = [
            f"<li{self._id(number)}>{self._with_back_links(key, number)}</li>\n"
            for key, number in self._numbers.items()
        ]
        # Not a section: two documents on a page would be two landmarks of the same name.
        return f'<div class="footnotes"><ol>\n{"".join(items)}</ol></div>\n'

    def _id(self, number: int) -> str:
        return f' id="{self._prefix}-fn-{number}"' if self._prefix else ""

    def _with_back_links(self, key: str, number: int) -> str:
        if not self._prefix:
            return self._told.get(key, "")
        links = "".join(
            f' <a href="#{self._back(number, count)}" '
            f'aria-label="Back to footnote {number} in the text">↩</a>'
            for count in range(1, min(self._named[key], _BACK_LINKS) + 1)
        )
        told = self._told.get(key, "").rstrip()
        if told.endswith("</p>"):
            return f"{told[:-4]}{links}</p>"
        return f"{told}{links}"

    def _back(self, number: int, count: int) -> str:
        again = f"-{count}" if count > 1 else ""
        return f"{self._prefix}-fnref-{number}{again}"


def _key(label: str) -> str:
    return " ".join(label.casefold().split())
