"""Links in strangers' descriptions: those that lead to no file of the release we make of them."""

from __future__ import annotations

import re
from functools import lru_cache

from builder.content_rules.links import dead_targets

_README = "docs/README.md"
# An address that its author wrote without "https://". With no path it could be a file: HOWTO.md.
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}/", re.IGNORECASE)


# The versions of a step repeat most of their texts.
@lru_cache(maxsize=8_192)
def with_live_links(text: str) -> str:
    r"""Markdown whose links all lead somewhere.

    A target that begins with a host's name gets ``https://``; another that names no file of ours
    stays as text. The imported release has its README only.

    >>> with_live_links("[Docs](docs.example.com/start), [how](HOWTO.md)")
    '[Docs](https://docs.example.com/start), [how]\\(HOWTO.md)'
    """
    if "](" not in text and "]:" not in text:
        return text
    for target in dead_targets(_README, text, [_README]):
        text = _mended(text, target)
    if dead_targets(_README, text, [_README]):  # written in another way than we look for
        text = re.sub(r"(?<!\\)([\[\]])", r"\\\1", text)
    return text


def _mended(text: str, target: str) -> str:
    if _HOST.match(target) and not dead_targets(_README, f"[x](https://{target})", []):
        return re.sub(rf"(\]\(\s*<?|\]:\s*<?)(?={re.escape(target)})", r"\1https://", text)
    return re.sub(rf"\](?=[(:]\s*<?{re.escape(target)})", r"]\\", text)
