"""The ways in which people pack a library, each by the real tool.

``docs/packaging.md`` lists them; a test holds the two together.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
IN_ENGLISH = {"LC_ALL": "C.UTF-8"}
# Programs that mind their own business: no other toolchain, no modules, no settings of a person.
_ENVIRONMENT = {"GO111MODULE": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "", **IN_ENGLISH}
_ANT = '<project default="pack"><target name="pack">{task}</target></project>'


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to pack ``library`` into ``target``; both are absolute, and ``library`` is empty of it.

    ``needs`` is the name of a program in `scripts.system_packages`, or nothing.
    """

    tool: str
    how: str
    needs: str
    pack: Callable[[Path, Path], None]


def run(where: Path, *command: object, stdout: Any = subprocess.DEVNULL, **extra: str) -> None:
    """Run a tool; what it says is shown when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=where,
        env={**os.environ, **_ENVIRONMENT, **extra},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _zip(*options: str, **environment: str) -> Callable[[Path, Path], None]:
    def pack(library: Path, target: Path) -> None:
        run(library.parent, "zip", "-q", "-r", *options, target, library.name, **environment)

    return pack


def _zip_streamed(library: Path, target: Path) -> None:
    script = 'zip -q -r - "$1" | cat > "$2"'
    run(library.parent, "sh", "-c", script, "sh", library.name, target)


def _zip_commented(library: Path, target: Path) -> None:
    script = 'zip -q -r "$2" "$1" && echo "packed by hand" | zip -q -z "$2"'
    run(library.parent, "sh", "-c", script, "sh", library.name, target)


def _seven_zip(*options: str) -> Callable[[Path, Path], None]:
    def pack(library: Path, target: Path) -> None:
        run(library.parent, "7z", "a", "-tzip", "-bd", *options, target, library.name)

    return pack


def _bsdtar(*options: str) -> Callable[[Path, Path], None]:
    def pack(library: Path, target: Path) -> None:
        run(library.parent, "bsdtar", "--format", "zip", *options, "-cf", target, library.name)

    return pack


def _bsdtar_streamed(library: Path, target: Path) -> None:
    script = 'bsdtar --format zip -cf - "$1" | cat > "$2"'
    run(library.parent, "sh", "-c", script, "sh", library.name, target)


def _jar(flags: str) -> Callable[[Path, Path], None]:
    return lambda library, target: run(library, "jar", flags, target, ".")


def _java(way: str) -> Callable[[Path, Path], None]:
    return lambda library, target: run(
        library.parent, "java", HERE / "Pack.java", way, library, target
    )


def _go(way: str) -> Callable[[Path, Path], None]:
    return lambda library, target: run(
        library.parent, "go", "run", HERE / "pack.go", way, library, target
    )


def _ant(attributes: str) -> Callable[[Path, Path], None]:
    def pack(library: Path, target: Path) -> None:
        task = (
            f'<zip destfile="{target}" basedir="{library.parent}" includes="{library.name}/**"'
            f' defaultexcludes="no" {attributes}/>'
        )
        build = library.parent / "build.xml"
        build.write_text(_ANT.format(task=task))
        run(library.parent, "ant", "-q", "-f", build)

    return pack


def _git(*options: str) -> Callable[[Path, Path], None]:
    def pack(library: Path, target: Path) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        run(library, "git", "init", "-q")
        run(library, "git", "add", "-A")
        run(library, "git", *who, "commit", "-q", "-m", "All of it")
        run(library, "git", "archive", "--format=zip", *options, "-o", target, "HEAD")

    return pack


def _node(way: str) -> Callable[[Path, Path], None]:
    return lambda library, target: run(
        library.parent, "node", HERE / "pack.mjs", way, library, target
    )


def _python_command(library: Path, target: Path) -> None:
    run(library.parent, sys.executable, "-m", "zipfile", "-c", target, library.name)


def _python_shutil(library: Path, target: Path) -> None:
    made = shutil.make_archive(
        str(target.with_suffix("")), "zip", root_dir=library.parent, base_dir=library.name
    )
    assert Path(made) == target


class _Pipe(io.RawIOBase):
    """A stream that cannot go back, such as an answer over HTTP."""

    def __init__(self, target: Path) -> None:
        self._file = target.open("wb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _python(
    method: int, *, is_streamed: bool = False, is_wide: bool = False
) -> Callable[[Path, Path], None]:
    def pack(library: Path, target: Path) -> None:
        opened: Any = _Pipe(target) if is_streamed else target.open("wb")
        with opened, zipfile.ZipFile(opened, "w", method) as archive:
            for path in sorted(library.rglob("*")):
                if path.is_file():
                    info = zipfile.ZipInfo.from_file(path, path.relative_to(library))
                    info.compress_type = method
                    with archive.open(info, "w", force_zip64=is_wide) as entry:
                        entry.write(path.read_bytes())

    return pack


_DEFLATED, _STORED = zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED
_NODE = {
    "adm-zip": ("",),
    "archiver": ("", "stored", "ZIP64"),
    "fflate": ("", "stored", "streamed"),
    "jszip": ("", "streamed"),
    "yazl": ("",),
    "zip-lib": ("",),
    "zip.js": ("", "ZIP64"),
}


def _way(tool: str, how: str, needs: str, pack: Callable[[Path, Path], None]) -> Way:
    return Way(tool=tool, how=how, needs=needs, pack=pack)


WAYS = (
    _way("Info-ZIP", "`zip -r`", "zip", _zip()),
    _way("Info-ZIP", "`zip -r`, in the locale C", "zip", _zip(LC_ALL="C")),
    _way("Info-ZIP", "`zip -r -UN=UTF8`", "zip", _zip("-UN=UTF8")),
    _way("Info-ZIP", "`zip -r -X`", "zip", _zip("-X")),
    _way("Info-ZIP", "`zip -r -0`", "zip", _zip("-0")),
    _way("Info-ZIP", "`zip -r -9`", "zip", _zip("-9")),
    _way("Info-ZIP", "`zip -r -D`", "zip", _zip("-D")),
    _way("Info-ZIP", "`zip -r -fd` (data descriptors)", "zip", _zip("-fd")),
    _way("Info-ZIP", "`zip -r -fz` (ZIP64)", "zip", _zip("-fz")),
    _way("Info-ZIP", "`zip -r - | cat`", "zip", _zip_streamed),
    _way("Info-ZIP", "`zip -z` (a comment)", "zip", _zip_commented),
    _way("7-Zip", "`7z a -tzip`", "7z", _seven_zip()),
    _way("7-Zip", "`7z a -tzip -mx=0`", "7z", _seven_zip("-mx=0")),
    _way("7-Zip", "`7z a -tzip -mcu=on`", "7z", _seven_zip("-mcu=on")),
    _way("bsdtar", "`bsdtar --format zip -cf`", "bsdtar", _bsdtar()),
    _way("bsdtar", "the same, stored", "bsdtar", _bsdtar("--options", "zip:compression=store")),
    _way("bsdtar", "`bsdtar --format zip -cf - | cat`", "bsdtar", _bsdtar_streamed),
    _way("jar", "`jar cfM`", "java", _jar("cfM")),
    _way("jar", "`jar c0fM`", "java", _jar("c0fM")),
    _way("Java", "`java.util.zip.ZipOutputStream`", "java", _java("stream")),
    _way("Java", "the ZIP file system", "java", _java("fileSystem")),
    _way("Go", "`archive/zip`", "go", _go("deflated")),
    _way("Go", "`archive/zip`, stored", "go", _go("stored")),
    _way("Ant", "`<zip>`", "ant", _ant("")),
    _way("Ant", '`<zip zip64mode="always">`', "ant", _ant('zip64mode="always"')),
    _way("Git", "`git archive --format=zip`", "", _git()),
    _way("Git", "`git archive --format=zip -0`", "", _git("-0")),
    _way("Git", "with `--prefix`, as Git hosts do", "", _git("--prefix=some-library-1.0.0/")),
    _way("Python", "`python -m zipfile -c`", "", _python_command),
    _way("Python", "`shutil.make_archive`", "", _python_shutil),
    _way("Python", "`zipfile`, `force_zip64=True`", "", _python(_DEFLATED, is_wide=True)),
    _way("Python", "`zipfile`, streamed", "", _python(_DEFLATED, is_streamed=True)),
    _way("Python", "`zipfile`, stored and streamed", "", _python(_STORED, is_streamed=True)),
    _way(
        "Python",
        "`zipfile`, streamed, `force_zip64=True`",
        "",
        _python(_DEFLATED, is_streamed=True, is_wide=True),
    ),
    *(
        _way(f"{library} (Node)", how or "as it is", "node", _node(f"{library}, {how}".strip(", ")))
        for library, hows in _NODE.items()
        for how in hows
    ),
)
