"""Pictures in a release that the catalogue would not show: their authors see it before visitors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from builder.content_rules.rule_problems import warning
from builder.markdown.pictures import PICTURE_BYTES, PICTURE_SIDE, NotShownError, picture_facts
from registry.checks.file_contents import image_suffix
from registry.problems import Problem


def picture_problems(contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield each picture in ``assets/`` that is too large to be shown, or damaged."""
    for path, content in contents.items():
        # What is not a picture at all is told elsewhere, as an error.
        if not path.startswith("assets/") or image_suffix(content) is None:
            continue
        try:
            picture_facts(content)
        except NotShownError as error:
            message = f"the catalogue shows the words for this picture in its place: {error}"
            limit = f"{PICTURE_BYTES:,} bytes and {PICTURE_SIDE:,} pixels a side"
            yield warning("picture-hidden", path, message, f"make it smaller: up to {limit}")
