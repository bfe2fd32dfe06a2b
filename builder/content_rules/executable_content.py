"""Refuse in a release: machine code, archives, names of Git's own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from builder.content_rules.git_names import is_git_name
from builder.content_rules.rule_problems import error
from registry.problems import Problem

# How machine code and byte code begin.
_CODE = {
    b"\x7fELF": "an ELF program",
    b"MZ": "a Windows program",
    b"\xfe\xed\xfa\xce": "a macOS program",
    b"\xfe\xed\xfa\xcf": "a macOS program",
    b"\xce\xfa\xed\xfe": "a macOS program",
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a macOS program or a Java class",
    b"\0asm": "WebAssembly",
    b"!<arch>\n": "a static library",
    b"dex\n": "Android byte code",
}
_PYTHON_CODE = b"\r\n"
_CODE_SUFFIXES = (
    ".exe", ".com", ".scr", ".msi", ".dll", ".so", ".dylib", ".pyd", ".pyc", ".pyo", ".class",
    ".wasm", ".o", ".a", ".lib", ".sys", ".node", ".dex",
)  # fmt: skip
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP",
    b"PK\x05\x06": "a ZIP",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x1f\x9d": "compress",
}
_ARCHIVE_SUFFIXES = (
    ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".jar", ".whl", ".egg",
    ".iso", ".dmg", ".deb", ".rpm", ".apk", ".cab",
)  # fmt: skip
_TAR_MAGIC = slice(257, 262)
# Where such files are text or images, these magic numbers may be chance.
_TEXT_SUFFIXES = (".md", ".json", ".txt", ".py")


def file_problems(paths: Collection[str], contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """Yield the problems of a file by its name and its first bytes."""
    for path in paths:
        if any(is_git_name(part) for part in path.split("/")):
            message = "this name is Git's own"
            yield error("file-git-name", path, message, "give it another name, or take it out")
    for path, content in contents.items():
        lower = path.lower()
        code = machine_code(lower, content)
        if code:
            hint = "take it out: a release holds sources only"
            yield error("file-binary", path, f"it is {code}", hint)
            continue
        archive = archive_format(lower, content)
        if archive:
            hint = "put in the files themselves, unpacked"
            yield error("file-archive", path, f"it is {archive}", hint)


def machine_code(path: str, content: bytes) -> str:
    """Return the kind of program, empty for any other file. ``path`` is in lower case."""
    if path.endswith(_CODE_SUFFIXES):
        return "a program by its name"
    for magic, what in _CODE.items():
        if content.startswith(magic) and not _is_text(path, content):
            return what
    is_python = content[2:4] == _PYTHON_CODE and b"\0" in content[4:16]
    return "Python byte code" if is_python else ""


def archive_format(path: str, content: bytes) -> str:
    """Return the kind of archive, empty for any other file. ``path`` is in lower case."""
    if path.endswith(_ARCHIVE_SUFFIXES):
        return "an archive by its name"
    for magic, what in _ARCHIVES.items():
        if content.startswith(magic) and not _is_text(path, content):
            return f"an archive ({what})"
    return "an archive (tar)" if content[_TAR_MAGIC] == b"ustar" else ""


def _is_text(path: str, content: bytes) -> bool:
    """A text that happens to begin like a program, such as a page about MZ headers."""
    return path.endswith(_TEXT_SUFFIXES) and b"\0" not in content[:1024]
