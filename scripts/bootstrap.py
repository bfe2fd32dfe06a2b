"""Make the project's Python environment on a machine that has Git, make and Python, but no pip.

    python3 scripts/bootstrap.py run              the checkout's .venv, to run the project
    python3 scripts/bootstrap.py dev              the same, to work on the project
    python3 scripts/bootstrap.py wheel WHEEL ENV  a new environment, the project as a user has it
    python3 scripts/bootstrap.py install          the command `opsteps`, for this user
    python3 scripts/bootstrap.py uninstall        without it again

Standard library only. Debian's Python comes without ensurepip, so the environment is made without
pip, and pip runs straight from the wheel that is kept in bootstrap/. All of this parses on Python
3.7, so that a Python too old gets one line and no traceback.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
ENV = ROOT / ".venv"
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")

# To change pip, replace the wheel and these two lines together; the hash is the published one.
PIP = ROOT / "scripts" / "bootstrap" / "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

# Parts of the standard library that Debian and Ubuntu package apart from python3-minimal.
MODULES = {"ctypes": "python3", "sqlite3": "python3", "ssl": "python3", "venv": "python3-venv"}

# The build backend, with which the installer puts the checkout on the path and makes the command.
BUILD_LOCK = LOCKS / "build.txt"
PROJECT = "opsconductor-steps"


def say(line: str) -> None:
    print(f"[env] {line}", flush=True)


def stop(line: str) -> NoReturn:
    sys.exit(f"[env] {line}")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: Path) -> set[str]:
    """The names of everything in a lock."""
    found = re.findall(r"(?m)^([A-Za-z0-9][\w.-]*)==\S+", lock.read_text(encoding="utf-8"))
    return set(map(normalised, found))


def require_machine() -> None:
    """Stop with one line where the machine lacks something."""
    if sys.version_info < OLDEST:
        for newer in filter(None, map(shutil.which, NEWER)):
            os.execv(newer, [newer, *sys.argv])  # noqa: S606 - this script, by a newer Python
        have = ".".join(map(str, sys.version_info[:3]))
        stop(f"Python {have} is too old: apt install python3.11, or any newer one")
    if not shutil.which("git"):
        stop("git is missing: apt install git")
    for module, package in MODULES.items():
        try:
            importlib.import_module(module)
        except ImportError:
            stop(f"Python's module {module} is missing: apt install {package}")


def ask(env: Path, expression: str) -> str | None:
    """What the environment's Python answers; None where it does not start."""
    command = [str(env / "bin" / "python"), "-c", f"import sys, sysconfig; print({expression})"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def create(env: Path) -> None:
    venv = importlib.import_module("venv")
    say(f"creating {env.name} with Python {'.'.join(map(str, sys.version_info[:3]))}")
    builder = venv.EnvBuilder(clear=True, symlinks=True, with_pip=False, prompt="opsteps")
    try:
        builder.create(str(env))
    except (OSError, subprocess.CalledProcessError) as error:
        stop(f"cannot create {env}: {error}")


def pip(env: Path, *arguments: str, total: int = 0) -> None:
    """Run the vendored pip in the environment and show a line for each package."""
    if sha256(PIP) != PIP_SHA256:
        stop(f"{PIP.relative_to(ROOT)} has changed: git checkout {PIP.relative_to(ROOT)}")
    process = subprocess.Popen(
        [
            str(env / "bin" / "python"),
            f"{PIP}/pip",
            "--disable-pip-version-check",
            "--no-input",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    seen = 0
    for line in process.stdout or ():
        lines.append(line.rstrip())
        package = re.match(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)", line)
        if package and total:
            seen += 1
            say(f"{seen:3d}/{total} {package.group(1).rpartition('/')[2]}")
        elif line.startswith("Installing collected packages"):
            say(f"installing {line.count(',') + 1} packages")
    if process.wait() != 0:
        print("\n".join(lines[-20:]), file=sys.stderr)
        stop("pip failed; its last lines are above")


def install_lock(env: Path, lock: Path) -> None:
    # Wheels only: no compiler is needed, and no package's setup code runs.
    # No dependencies: the lock is complete, and holds the hash of every file.
    pip(
        env,
        "install",
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        "--progress-bar=off",
        "--no-warn-script-location",
        f"--requirement={lock}",
        total=len(pins(lock)),
    )


def install_checkout(env: Path) -> None:
    """The command of this checkout, as the installer makes it for everybody."""
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--no-warn-script-location")
    pip(env, "install", *options, f"--editable={ROOT}")


def remove_strays(env: Path, site_packages: Path, locks: list[Path]) -> None:
    """Uninstall what has left the locks: code that still imports it would work nowhere else."""
    present = {info.name.split("-")[0] for info in site_packages.glob("*.dist-info")}
    kept = {PROJECT}.union(*map(pins, locks))
    strays = sorted({normalised(name) for name in present} - kept)
    if strays:
        say(f"removing {', '.join(strays)}")
        pip(env, "uninstall", "--yes", *strays)


def prepare_checkout(kind: str) -> None:
    """Bring the checkout's .venv to its lock; where it is there already, do nothing."""
    # Of two makes at once the second waits, and finds it done.
    guard = os.open(str(PIP.parent), os.O_RDONLY)
    fcntl.flock(guard, fcntl.LOCK_EX)

    stamp_file = ENV / "opsteps-stamp.json"
    try:
        stamp = json.loads(stamp_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stamp = {}
    # dev.txt is compiled on top of run.txt: what serves development runs the project as well.
    if stamp.get("kind") == "dev":
        kind = "dev"
    locks = [LOCKS / f"{kind}.txt", BUILD_LOCK]
    here = {"root": str(ROOT), "python": ask(ENV, "sys.version")}
    followed = [*locks, ROOT / "pyproject.toml", Path(__file__)]
    inputs = {"kind": kind, **{path.name: sha256(path) for path in followed}}
    if here["python"] and stamp == {**here, **inputs}:
        return

    # Another path or another Python under it and the environment's files are wrong from the ground.
    if not here["python"] or any(stamp.get(key, here[key]) != here[key] for key in here):
        create(ENV)
        here["python"] = ask(ENV, "sys.version")
    stamp_file.unlink(missing_ok=True)
    site_packages = Path(ask(ENV, "sysconfig.get_path('purelib')") or stop("no Python in .venv"))
    for lock in locks:
        install_lock(ENV, lock)
    remove_strays(ENV, site_packages, locks)
    install_checkout(ENV)
    stamp_file.write_text(json.dumps({**here, **inputs}), encoding="utf-8")
    say(f"{ENV.name} is ready")


def install_wheel(wheel: Path, env: Path) -> None:
    """Make an environment of the locked packages and the wheel, with nothing of the checkout."""
    create(env)
    install_lock(env, LOCKS / "run.txt")
    pip(env, "install", "--no-deps", "--no-index", "--no-warn-script-location", str(wheel))
    say(f"{wheel.name} is installed in {env}")


def user_places() -> tuple[Path, Path]:
    """The environment that `install` makes, and the link to its command."""
    data = os.environ.get("XDG_DATA_HOME", "")
    home = Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share"  # noqa: PTH117
    return home / "opsteps" / "env", Path.home() / ".local" / "bin" / "opsteps"


def build_wheel(scratch: Path) -> Path:
    """The checkout's wheel, built by the locked build backend in an environment of its own."""
    env = scratch / "build"
    create(env)
    install_lock(env, BUILD_LOCK)
    say("building the wheel")
    command = [str(env / "bin" / "hatchling"), "build", "--target=wheel", f"--directory={scratch}"]
    done = subprocess.run(command, cwd=str(ROOT), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout + done.stderr, file=sys.stderr)
        stop("the wheel was not built; what the build said is above")
    return next(scratch.glob("*.whl"))


def install_for_user() -> None:
    """Make `opsteps` a command: an environment of its own, and a link where users' programs are."""
    env, link = user_places()
    if os.path.lexists(str(link)) and not is_ours(link, env):
        stop(f"{link} is something else: remove it, or use 'pipx install .' or 'uv tool install .'")
    env.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="opsteps-") as scratch:
        install_wheel(build_wheel(Path(scratch)), env)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(env / "bin" / "opsteps")
    say(f"{link} is the command; 'make uninstall' removes it")
    found = shutil.which("opsteps")
    if found is None:
        say(f'{link.parent} is not on your PATH. In this shell: export PATH="{link.parent}:$PATH"')
        say("The same line in ~/.profile makes it last.")
    elif os.path.realpath(found) != os.path.realpath(str(link)):
        say(f"'opsteps' is {found} here: it stands earlier on your PATH")


def is_ours(link: Path, env: Path) -> bool:
    """Whether a link, also one to nothing, leads into the environment that `install` makes."""
    return link.is_symlink() and Path(os.readlink(str(link))) == env / "bin" / "opsteps"


def uninstall_for_user() -> None:
    env, link = user_places()
    removed = [path for path in (link, env) if os.path.lexists(str(path))]
    if is_ours(link, env):
        link.unlink()
    elif link in removed:
        say(f"{link} is something else and stays")
        removed.remove(link)
    if env in removed:
        shutil.rmtree(str(env))
        if not any(env.parent.iterdir()):
            env.parent.rmdir()
    say(f"removed {' and '.join(map(str, removed))}" if removed else "nothing was installed")


def main(arguments: list[str]) -> None:
    require_machine()
    command, *rest = arguments or ["help"]
    if command in {"run", "dev"} and not rest:
        prepare_checkout(command)
    elif command == "wheel" and len(rest) == len(("WHEEL", "ENV")):
        install_wheel(Path(rest[0]).resolve(), Path(rest[1]).resolve())
    elif command == "install" and not rest:
        install_for_user()
    elif command == "uninstall" and not rest:
        uninstall_for_user()
    else:
        stop("usage: bootstrap.py run | dev | wheel WHEEL ENV | install | uninstall")


if __name__ == "__main__":
    main(sys.argv[1:])
