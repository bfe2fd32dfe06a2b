"""What was served is remembered: a change is an alarm, and what was served goes on being served."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.snapshots.cache_place import cache_directory
from registry.trust.trusted_head import trusted_path
from tests.installed import opsteps
from tests.server.real_server import Client, Place, making_place, serving, step, until

_QUICK: dict[str, Any] = {
    "poll_seconds": 0.02,
    "settle_seconds": 0,
    "tags_check_seconds": 0.05,
    "upstream_check_seconds": 0,
}
_COPY = "/api/v1/steps/alpha.file.copy"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``alpha`` 1.0.0 and 2.0.0, ``beta`` 1.0.0."""
    with making_place(tmp_path_factory.mktemp("remembered") / "registry") as place:
        place.publish("alpha", "1.0.0", [step("file.copy"), step("file.move")])
        place.publish("alpha", "2.0.0", [step("file.copy")])
        place.publish("beta", "1.0.0")
        yield place.path


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Iterator[Place]:
    shutil.copytree(made, tmp_path / "registry")
    from registry.snapshots.registry import Registry

    with Registry.open(tmp_path / "registry") as registry:
        yield Place(path=registry.path, registry=registry)


def _sick(client: Client, words: str) -> str:
    """What ``/health`` says, once it says this."""

    def said() -> str:
        health = client.health()
        return " | ".join([*health["alarms"], health["problem"]])

    until(lambda: words in said())
    assert client.health()["status"] == "degraded"
    return said()


def _healthy(client: Client) -> None:
    until(lambda: client.health()["status"] == "healthy")


def _obey(place: Place, advice: str, command: str) -> None:
    """Run the command of this name that an advice quotes."""
    quoted = re.findall(r"'([^']+)'", advice)
    line = next(one for one in quoted if one.startswith(command))
    program, *arguments = shlex.split(line)
    if program == "git":
        place.git(*arguments)
    else:
        opsteps(place.path, *arguments)


def _version(client: Client) -> Any:
    return client.get(_COPY).json()["version"]


def _poison(place: Place) -> None:
    """Other bytes under a released number, and ledger and tag made to agree."""
    from registry.library.digest import release_digest

    directory = place.path / "libraries/alpha/2.0.0"
    file = directory / "steps/file_copy.json"
    file.write_text(file.read_text().replace("File Copy", "EVIL File"))
    files = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }
    digest = release_digest(files)
    facts = place.path / "libraries/alpha/library.yaml"
    old = place.git("tag", "-l", "--format=%(contents)", "alpha/v2.0.0")
    was = re.search(r"Digest: sha256:([0-9a-f]{64})", old)
    assert was is not None
    facts.write_text(facts.read_text().replace(was[1], digest))
    place.git("add", "-A")
    place.git("commit", "-q", "--no-verify", "-m", "Edit")
    tree = place.git("rev-parse", "HEAD:libraries/alpha/2.0.0")
    message = re.sub(r"Tree: .*", f"Tree: {tree}", old.replace(was[1], digest))
    place.git("tag", "-f", "-a", "-m", message, "alpha/v2.0.0")


def test_other_bytes_under_a_served_number_are_never_served_and_a_person_may_accept_them(
    place: Place,
) -> None:
    with serving(place.path, **_QUICK) as client:
        served = client.get(_COPY).body
        _poison(place)
        said = _sick(client, "alpha: release 2.0.0: its tag is not the one that was served")
        assert client.get(_COPY).body == client.get(f"{_COPY}@2.0.0").body == served
        assert b"EVIL" not in client.get("/api/v1/libraries/alpha").body
    shutil.rmtree(cache_directory(place.registry))  # nothing but what was remembered
    with serving(place.path, **_QUICK) as client:
        _sick(client, "its tag is not the one that was served")
        assert client.get(_COPY).body == client.get(f"{_COPY}@2.0.0").body == served
        shown = opsteps(place.path, "show", "alpha", "--json")
        assert '"2.0.0"' in shown
        _obey(place, said, "opsteps trust")
        _healthy(client)
        assert b"EVIL" in client.get(_COPY).body
        metrics = client.get("/metrics").body
        assert b"opsteps_alarms 0.0" in metrics


def test_a_tag_that_is_gone_changes_no_answer_and_the_alarm_says_how_to_put_it_back(
    place: Place,
) -> None:
    with serving(place.path, **_QUICK) as client:
        served = client.get(_COPY).body
        place.git("tag", "-d", "alpha/v2.0.0")
        said = _sick(client, "2.0.0: it was served, and its tag is gone")
        assert client.get(_COPY).body == served
        until(lambda: b"opsteps_alarms 1.0" in client.get("/metrics").body)
        _obey(place, said, "git tag -f alpha/v2.0.0")
        _healthy(client)
        assert client.get(_COPY).body == served


def test_a_library_that_went_without_being_uninstalled_goes_on_being_served(place: Place) -> None:
    with serving(place.path, **_QUICK) as client:
        served = client.get("/api/v1/steps/beta.file.copy").body
        place.git("rm", "-rq", "libraries/beta")
        place.git("commit", "-q", "--no-verify", "-m", "Delete")
        said = _sick(client, "nothing says that it was uninstalled")
        assert client.get("/api/v1/steps/beta.file.copy").body == served
    with serving(place.path, **_QUICK) as client:
        _sick(client, "nothing says that it was uninstalled")
        assert client.get("/api/v1/steps/beta.file.copy").body == served
        _obey(place, said, "opsteps trust")
        until(lambda: client.get("/api/v1/steps/beta.file.copy").status == 404)


