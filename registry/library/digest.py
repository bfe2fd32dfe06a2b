"""The digest of a release."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping

from registry.names import Digest


def release_digest(files: Mapping[str, bytes]) -> Digest:
    """SHA-256 over the lines ``hex(sha256(blob)) SP SP path LF``, sorted bytewise by path.

    ``files`` maps paths relative to the release to the bytes of the Git blobs; paths are taken in
    Unicode form NFC, as UTF-8 (design, section 3, "Tags define releases"). It is what
    ``sha256sum docs/README.md manifest.json | sha256sum`` prints, so anybody can compute it again.

    >>> release_digest({"manifest.json": b"{}", "docs/README.md": b"x"})
    '6b3a096e4f6229c185b7ef6994914625f40397bf0a0e9e5d69ebaa0bd915a370'
    """
    lines = sorted(
        (unicodedata.normalize("NFC", path).encode(), hashlib.sha256(content).hexdigest().encode())
        for path, content in files.items()
    )
    summary = b"".join(hexed + b"  " + path + b"\n" for path, hexed in lines)
    return Digest(hashlib.sha256(summary).hexdigest())
