"""The source of opsteps in a registry's workflows: one exact source, never a bare name on an index.

Invariant: what a person says ends in shell and YAML only through these patterns, which hold no
space, quote, ``$``, ``;`` or line break. No source holds a password: the file is public.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from urllib.parse import unquote

import registry
from registry.errors import InvalidNameError
from registry.files.shipped import shipped
from registry.problems import printable

DISTRIBUTION = "opsconductor-steps"
DIRECTORY = "ci"
SOURCE_FILE = f"{DIRECTORY}/opsteps.txt"

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?"
_PATH = r"(?:/[A-Za-z0-9._~%+=-]{1,255}){1,40}"
_SHA256 = r"[0-9a-f]{64}"
# Over plain HTTP only from the machine itself: pip trusts no other such host.
_WEB = rf"(?:https://{_HOST}|http://(?:127\.0\.0\.1|localhost)(?::[0-9]{{1,5}})?)"
_WHEEL = re.compile(rf"(?P<url>{_WEB}{_PATH}\.whl)#sha256=(?P<sha256>{_SHA256})\Z")
_GIT = re.compile(rf"git\+(?:https://|ssh://git@){_HOST}{_PATH}@[0-9a-f]{{40}}\Z")
_PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?)=="
    rf"(?P<version>[0-9][A-Za-z0-9.+!]{{0,60}})#sha256=(?P<sha256>{_SHA256})\Z"
)
_INDEX = re.compile(rf"{_WEB}(?:{_PATH})?/?\Z")
_WHEEL_NAME = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?)-[0-9][^-]*(?:-[^-]+){3,4}\Z"
)

# A wheel carries the locks inside this package; a checkout has them at its root.
_LOCKS = {
    f"{DIRECTORY}/opsteps-dependencies.txt": "run.txt",
    f"{DIRECTORY}/opsteps-build.txt": "build.txt",
}
_FORMS = (
    "Give a wheel's address with its hash (https://HOST/NAME.whl#sha256=HEX), a Git address with a"
    " whole commit (git+https://HOST/PATH@COMMIT), or NAME==VERSION#sha256=HEX with --tool-index"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolSource:
    """One exact source of opsteps: the lines that `SOURCE_FILE` has for it."""

    lines: tuple[str, ...]


def parse_tool(text: str, index: str | None = None) -> ToolSource:
    """The source that a person names; raises InvalidNameError.

    ``index`` is the index of one's own that a ``NAME==VERSION`` comes from.
    """
    if index is not None and not _INDEX.match(index):
        raise _refused(
            index, "no address of an index", "Write it as https://HOST/PATH, without a password"
        )
    if wheel := _WHEEL.match(text):
        name = _WHEEL_NAME.match(unquote(wheel["url"].rpartition("/")[2]).removesuffix(".whl"))
        if name is None:
            raise _refused(
                text, "no wheel's file name", "Keep the name that the wheel was built with"
            )
        line = f"{_normalised(name['name'])} @ {wheel['url']} --hash=sha256:{wheel['sha256']}"
        return _source(line, index=index, takes_index=False)
    if _GIT.match(text):
        return _source(text, index=index, takes_index=False)
    if pinned := _PINNED.match(text):
        line = f"{pinned['name']}=={pinned['version']} --hash=sha256:{pinned['sha256']}"
        return _source(line, index=index, takes_index=True)
    raise _refused(text, "no exact source of opsteps", _FORMS)


def installed_tool() -> ToolSource | None:
    """Return the source that this opsteps was installed from, if others can reach it (PEP 610)."""
    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        said = json.loads(text or "null")
        return parse_tool(_address_of(said))
    except (metadata.PackageNotFoundError, ValueError, TypeError, KeyError, InvalidNameError):
        return None


def tool_files(source: ToolSource | None, comment: str) -> dict[str, bytes]:
    """The files that `ci/install-opsteps` reads; raises MissingFilesError where a lock is missing.

    ``comment`` begins the file that names the source; without one, a person writes it there.
    """
    lines = source.lines if source else ()
    files = {SOURCE_FILE: "".join([comment, *(f"{line}\n" for line in lines)]).encode()}
    head = f"# What opsteps {registry.__version__} needs, by hash. Written by `opsteps init`.\n"
    for path, name in _LOCKS.items():
        files[path] = head.encode() + shipped(f"requirements/{name}").read_bytes()
    return files


def _source(line: str, *, index: str | None, takes_index: bool) -> ToolSource:
    if takes_index and index is None:
        raise InvalidNameError(
            f"{line.partition(' ')[0]!r} names no index, and the public one's names are not ours",
            next_step="Give the address of your own index with --tool-index URL",
        )
    if index is not None and not takes_index:
        raise InvalidNameError(
            "--tool-index goes with NAME==VERSION#sha256=HEX only", next_step="Leave it out"
        )
    return ToolSource(lines=(f"--extra-index-url {index}", line) if index else (line,))


def _address_of(said: Any) -> str:
    """The source as a person would write it; raises KeyError and TypeError where there is none."""
    if "vcs_info" in said:
        return f"git+{said['url']}@{said['vcs_info']['commit_id']}"
    archive = said["archive_info"]
    found = archive.get("hashes", {}).get("sha256") or archive["hash"].removeprefix("sha256=")
    return f"{said['url'].partition('#')[0]}#sha256={found}"


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _refused(text: str, what: str, next_step: str) -> InvalidNameError:
    return InvalidNameError(f"{printable(text)[:200]!r} is {what}", next_step=next_step)
