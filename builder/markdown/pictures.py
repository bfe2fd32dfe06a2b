"""The pictures that documents may show, judged by their bytes alone."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from registry.checks.file_contents import image_suffix

PICTURE_BYTES = 2 * 1024 * 1024
"""Largest picture that is shown."""
PICTURE_SIDE = 8_192
"""Greatest width and height of one, in pixels: a browser needs memory for each of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureFacts:
    """The ending that its name must have, and its size as it is shown, in pixels."""

    suffix: str
    width: int
    height: int


class NotShownError(Exception):
    """These bytes are not shown as a picture; the message says why."""


def picture_facts(content: bytes) -> PictureFacts:
    """The facts of a picture; raises NotShownError."""
    if len(content) > PICTURE_BYTES:
        raise NotShownError(f"it has {len(content):,} bytes")
    suffix = image_suffix(content)
    if suffix is None:
        raise NotShownError("by its first bytes it is not a PNG, JPEG, GIF or WebP image")
    width, height = _size_of(content)
    if width <= 0 or height <= 0:
        raise NotShownError("it does not say how large it is")
    if max(width, height) > PICTURE_SIDE:
        raise NotShownError(f"it is {width:,} × {height:,} pixels")
    return PictureFacts(suffix=suffix, width=width, height=height)


def _size_of(content: bytes) -> tuple[int, int]:
    import imagesize  # it loads HTTP, too, and few documents have pictures

    try:
        width, height = imagesize.get(BytesIO(content))
    except Exception:  # noqa: BLE001 - whatever a stranger's bytes make of their reader
        return 0, 0
    return int(width), int(height)
