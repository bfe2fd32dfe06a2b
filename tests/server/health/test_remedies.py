"""What `/health` says to do about each reason to be degraded, obeyed on a real server."""

from __future__ import annotations

import re

from server.health.remedies import MENDS, Trouble
from tests.installed import opsteps
from tests.server.real_server import Place, serving, until


def test_every_reason_to_be_degraded_names_a_command() -> None:
    assert set(MENDS) == set(Trouble)
    for advice in MENDS.values():
        assert re.search(r"'(opsteps|git) [^']+'", advice), advice


def test_what_health_says_mends_it(place: Place) -> None:
    with serving(
        place.path, "--no-catalogue", edits_check_seconds=0.1, tags_check_seconds=0.1
    ) as client:
        assert client.health()["next_steps"] == []
        place.git("commit", "-q", "--amend", "--no-verify", "-m", "nicer")
        (place.path / "registry.yaml").write_text("name: edited\n")
        until(lambda: len(client.health()["next_steps"]) == 2)
        moved, edits = client.health()["next_steps"]
        assert "'git restore FILE'" in edits
        place.git("restore", "registry.yaml")
        assert "'opsteps repair'" in moved
        assert "'opsteps trust HEAD'" in moved
        said = opsteps(place.path, "repair", "--yes", expect=1)
        assert "'opsteps trust HEAD'" in said
        opsteps(place.path, "trust", "HEAD")
        opsteps(place.path, "repair", "--yes")
        until(lambda: client.health()["status"] == "healthy")
        assert client.get("/api/v1/steps/beta.net.ping").status == 200
        # A head that went back: health, verify and repair say so, and what they say brings it back.
        place.git("reset", "-q", "--hard", "HEAD~2")
        until(lambda: client.health()["problem"])
        said = opsteps(place.path, "repair", expect=1)
        (commit,) = set(re.findall("git merge ([0-9a-f]{40})", said))
        assert f"'git merge {commit[:12]}'" in client.health()["problem"]
        place.git("merge", "-q", commit)
        until(lambda: client.health()["status"] == "healthy")


def test_tags_of_a_library_that_the_head_lacks_are_said_by_health_and_verify(place: Place) -> None:
    place.git("reset", "-q", "--hard", "HEAD~2")
    with serving(place.path, "--no-catalogue") as client:
        until(lambda: any("'opsteps repair'" in text for text in client.health()["warnings"]))
    assert "1 tags are of releases" in opsteps(place.path, "verify")
