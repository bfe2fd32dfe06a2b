"""``python -m benchmarks.costs``: what one request of each route can cost at most.

A server with default settings, whose catalogue is built, over a registry near every limit; each
request alone, and each figure the greatest of the requests that are tried for the route.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import orjson

from benchmarks import content, machine, processes, serving, worst_content
from benchmarks.worst_content import NAME, STEP, STEPS_EACH, VERSIONS

DOCS = Path(__file__).resolve().parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- costs: begin -->\n", "<!-- costs: end -->\n"
PAGE = "GET a page of the catalogue"
_JSON = {"Content-Type": "application/json"}
_BOUNDARY = "a-boundary-of-a-form"
_LOOK_SECONDS = 0.005
_PATIENCE_SECONDS = 300.0
_BUILT_SECONDS = 300.0
_STEADY_SECONDS = 90.0
_AFTER_READ_SECONDS = 3.0
# Built beforehand, also where others leave no processor idle.
_BUILDS = {"build_niceness": "0"}
_LIBRARY = f"/api/v1/libraries/{NAME}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request that is dear: ``route`` as the OpenAPI document has it."""

    route: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """GET and the like."""
        return self.route.partition(" ")[0]


def _json_request(route: str, path: str, value: object) -> Request:
    return Request(route=route, path=path, body=orjson.dumps(value), headers=_JSON)


def _get(route: str, query: str = "") -> Request:
    path = route.replace("{library}", NAME).replace("{step}", STEP)
    return Request(route=f"GET {route}", path=path + query)


def reads() -> list[Request]:
    """In this order: what is remembered of one request is not to make the next one cheap."""
    names = [content.library(number, steps=STEPS_EACH).name for number in range(99)]
    requirements = [f"{NAME}>=1.0", *(f"{name}>=1.0,<2" for name in names)]
    return [
        _get("/health"),
        _get("/metrics"),
        _get("/api/v1/libraries"),
        _get("/api/v1/libraries", "?enabled_only=true"),
        _get("/api/v1/libraries", "?limit=1000"),
        _get("/api/v1/libraries/{library}"),
        _get("/api/v1/libraries/{library}/versions"),
        _get("/api/v1/libraries/{library}/dependents"),
        _get("/api/v1/libraries/{library}/diff", f"?old={VERSIONS[0]}&new={VERSIONS[1]}"),
        _get("/api/v1/libraries/{library}/docs"),
        _get("/api/v1/steps"),
        _get("/api/v1/steps", "?category=file"),
        _get("/api/v1/steps", f"?library={NAME}"),
        _get("/api/v1/steps", "?limit=1000"),
        _get("/api/v1/steps/{step}"),
        _get("/api/v1/steps/{step}", f"@{VERSIONS[0]}"),
        _get("/api/v1/search", "?q=" + "+".join(["what", "sets", "do"] * 14) + "&limit=100"),
        _get("/api/v1/search", "?q=s&limit=100"),
        _json_request(
            "POST /api/v1/resolve", "/api/v1/resolve", {"requirements": [f"{NAME}>=1.0"]}
        ),
        _json_request("POST /api/v1/resolve", "/api/v1/resolve", {"requirements": requirements}),
        _get("/api/v1/upstreams"),
        _get("/api/v1/available"),
        _get("/api/v1/events"),
        _get("/api/v1/audit", "?actor=nobody&limit=1000"),
        _get("/api/v1/audit", "?limit=1000"),
        _get("/api/v1/security-events", "?limit=1000"),
        _get("/api/v1/analytics/usage"),
        _get("/api/v1/performance"),
        Request(route=PAGE, path="/"),
        Request(route=PAGE, path=f"/libraries/{NAME}/"),
    ]


def changes() -> list[Request]:
    """What changes the registry, ending with the library gone."""
    installed = worst_content.packed(worst_content.files("worst-upload", "1.0.0"))
    version = {"version": VERSIONS[0]}
    install = "POST /api/v1/libraries/install"
    toggle, delete = (f"{method} /api/v1/libraries/{{library}}" for method in ("PUT", "DELETE"))
    return [
        Request(
            route=install,
            path="/api/v1/libraries/install",
            body=_form(installed),
            headers={"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"},
        ),
        _json_request(install, "/api/v1/libraries/install", {"library": "nowhere"}),
        Request(route=f"{toggle}/toggle", path=f"{_LIBRARY}/toggle?enabled=false"),
        Request(route=f"{toggle}/toggle", path=f"{_LIBRARY}/toggle?enabled=true"),
        _json_request(f"{toggle}/pin", f"{_LIBRARY}/pin", version),
        _json_request(f"{toggle}/pin", f"{_LIBRARY}/pin", {"version": None}),
        _json_request("POST /api/v1/libraries/{library}/rollback", f"{_LIBRARY}/rollback", version),
        _json_request("POST /api/v1/libraries/{library}/update", f"{_LIBRARY}/update", {}),
        Request(route="POST /api/v1/upstreams/update", path="/api/v1/upstreams/update"),
        Request(route="POST /api/v1/cache/clear", path="/api/v1/cache/clear"),
        Request(route=delete, path=_LIBRARY),
    ]


