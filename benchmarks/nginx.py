"""The real nginx with one worker, serving given bytes as a file: the peer of every lookup."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import processes

_CONFIGURATION = """\
daemon off;
{user}worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_timeout 300s;
    keepalive_requests 1000000000;
    client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
    uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
    types {{ text/html html; text/css css; text/javascript js; image/svg+xml svg; }}
    default_type application/json;
    server {{
        listen 127.0.0.1:{port};
        root {root}/files;
    }}
}}
"""
_START_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Nginx:
    """A running nginx: its port, its process and the path of the file it serves."""

    port: int
    pid: int
    path: str


@contextlib.contextmanager
def serving(workdir: Path, content: bytes) -> Iterator[Nginx]:
    """Run nginx over one file that holds ``content``; raises BenchmarkError when it cannot.

    Whatever else is in ``nginx/files`` below ``workdir`` is served, too.
    """
    program = processes.program("nginx", "nginx-light")
    root = workdir / "nginx"
    (root / "files").mkdir(parents=True, exist_ok=True)
    (root / "files" / "answer.json").write_bytes(content)
    port = processes.free_port()
    user = "user root;\n" if os.geteuid() == 0 else ""  # its worker must reach a private directory
    configuration = root / "nginx.conf"
    text = _CONFIGURATION.format(root=root, port=port, user=user)
    configuration.write_text(text, encoding="utf-8")
    log = root / "stderr.log"
    command = [program, "-p", str(root), "-e", str(root / "error.log"), "-c", str(configuration)]
    with processes.running(command, log=log) as process:
        request = processes.get_request("/answer.json")
        processes.wait_until_answers(process, port, request, seconds=_START_SECONDS, log=log)
        yield Nginx(port=port, pid=process.pid, path="/answer.json")


def version() -> str:
    """Such as ``nginx 1.22.1``."""
    program = processes.program("nginx", "nginx-light")
    done = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)
    return done.stderr.strip().rpartition(" ")[2].replace("/", " ")
