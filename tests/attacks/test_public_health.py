"""What everybody is told of a server does not say where its files lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.advice import without_paths
from tests.server.real_server import making_place, serving, until


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/srv/steps.git: it is damaged", "…/steps.git: it is damaged"),
        ("cannot read '/home/ada/a b/x'", "cannot read '…/a b/x'"),
        ("ask GET /api/v1/audit, or https://a.example/b/c", None),
        ("libraries/a/1.0.0/manifest.json: error", None),
    ],
)
def test_paths_are_cut_and_nothing_else(text: str, shown: str | None) -> None:
    assert without_paths(text) == (shown or text)


def test_known_paths_may_have_blanks() -> None:
    assert without_paths("in /srv/my steps/r: no", "/srv/my steps/r") == "in …/r: no"


def test_health_of_a_troubled_server_shows_no_path(tmp_path: Path) -> None:
    root = tmp_path / "secret place"
    root.mkdir()
    with making_place(root / "registry") as made:
        made.publish("alpha", "1.0.0")
        with serving(made.path) as client:
            (made.path / "registry.yaml").write_text("- no facts\n")
            made.git("commit", "--quiet", "--no-verify", "-am", "Break it")
            (made.path / ".git/opsteps/trusted.json").write_text("{")
            until(lambda: client.health()["status"] == "degraded")
            said = client.get("/health").body.decode()
    assert str(tmp_path) not in said
    assert "secret place" not in said
