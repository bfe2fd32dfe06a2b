"""Check a file by its own bytes: a secret, a pointer in the file's place, another format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from registry.checks.paths import IMAGES
from registry.checks.secret_names import is_secret_name
from registry.problems import Problem

_LFS = b"version https://git-lfs.github.com/spec/v1"
_LFS_BYTES = 1024  # a pointer has at most as many, by its specification
# A key, not only its first line, of which a page or a program may speak. JSON writes `\n`.
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){1,8}"
    rb"(?:[A-Za-z-]{1,20}: [^\r\n]{0,100}\s{1,4}){0,4}[A-Za-z0-9+/]{40}"
)
_PEM_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_PUBLIC = frozenset(
    {b"CERTIFICATE", b"CERTIFICATE REQUEST", b"DH PARAMETERS", b"PUBLIC KEY", b"RSA PUBLIC KEY"}
    | {b"TRUSTED CERTIFICATE", b"X509 CRL"}
)
_MAGIC = {
    "a PNG image": (re.compile(rb"\x89PNG\r\n\x1a\n"), (".png",)),
    "a JPEG image": (re.compile(rb"\xff\xd8\xff"), (".jpg", ".jpeg")),
    "a GIF image": (re.compile(rb"GIF8[79]a"), (".gif",)),
    "a WebP image": (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), (".webp",)),
}
_SHOWN_FOLDERS = ("assets/", "docs/")


def file_problems(files: Mapping[str, bytes]) -> Iterator[Problem]:
    """Each file that must not be published, or that is not what its name says."""
    for path, content in files.items():
        if content.startswith(_LFS) and len(content) <= _LFS_BYTES:
            yield Problem(
                rule="lfs-pointer",
                file=path,
                message="this is a Git LFS pointer, not the file that it stands for",
                expected="run 'git lfs pull' where the library is, then take or pack it again",
            )
            continue
        yield from _secret(path, content)
        yield from _image(path, content)


def _secret(path: str, content: bytes) -> Iterator[Problem]:
    if b"PRIVATE KEY" in content and _PRIVATE_KEY.search(content):
        message = "there is a private key in it"
    elif any(map(is_secret_name, path.split("/"))) and not _is_harmless(path, content):
        message = "files of this name hold secrets"
    else:
        return
    yield Problem(
        rule="secret",
        file=path,
        message=f"{message}, and a release can never be taken back",
        expected="move it out of the library, and change the secret where others have seen it",
    )


def _is_harmless(path: str, content: bytes) -> bool:
    """A step that is about credentials, or a ``.pem`` with certificates and public keys only."""
    if path.startswith("steps/") and path.endswith(".json"):
        return True
    labels = _PEM_LABEL.findall(content)
    return path.lower().endswith(".pem") and bool(labels) and _PUBLIC.issuperset(labels)


def image_suffix(content: bytes) -> str | None:
    """The ending of a name for a raster image, by its first bytes; None for anything else."""
    return next(iter(_image_kind(content)[1]), None)


def _image_kind(content: bytes) -> tuple[str, tuple[str, ...]]:
    """The words for an image's format, and the endings that its name may have."""
    return next(
        ((kind, names) for kind, (magic, names) in _MAGIC.items() if magic.match(content)),
        ("no image that is known here", ()),
    )


def _image(path: str, content: bytes) -> Iterator[Problem]:
    suffix = path.lower()[path.rfind(".") :]
    if suffix not in IMAGES or not path.startswith(_SHOWN_FOLDERS):
        return
    kind, suffixes = _image_kind(content)
    if suffix in suffixes:
        return
    right = (
        f"name it {' or '.join(suffixes)}"
        if suffixes
        else f"put in the image, in {suffix[1:]} format"
    )
    yield Problem(
        rule="image-content",
        file=path,
        message=f"by its first bytes this is {kind}, not what its name says",
        expected=right,
    )
