"""host.ping, with the summaries that different systems print."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "executors"))

from host_ping import arguments, statistics
from support import call, ok, refused

LINUX = """PING localhost (127.0.0.1) 56(84) bytes of data.
64 bytes from 127.0.0.1: icmp_seq=1 ttl=64 time=0.031 ms

--- localhost ping statistics ---
4 packets transmitted, 3 received, 25% packet loss, time 3061ms
rtt min/avg/max/mdev = 0.031/0.042/0.051/0.007 ms
"""
LINUX_ERRORS = """--- 192.0.2.1 ping statistics ---
2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1001ms
"""
BUSYBOX = """--- localhost ping statistics ---
4 packets transmitted, 4 packets received, 0% packet loss
round-trip min/avg/max = 0.043/0.061/0.085 ms
"""
MACOS = """--- localhost ping statistics ---
4 packets transmitted, 4 packets received, 0.0% packet loss
round-trip min/avg/max/stddev = 0.043/0.061/0.085/0.016 ms
"""
WINDOWS = """Ping statistics for 127.0.0.1:
    Packets: Sent = 4, Received = 2, Lost = 2 (50% loss),
Approximate round trip times in milli-seconds:
    Minimum = 1ms, Maximum = 4ms, Average = 2ms
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LINUX, (4, 3, 25.0, 0.031, 0.042, 0.051)),
        (LINUX_ERRORS, (2, 0, 100.0, None, None, None)),
        (BUSYBOX, (4, 4, 0.0, 0.043, 0.061, 0.085)),
        (MACOS, (4, 4, 0.0, 0.043, 0.061, 0.085)),
        (WINDOWS, (4, 2, 50.0, 1.0, 2.0, 4.0)),
    ],
)
def test_every_systems_summary_is_read(text: str, expected: tuple[Any, ...]) -> None:
    assert tuple(statistics(text, "localhost").values()) == expected


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", ["-n", "-c", "3", "-W", "2", "host"]),
        ("darwin", ["-n", "-c", "3", "-W", "1500", "host"]),
        ("win32", ["-n", "3", "-w", "1500", "host"]),
    ],
)
def test_every_system_is_asked_in_its_units(platform: str, expected: list[str]) -> None:
    assert arguments("host", 3, 1.5, platform) == expected


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Put a ping command of our own in front of the system's."""
    script = directory / "ping"
    script.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))


unix = pytest.mark.skipif(os.name == "nt", reason="needs scripts that can be run")


@unix
def test_the_command_is_run_and_its_answer_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, f"assert sys.argv[-1] == 'localhost'\nprint({LINUX!r})")
    assert ok("host.ping", {"host": "localhost"})["received"] == 3
    error = refused("host.ping", {"host": "localhost", "max_loss_percent": 10})
    assert error == "25 % of the answers were lost"


@unix
def test_silence_and_refusal_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, f"print({LINUX_ERRORS!r})\nsys.exit(1)")
    result = call("host.ping", {"host": "192.0.2.1", "max_loss_percent": 100})
    assert result["error"] == "192.0.2.1 did not answer"
    assert result["output"]["loss_percent"] == 100
    install(tmp_path, monkeypatch, "sys.exit('ping: x: Name or service not known')")
    assert "Name or service not known" in refused("host.ping", {"host": "x"})


@unix
def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "sys.stdin = None\ntime.sleep(60)")
    error = refused("host.ping", {"host": "localhost"}, {"deadline": 0.3})
    assert "did not finish" in error


def test_a_machine_without_the_command_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no ping command" in refused("host.ping", {"host": "localhost"})


@pytest.mark.skipif(shutil.which("ping") is None, reason="needs the system's ping")
def test_the_systems_own_ping_is_understood() -> None:
    result = call("host.ping", {"host": "127.0.0.1", "count": 1})
    assert result["success"] or "127.0.0.1" in result["error"]
