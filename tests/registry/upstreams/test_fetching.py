"""Fetching: what goes on from what was trusted, and everything that does not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from registry.errors import LimitError
from registry.limits import Limits
from registry.names import CommitId
from registry.snapshots.registry import Registry
from registry.upstreams.address import parse_address
from registry.upstreams.declaration import Upstream, UpstreamAlias
from registry.upstreams.declaration_edit import trust_upstream
from registry.upstreams.errors import (
    UnreachableUpstreamError,
    UntrustedUpstreamError,
    UpstreamAddressError,
)
from registry.upstreams.fetch_limits import FetchLimits, reach_of
from registry.upstreams.fetched import Upstreams
from tests.registry.making import commit_all, files, git, put
from tests.registry.upstreams.git_over_http import HttpsHost, Redirecting, certificate
from tests.registry.upstreams.scene import BY, Scene

_PUB = UpstreamAlias("pub")


def _fetch(scene: Scene) -> CommitId:
    upstreams = scene.upstreams()
    return upstreams.fetch(upstreams.declared.get(_PUB))


def _tree(theirs: Registry) -> Path:
    git(theirs.path, "checkout", "-q", "-f", "HEAD")
    return theirs.path


def test_nothing_of_an_upstream_gets_among_our_refs_and_objects(
    scene: Scene, theirs: Registry
) -> None:
    ours = scene.registry.path
    refs = git(ours, "for-each-ref")
    put(theirs, files("new-tools", "1.0.0"))
    head = _fetch(scene)
    assert git(ours, "for-each-ref") == refs
    assert scene.registry.repository.object(head) is None


def test_a_fetch_is_remembered_with_its_head_and_time(scene: Scene, theirs: Registry) -> None:
    upstreams = scene.upstreams()
    state = upstreams.state(upstreams.declared.get(_PUB))
    assert state.head == theirs.head()
    assert state.is_known
    assert state.fetched_at is not None


def test_a_rewound_upstream_is_refused_and_what_was_fetched_stays(
    scene: Scene, theirs: Registry
) -> None:
    before = theirs.head()
    git(_tree(theirs), "reset", "-q", "--hard", "HEAD~1")
    with pytest.raises(UntrustedUpstreamError, match="is older than"):
        _fetch(scene)
    upstreams = scene.upstreams()
    state = upstreams.state(upstreams.declared.get(_PUB))
    assert state.head == before
    assert "is older than" in state.problem
    with pytest.raises(UnreachableUpstreamError, match="is older than"):
        upstreams.view(upstreams.declared.get(_PUB))


def test_a_rewritten_history_is_refused_until_somebody_says_that_it_was_meant(
    scene: Scene, theirs: Registry
) -> None:
    place = _tree(theirs)
    git(place, "commit", "-q", "--no-verify", "--amend", "-m", "rewritten")
    with pytest.raises(UntrustedUpstreamError, match="does not descend from"):
        _fetch(scene)
    trust_upstream(scene.registry, _PUB, theirs.head(), by=BY)
    assert _fetch(scene) == theirs.head()


def test_a_first_fetch_must_have_the_commit_that_the_registry_demands(
    scene: Scene, theirs: Registry
) -> None:
    scene.declare("other", theirs.path, trusted="1" * 40)
    upstreams = scene.upstreams()
    with pytest.raises(UntrustedUpstreamError, match="does not descend from 111111111111"):
        upstreams.fetch(upstreams.declared.get("other"))


def test_a_moved_release_tag_is_refused(scene: Scene, theirs: Registry) -> None:
    place = _tree(theirs)
    commit_all(place)
    git(place, "tag", "-f", "-a", "-m", "moved", "base-tools/v1.0.0")
    with pytest.raises(UntrustedUpstreamError, match=r"base-tools/v1\.0\.0 was moved"):
        _fetch(scene)


def test_a_repository_that_is_no_registry_is_refused(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    git(tmp_path / "plain", "init", "-q")
    commit_all(tmp_path / "plain")
    scene.declare("plain", tmp_path / "plain")
    upstreams = scene.upstreams()
    with pytest.raises(UntrustedUpstreamError, match=r"no registry\.yaml"):
        upstreams.fetch(upstreams.declared.get("plain"))


def test_a_file_larger_than_any_may_be_is_refused(scene: Scene, theirs: Registry) -> None:
    (_tree(theirs) / "bomb").write_bytes(b"\0" * 2_000_000)
    commit_all(theirs.path)
    small = Registry.open(scene.registry.path, limits=Limits(file_bytes=1_000_000))
    upstreams = Upstreams(small)
    with small, pytest.raises(LimitError, match="more than 1,000,000 bytes"):
        upstreams.fetch(upstreams.declared.get(_PUB))
    assert _fetch(scene) == theirs.head()


def test_more_than_may_be_fetched_at_once_is_refused(scene: Scene, theirs: Registry) -> None:
    (_tree(theirs) / "noise").write_bytes(os.urandom(3_000_000))
    commit_all(theirs.path)
    upstreams = scene.upstreams(FetchLimits(pack_bytes=1_000_000))
    with pytest.raises(UnreachableUpstreamError, match="cannot be fetched"):
        upstreams.fetch(upstreams.declared.get(_PUB))
    assert _fetch(scene) == theirs.head()


def test_an_upstream_that_never_answers_is_given_up(scene: Scene, tmp_path: Path) -> None:
    """Its ssh hangs; after the limit the whole group of programs is gone."""
    mark = tmp_path / "pid"
    programs = _fake_ssh(tmp_path, f"echo $$ > {mark}; exec sleep 1000")
    scene.declare("slow", "ssh://git@8.8.8.8/steps")
    upstreams = scene.upstreams(FetchLimits(seconds=1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        with pytest.raises(UnreachableUpstreamError, match="took longer than 1 s"):
            upstreams.fetch(upstreams.declared.get("slow"))
    assert _has_ended(int(mark.read_text()))


def _has_ended(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def _fake_ssh(tmp_path: Path, script: str) -> Path:
    programs = tmp_path / "programs"
    programs.mkdir()
    ssh = programs / "ssh"
    ssh.write_text(f"#!/bin/sh\n{script}\n")
    ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
    return programs


def test_over_ssh_only_the_address_that_was_judged_is_gone_to(
    scene: Scene, theirs: Registry, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    serve = f'exec git-upload-pack "{theirs.path}"'
    programs = _fake_ssh(tmp_path, f'printf "%s\\n" "$@" > {said}; {serve}')
    upstream = Upstream(alias=_PUB, address=parse_address("git@8.8.8.8:acme/steps.git"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        head = scene.upstreams().fetch(upstream)
    assert head == theirs.head()
    words = said.read_text().split()
    assert {"-oHostName=8.8.8.8", "-oHostKeyAlias=8.8.8.8", "-oBatchMode=yes"} <= set(words)


@pytest.mark.parametrize(
    "address",
    ["https://localhost/x", "https://127.0.0.1:8443/x", "https://169.254.169.254/x",
     "ssh://git@[::1]/x", "https://10.0.0.1/x", "https://[::ffff:127.0.0.1]/x"],
)  # fmt: skip
def test_a_private_address_is_refused_before_anything_is_sent(scene: Scene, address: str) -> None:
    upstream = Upstream(alias=_PUB, address=parse_address(address))
    with pytest.raises(UpstreamAddressError, match="in a private network"):
        scene.upstreams().fetch(upstream)


def test_a_host_is_asked_for_once_and_git_is_given_the_answer() -> None:
    upstream = Upstream(alias=_PUB, address=parse_address("https://8.8.8.8/x"))
    config = reach_of(upstream, FetchLimits()).config
    assert config["http.curloptResolve"] == "8.8.8.8:443:8.8.8.8"
    assert config["http.followRedirects"] == "false"
    assert not config["http.proxy"]


def test_a_redirect_is_not_followed(scene: Scene) -> None:
    """Not even where the first address is allowed: it must be declared as what it is."""
    with Redirecting() as inner, Redirecting(to=f"{inner.url}/secret") as outer:
        upstream = Upstream(
            alias=_PUB, address=parse_address(f"{outer.url}/steps.git"), allow_private=True
        )
        with pytest.raises(UnreachableUpstreamError, match="redirects to another address"):
            scene.upstreams().fetch(upstream)
        assert outer.asked
        assert not inner.asked


def test_a_private_upstream_over_https_gets_its_token_and_nobody_else_sees_it(
    scene: Scene, theirs: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "glpat-very-secret"
    found = certificate(tmp_path)
    git(theirs.path, "update-server-info")
    with HttpsHost(theirs.path, found, token=token) as host:
        scene.declare("private-one", f"https://localhost:{host.port}/.git")
        upstreams = scene.upstreams()
        upstream = upstreams.declared.get("private-one")
        monkeypatch.setenv("OPSTEPS_UPSTREAM_CA_FILE", str(found.authority))
        with pytest.raises(UnreachableUpstreamError) as caught:
            upstreams.fetch(upstream)
        assert token not in str(caught.value)
        monkeypatch.setenv("OPSTEPS_UPSTREAM_PRIVATE_ONE_TOKEN", token)
        assert upstreams.fetch(upstream) == theirs.head()
    kept = [path for path in scene.registry.state_directory.rglob("*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in kept)
    assert token not in repr(reach_of(upstream, FetchLimits()))
