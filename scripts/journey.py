"""What an author and an operator do, by an installed ``opsteps``, from nothing to a served library.

    python3 scripts/journey.py BIN DIRECTORY README

BIN is the directory that holds the command, DIRECTORY an empty one to work in; README is the page
whose commands are run as they are printed. Standard library only, and nothing else of the checkout:
it runs beside an environment that has only the wheel. Servers start with default settings, on a
free port. The first thing that is not as it should be ends it.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

MANY_LIBRARIES = 200
PATIENCE_SECONDS = 120.0
DEFAULT_PORT = "3011"
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class JourneyError(Exception):
    """A command or an answer that is not what it should be."""


def say(line: str) -> None:
    print(f"[journey] {line}", flush=True)


def expect(truth: object, what: str) -> None:
    if not truth:
        raise JourneyError(what)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Traveller:
    """Somebody with the command on the path, in a directory of their own."""

    def __init__(self, bin_directory: Path, home: Path) -> None:
        self.home = home
        # A user's environment: nothing of the checkout may be found through a variable.
        path = f"{bin_directory}{os.pathsep}{os.environ['PATH']}"
        self.environment = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"}
        # Coverage of what tests start is measured, too.
        kept = {key: os.environ[key] for key in os.environ if key.startswith("COVERAGE")}
        self.environment |= kept
        found = shutil.which("opsteps", path=str(bin_directory))
        expect(found, f"there is no opsteps in {bin_directory}")
        self.command = str(found)

    def opsteps(self, *arguments: object) -> str:
        """Run the command here; returns its standard output."""
        say(f"opsteps {' '.join(map(str, arguments))}")
        done = subprocess.run(
            [self.command, *map(str, arguments)],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        expect(done.returncode == 0, f"it ended with {done.returncode}:\n{said}")
        expect("Traceback" not in said, f"it said:\n{said}")
        return done.stdout

    @contextlib.contextmanager
    def serving(self, registry: str) -> Iterator["Server"]:
        """A server with default settings, until it has stopped cleanly."""
        port = free_port()
        say(f"opsteps serve --registry {registry} --port {port}")
        process = subprocess.Popen(
            [self.command, "serve", "--registry", registry, "--port", str(port)],
            cwd=self.home,
            env=self.environment,
        )
        server = Server(port)
        try:
            server.wait_until_ready(process)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE_SECONDS)
        expect(code == 0, f"the server ended with {code}")


class Server:
    """Asks a server."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def ask(
        self, method: str, path: str, body: bytes = b"", content_type: str = ""
    ) -> tuple[int, Any]:
        request = urllib.request.Request(  # noqa: S310 - an address that was just made
            self.address + path, data=body or None, method=method
        )
        if content_type:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:  # noqa: S310
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def get(self, path: str) -> Any:
        say(f"GET {path}")
        status, answer = self.ask("GET", path)
        expect(status == HTTPStatus.OK, f"it was answered with {status}: {answer}")
        return answer

    def expect_missing(self, path: str) -> None:
        say(f"GET {path}")
        expect(self.ask("GET", path)[0] == HTTPStatus.NOT_FOUND, "it answers, and should be gone")

    def search(self, words: str) -> Any:
        """The hits, once the index has followed: it is made in the background."""
        path = f"/api/v1/search?q={urllib.parse.quote(words)}"
        say(f"GET {path}")
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            status, answer = self.ask("GET", path)
            if status == HTTPStatus.OK and answer["total"]:
                return answer
            time.sleep(0.5)
        raise JourneyError(f"the search was last answered with {status}: {answer}")

    def change(self, method: str, path: str, value: object = None) -> Any:
        say(f"{method} {path}")
        body = json.dumps(value).encode() if value is not None else b""
        status, answer = self.ask(method, path, body, "application/json" if body else "")
        expect(status == HTTPStatus.OK, f"it was answered with {status}: {answer}")
        return answer

    def upload(self, package: Path) -> Any:
        """What ``curl -F file=@…`` sends."""
        say(f"POST /api/v1/libraries/install {package.name}")
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{package.name}"\r\nContent-Type: application/zip\r\n\r\n'
        )
        body = head.encode() + package.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        status, answer = self.ask("POST", "/api/v1/libraries/install", body, kind)
        expect(status == HTTPStatus.OK, f"it was answered with {status}: {answer}")
        return answer

    def wait_until_ready(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            expect(process.poll() is None, "the server ended at its start")
            with contextlib.suppress(OSError):
                if self.ask("GET", "/health")[1]["commit"]:
                    return
            time.sleep(0.1)
        raise JourneyError("the server did not become ready")


def read_the_readme(someone: Traveller, page: Path) -> None:
    """All of its shell commands in one shell, in their order, in a directory of their own."""
    blocks = SHELL_BLOCK.findall(page.read_text(encoding="utf-8"))
    expect(blocks, f"{page} has no shell commands")
    directory = someone.home / "readme"
    directory.mkdir()
    # Elsewhere on this machine a demo may be looked at.
    port = str(free_port())
    script = "\n".join(blocks).replace(DEFAULT_PORT, port)
    say(f"README, with port {port}:\n{script}")
    # Without this, curl is content with an answer that refuses.
    (someone.home / ".curlrc").write_text("fail-with-body\n", encoding="utf-8")
    shell = subprocess.Popen(
        ["bash", "-eu", "-c", script],
        cwd=directory,
        env={**someone.environment, "OPSTEPS_PORT": port},
        start_new_session=True,
    )
    code = shell.wait()
    if code:
        os.killpg(shell.pid, signal.SIGKILL)
    expect(code == 0, f"the README's commands ended with {code}")


def author(someone: Traveller) -> None:
    """From nothing to two releases and a package."""
    someone.opsteps("init", "market", "--name", "market", "--title", "Market")
    someone.opsteps("new", "hello-kit", "--author", "Ada")
    someone.opsteps("validate", "hello-kit")
    someone.opsteps("add", "hello-kit", "--registry", "market", "--actor", "ada")
    someone.opsteps("release", "hello-kit", "--registry", "market", "--actor", "ada")
    with_version(someone.home / "hello-kit", "1.1.0")
    someone.opsteps("add", "hello-kit", "--registry", "market", "--actor", "ada")
    someone.opsteps("release", "hello-kit", "--registry", "market", "--actor", "ada")
    someone.opsteps("verify", "--registry", "market")
    someone.opsteps("search", "hello", "--registry", "market")
    someone.opsteps("new", "upload-kit", "--author", "Ada")
    for version in ("1.0.0", "1.1.0"):
        with_version(someone.home / "upload-kit", version)
        someone.opsteps("add", "upload-kit", "--registry", "market", "--actor", "ada")
        someone.opsteps("release", "upload-kit", "--registry", "market", "--actor", "ada")
        someone.opsteps("package", "upload-kit", version, "--registry", "market")


def with_version(library: Path, version: str) -> None:
    """Another version of a library, as an author writes it."""
    manifest = json.loads((library / "manifest.json").read_text(encoding="utf-8"))
    manifest["version"] = version
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    (library / "manifest.json").write_text(text, encoding="utf-8")
    changelog = library / "docs/CHANGELOG.md"
    said = changelog.read_text(encoding="utf-8") if changelog.is_file() else "# Changelog\n"
    if f"## {version}" not in said:
        title, _, rest = said.partition("\n")
        changelog.write_text(f"{title}\n\n## {version}\n\nNew.\n{rest}", encoding="utf-8")


def operator(someone: Traveller) -> None:
    """Install over HTTP, by upload and by name; toggle, update, roll back, uninstall, verify."""
    someone.opsteps("init", "ours", "--name", "ours", "--title", "Ours")
    market = (someone.home / "market").as_uri()
    someone.opsteps("upstream", "add", "market", market, "--allow-private", "--registry", "ours")
    with someone.serving("ours") as server:
        answer = server.upload(someone.home / "upload-kit-1.0.0.zip")
        expect(answer["version"] == "1.0.0", f"the upload was answered with {answer}")
        named = {"library": "hello-kit", "range": "<1.1"}
        server.change("POST", "/api/v1/libraries/install", named)
        steps = server.get("/api/v1/steps?library=hello-kit")["steps"]
        expect(steps, "no step of the library that was installed by name")
        step, first = steps[0]["id"], steps[0]["version"]
        server.change("PUT", "/api/v1/libraries/hello-kit/toggle?enabled=false")
        expect(
            server.ask("GET", f"/api/v1/steps/{step}")[0] == HTTPStatus.NOT_FOUND,
            "it is off, and answers",
        )
        server.change("PUT", "/api/v1/libraries/hello-kit/toggle?enabled=true")
        server.change("POST", "/api/v1/libraries/hello-kit/update", {})
        expect(server.get(f"/api/v1/steps/{step}")["version"] == "1.1.0", "it was not updated")
        server.change("POST", "/api/v1/libraries/hello-kit/rollback", {"version": first})
        expect(server.get(f"/api/v1/steps/{step}")["version"] == first, "no way back")
        server.upload(someone.home / "upload-kit-1.1.0.zip")
        server.change("DELETE", "/api/v1/libraries/upload-kit?version=1.0.0")
        server.search("hello")
        server.change("DELETE", "/api/v1/libraries/hello-kit")
        expect(
            server.ask("GET", f"/api/v1/steps/{step}")[0] == HTTPStatus.NOT_FOUND,
            "uninstalled, and answers",
        )
    someone.opsteps("verify", "--registry", "ours")
    someone.opsteps("install", "./hello-kit", "--registry", "ours")
    someone.opsteps("toggle", "hello-kit", "--off", "--registry", "ours")
    someone.opsteps("uninstall", "hello-kit", "--registry", "ours")
    someone.opsteps("verify", "--registry", "ours")
    git = ["git", "clone", "--quiet", "ours", "clone"]
    subprocess.run(git, cwd=someone.home, env=someone.environment, check=True)
    someone.opsteps("verify", "--registry", "clone")


def many(someone: Traveller) -> None:
    """Validate more libraries than one process checks alone."""
    source = someone.home / "market/libraries/hello-kit/1.1.0"
    for number in range(MANY_LIBRARIES):
        name = f"copy-{number}"
        target = someone.home / "clone/libraries" / name / "1.1.0"
        shutil.copytree(source, target)
        manifest = target / "manifest.json"
        text = manifest.read_text(encoding="utf-8").replace('"hello-kit"', f'"{name}"')
        manifest.write_text(text, encoding="utf-8")
    someone.opsteps("validate", "clone")


def main(arguments: list[str]) -> int:
    bin_directory, home, page = (Path(argument).resolve() for argument in arguments)
    someone = Traveller(bin_directory, home)
    try:
        read_the_readme(someone, page)
        for part in (author, operator, many):
            part(someone)
    except JourneyError as error:
        say(f"failed: {error}")
        return 1
    say("good: an author's and an operator's journey")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