def _form(packed: bytes) -> bytes:
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    return head.encode() + packed + f"\r\n--{_BOUNDARY}--\r\n".encode()


@dataclass(kw_only=True, slots=True)
class Cost:
    """The greatest figures of a route's requests."""

    statuses: list[int] = field(default_factory=list)
    sent: int = 0
    answer: int = 0
    memory_mb: float = 0.0
    seconds: float = 0.0

    def add(self, status: int, sent: int, answer: int, memory_mb: float, seconds: float) -> None:
        """One request more."""
        if status not in self.statuses:
            self.statuses.append(status)
        self.sent, self.answer = max(self.sent, sent), max(self.answer, answer)
        self.memory_mb = max(self.memory_mb, memory_mb)
        self.seconds = max(self.seconds, seconds)


def measure(workdir: Path) -> dict[str, Cost]:
    """Ask for everything once; by route."""
    registry = workdir / "registry"
    worst_content.make_registry(registry)
    found: dict[str, Cost] = {}
    with serving.serving(registry, workdir, settings=_BUILDS) as server:
        server.wait_until_steady(seconds=_BUILT_SECONDS)
        # What is opened once, by whoever asks first, is not what a request costs.
        server.get("/metrics")
        server.get("/api/v1/search?q=file")
        server.wait_until_steady(seconds=_STEADY_SECONDS)
        for request in [*reads(), *changes()]:
            sys.stderr.write(f"{request.route} {request.path[:100]}\n")
            cost = found.setdefault(request.route, Cost())
            with _watched(server.pid) as memory:
                started = time.monotonic()
                status, size = _ask(server.port, request)
                seconds = time.monotonic() - started
            cost.add(status, len(request.body), size, memory.extra_mb, seconds)
            is_read = request.method == "GET" or request.route == "POST /api/v1/resolve"
            server.wait_until_steady(seconds=_AFTER_READ_SECONDS if is_read else _STEADY_SECONDS)
    return found


def _ask(port: int, request: Request) -> tuple[int, int]:
    """The status, and the bytes of the answer; of a stream the first ones."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request(
            request.method,
            request.path,
            body=request.body or None,
            headers={"Host": f"localhost:{port}", **request.headers},
        )
        answer = connection.getresponse()
        if request.path == "/api/v1/events":
            return answer.status, len(answer.read1(1 << 16))
        return answer.status, len(answer.read())
    finally:
        connection.close()


@dataclass(kw_only=True, slots=True)
class _Memory:
    """Resident memory of a server's processes together: before, and the most since."""

    before: float
    most: float = 0.0

    @property
    def extra_mb(self) -> float:
        """What came on top."""
        return max(0.0, self.most - self.before)


def _resident_mb(pid: int) -> float:
    """Of a server and its processes; one that has not become another program yet shares memory."""
    own = _command_line(pid)
    pages = 0
    for process in processes.family(pid):
        if process == pid or _command_line(process) != own:
            with suppress(OSError):
                pages += int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _command_line(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextmanager
def _watched(pid: int) -> Iterator[_Memory]:
    memory = _Memory(before=_resident_mb(pid))
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_SECONDS):
            memory.most = max(memory.most, _resident_mb(pid))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield memory
    finally:
        ended.set()
        looking.join()


def markdown(costs: Mapping[str, Cost]) -> str:
    """The table, a row for each route."""
    rows = [
        f"Measured on: {machine.describe()}",
        "",
        "| request | status | sent, bytes | answer, bytes | memory, MB | time, s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for route, cost in costs.items():
        statuses = ", ".join(map(str, cost.statuses))
        rows.append(
            f"| `{route}` | {statuses} | {cost.sent:,} | {cost.answer:,} | {cost.memory_mb:,.0f} "
            f"| {cost.seconds:.2f} |"
        )
    return "\n".join(rows) + "\n"


def main() -> int:
    """Measure, print, and with ``--write-docs`` put the table into docs/security.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("--write-docs", action="store_true", help="put it into docs/security.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="opsteps-costs-", ignore_cleanup_errors=True) as path:
        table = markdown(measure(Path(path)))
    print(table, end="")
    if options.write_docs:
        text = DOCS.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCS.write_text(f"{before}{BEGIN}{table}{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