def test_a_first_start_without_the_newest_tag_serves_nothing_older_in_its_place(
    place: Place,
) -> None:
    tag = place.git("rev-parse", "alpha/v2.0.0")
    place.git("tag", "-d", "alpha/v2.0.0")
    with serving(place.path, **_QUICK) as client:
        answer = client.get(_COPY)
        assert answer.status == 503
        assert "2.0.0" in answer.body.decode()
        assert "no tag" in answer.body.decode()
        assert client.get(f"{_COPY}@1.0.0").status == 200
        assert client.get("/api/v1/steps/beta.file.copy").status == 200
        assert client.get("/api/v1/libraries/alpha").json()["status"] == "error"
        assert "alpha" not in client.get("/api/v1/steps").json()["libraries"]
        assert "nothing older is served" in opsteps(place.path, "show", "alpha")
        place.git("update-ref", "refs/tags/alpha/v2.0.0", tag)
        _healthy(client)
        assert _version(client) == "2.0.0"


def test_a_head_that_goes_back_is_not_followed_until_a_person_accepts_it(place: Place) -> None:
    head = place.git("rev-parse", "HEAD")
    toggle = "/api/v1/libraries/alpha/toggle?enabled=false"
    with serving(place.path, **_QUICK) as client:
        client.until_served(head)
        place.git("reset", "-q", "--hard", "HEAD~1")
        _sick(client, "the head went back by 1 commit")
        refused = client.ask("PUT", toggle)
        assert refused.status == 409
        assert "went back by 1 commit" in refused.body.decode()
        assert client.get("/api/v1/steps/beta.file.copy").status == 200
        place.git("merge", "-q", head)
        _healthy(client)
        place.git("reset", "-q", "--hard", "HEAD~1")
        said = _sick(client, "the head went back by 1 commit")
    with serving(place.path, **_QUICK) as client:
        assert client.health()["commit"] == head
        _sick(client, "the head went back by 1 commit")
        _obey(place, said, "opsteps trust")
        said = _sick(client, "its ledger entry is gone")
        client.until_served(place.git("rev-parse", "HEAD"))
        _obey(place, said, "opsteps trust")
        until(lambda: client.get("/api/v1/steps/beta.file.copy").status == 404)
        assert client.ask("PUT", toggle).status == 200


def test_head_on_another_branch_changes_nothing_and_no_change_lands_there(place: Place) -> None:
    with serving(place.path, **_QUICK) as client:
        _healthy(client)
        place.git("switch", "-q", "-c", "other")
        place.operator_says("beta", "enabled: false\n")
        said = _sick(client, "HEAD has left refs/heads/main")
        refused = client.ask("PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
        assert refused.status == 409
        assert "HEAD has left refs/heads/main" in refused.body.decode()
        assert client.get("/api/v1/steps/beta.file.copy").status == 200
        place.git("switch", "-q", "--detach", "main")
        _sick(client, "for no branch")
        _obey(place, said, "git switch")
        _healthy(client)
        place.git("switch", "-q", "other")
    with serving(place.path, branch="main", **_QUICK) as client:
        assert "opsteps trust" not in _sick(client, "HEAD has left refs/heads/main")
        assert client.get("/api/v1/steps/beta.file.copy").status == 200
    with serving(place.path, **_QUICK) as client:
        _obey(place, _sick(client, "HEAD has left refs/heads/main"), "opsteps trust")
        _healthy(client)
        assert client.get("/api/v1/steps/beta.file.copy").status == 404


def test_plain_work_with_git_is_no_alarm(place: Place) -> None:
    with serving(place.path, **_QUICK) as client:
        client.until_served(place.operator_says("beta", "enabled: false\n"))
        place.git("switch", "-q", "-c", "side")
        place.operator_says("alpha", "enabled: false\n")
        place.git("switch", "-q", "main")
        place.commit_file("NOTES.md", "x\n")
        place.git("merge", "-q", "--no-edit", "side")
        client.until_served(place.git("rev-parse", "HEAD"))
        place.git("gc", "-q", "--prune=now")
        until(lambda: client.health()["status"] == "healthy")
        assert client.get(_COPY).status == 404


def test_a_damaged_file_of_what_is_trusted_stops_no_lookup(place: Place) -> None:
    with serving(place.path, **_QUICK) as client:
        served = client.get(_COPY).body
    trusted_path(place.registry).write_text("{")
    with serving(place.path, **_QUICK) as client:
        assert client.get(_COPY).body == served
        said = _sick(client, "the last trusted head cannot be read")
        refused = client.ask("PUT", "/api/v1/libraries/alpha/toggle?enabled=false")
        assert refused.status >= 400
        place.commit_file("NOTES.md", "x\n")
        _obey(place, said.replace("COMMIT", "HEAD"), "opsteps trust")
        _healthy(client)
        client.until_served(place.git("rev-parse", "HEAD"))


def test_what_is_remembered_survives_a_torn_write_and_says_when_it_is_damaged(
    place: Place,
) -> None:
    with serving(place.path, **_QUICK) as client:
        client.until_served(place.publish("gamma", "1.0.0"))
    log = place.registry.state_directory / "served.log"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[21:60])
    place.git("tag", "-d", "gamma/v1.0.0")
    with serving(place.path, **_QUICK) as client:
        _sick(client, "gamma: release 1.0.0: it was served, and its tag is gone")
    log.write_bytes(whole[:50] + b"\xff" + whole[51:])
    with serving(place.path, **_QUICK) as client:
        said = _sick(client, "what was served cannot be read: damaged at byte")
        _obey(place, said, "opsteps trust")
        until(lambda: "cannot be read" not in str(client.health()["alarms"]))
