"""The programs that the suite uses besides Python: which are here, and getting the rest.

As root on Debian, what is missing is installed with apt. Otherwise each part of the suite that will
not run is named, and the rest runs; where CI=true that is a failure, because nobody reads the list
there. By the same table tests/conftest.py decides which tests can run.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Where Debian keeps daemons; a user's PATH often lacks it.
SYSTEM_DIRECTORIES = ("/usr/sbin", "/sbin", "/usr/local/sbin")
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
# What apt is expected to say in the end; the rest of its talk is shown only when it fails.
APT_LINES = ("Get:", "Setting up ")


@dataclass(frozen=True)
class Program:
    """A program, the Debian package that brings it, and the part of the suite that needs it."""

    package: str
    names: tuple[str, ...]
    part: str


# The names are those of the pytest markers: `needs_chromium` and so on.
PROGRAMS = {
    "7z": Program("p7zip-full", ("7z",), "ZIPs made by 7-Zip"),
    "ant": Program("ant", ("ant",), "ZIPs made by Ant"),
    "bsdtar": Program("libarchive-tools", ("bsdtar",), "ZIPs made by bsdtar"),
    "chromium": Program(
        "chromium",
        ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome"),
        "the catalogue and the console in a browser",
    ),
    "fish": Program("fish", ("fish",), "completion of commands in fish"),
    "go": Program("golang-go", ("go",), "ZIPs made by Go"),
    "hugo": Program("hugo", ("hugo",), "the catalogue's build time against Hugo's"),
    "java": Program("default-jdk-headless", ("jar",), "ZIPs made by jar and Java"),
    "nginx": Program("nginx-light", ("nginx",), "the catalogue and lookups on a web host"),
    "node": Program("npm", ("npm",), "ZIPs made by libraries of Node"),
    "openssl": Program("openssl", ("openssl",), "certificates made by openssl"),
    "postgres": Program("postgresql", ("postgres",), "rows in PostgreSQL"),
    "redis": Program("redis-server", ("redis-server",), "notices between servers by Redis"),
    "ssh_keygen": Program(
        "openssh-client", ("ssh-keygen",), "signatures exchanged with ssh-keygen"
    ),
    "strace": Program("strace", ("strace",), "what is synced to the disk, and when"),
    "wrk": Program("wrk", ("wrk",), "requests per second"),
    "zip": Program("zip", ("zip",), "ZIPs made by Info-ZIP"),
    "zsh": Program("zsh", ("zsh",), "completion of commands in Zsh"),
}


def find_program(name: str) -> str | None:
    """The path of one of PROGRAMS, or None where it is not installed."""
    # PostgreSQL's programs are on no path: several versions of it may be installed.
    versioned = map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_DIRECTORIES, *versioned))
    found = (shutil.which(candidate, path=path) for candidate in PROGRAMS[name].names)
    return next((program for program in found if program), None)


def missing() -> dict[str, str]:
    """Debian package → the part of the suite that needs it, of what is not installed."""
    packages = {p.package: p.part for name, p in PROGRAMS.items() if not find_program(name)}
    if not FONT.exists():
        packages["fonts-dejavu-core"] = "pages measured in a browser, with the font of every run"
    return packages


def apt(*arguments: str) -> bool:
    """Run apt-get, show its progress a line each, and everything it said where it fails."""
    process = subprocess.Popen(
        ["apt-get", "--quiet", "--yes", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    for line in process.stdout or ():
        lines.append(line.rstrip())
        if line.startswith(APT_LINES):
            say(line.rstrip())
    if process.wait() == 0:
        return True
    print("\n".join(lines[-20:]), file=sys.stderr)
    return False


def offered(package: str) -> bool:
    """Whether apt has a real package of this name: on Ubuntu, for one, there is no `chromium`."""
    shown = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.returncode == 0 and bool(shown.stdout)


def install(packages: list[str]) -> None:
    """Install what apt offers of these; a package that it lacks does not keep the others away."""
    say(f"installing {' '.join(packages)}")
    if not apt("update"):
        say("apt-get update failed; trying with the package lists that are here")
    known = [package for package in packages if offered(package)]
    if known:
        apt("install", "--no-install-recommends", *known)


def say(line: str) -> None:
    print(f"[packages] {line}", flush=True)


def main() -> int:
    absent = missing()
    if absent and os.geteuid() == 0 and shutil.which("apt-get"):
        install(sorted(absent))
        absent = missing()
    for package, part in sorted(absent.items()):
        say(f"not run: {part} ({package} is missing: apt install {package})")
    return 1 if absent and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
