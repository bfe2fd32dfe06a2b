import json
import signal
import subprocess
from pathlib import Path

import pytest

from server.errors import SettingsError
from server.observing.log_lines import TextLines
from server.observing.log_setup import configure_logging
from tests.installed import command
from tests.registry.making import files, new_registry, put


def line(**event: object) -> str:
    return TextLines(coloured=False)(None, "info", dict(event))


def test_an_event_is_one_short_line() -> None:
    text = line(
        level="warning", timestamp="2026-01-31T12:00:00Z", event="not served", commit="0c3d", n=3,
        reason="it is not whole", nothing=None,
    )  # fmt: skip
    assert text.endswith('warning not served  commit=0c3d  n=3  reason="it is not whole"')
    assert "nothing" not in text


def test_strangers_neither_move_the_cursor_nor_begin_a_line() -> None:
    text = line(
        event="a\x1b[2J\nb", name="\x1b]0;x\x07\r\n", path={"\n": "\u202e"}, long="x" * 9_999
    )
    assert text.isprintable()
    assert len(text) < 1_000


def test_an_exception_is_its_kind_and_words() -> None:
    trouble = [{"exc_type": "OSError", "exc_value": "disk full", "frames": []}]
    assert 'exception="OSError: disk full"' in line(event="failed", exception=trouble)


def test_colour_is_the_level() -> None:
    assert "\x1b[33m" in TextLines(coloured=True)(None, "warning", {"event": "x"})


def test_another_format_is_refused() -> None:
    with pytest.raises(SettingsError, match="log format"):
        configure_logging("info", "xml")


@pytest.mark.parametrize(("form", "is_json"), [("text", False), ("json", True), (None, True)])
def test_serve_logs_as_it_was_asked(tmp_path: Path, form: str | None, is_json: bool) -> None:
    registry = new_registry(tmp_path / "steps")
    put(registry, files())
    registry.close()
    options = ["--log-format", form] if form else []
    with subprocess.Popen(
        command("serve", tmp_path / "steps", "--port", "0", "--no-catalogue", *options),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        assert server.stderr is not None
        assert server.stdout.readline().startswith("Serving ")
        server.send_signal(signal.SIGTERM)
        lines = server.stderr.read().splitlines()
    stopping = next(text for text in lines if "stopping" in text)
    if is_json:
        assert json.loads(stopping)["event"] == "stopping"
    else:
        assert stopping.endswith("info    stopping")
        assert "\x1b" not in stopping
