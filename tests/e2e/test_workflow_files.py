"""What the workflow files of a new registry may and may not say, whatever their commands do."""

import re
from typing import Any

import pytest

from registry.publishing.registry_template.files import Host, NewRegistry, registry_files
from tests.e2e.workflow_running import INSTALLS, parse

PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}\Z")
FILES = {
    "github": ".github/workflows/registry.yml",
    "attest": ".github/workflows/attest.yml",
    "gitlab": ".gitlab-ci.yml",
}
every_host = pytest.mark.parametrize("host", list(FILES))


def text_of(host: str) -> str:
    new = NewRegistry(name="steps", title="Steps", url="https://x.example", hosts=tuple(Host))
    return registry_files(new)[FILES[host]].decode()


def workflow(host: str) -> dict[str, Any]:
    return parse(text_of(host))


def test_github_a_strangers_job_can_read_and_nothing_else() -> None:
    read = workflow("github")
    assert set(read["on"]) == {"pull_request", "push"}
    assert read["permissions"] == {}
    job = read["jobs"]["validate"]
    assert job["permissions"] == {"contents": "read"}
    assert job["if"] == "github.event_name == 'pull_request'"
    assert "environment" not in job
    assert "secrets." not in str(job)
    assert job["steps"][0]["with"]["persist-credentials"] is False


def github_jobs() -> dict[str, Any]:
    read = workflow("github"), workflow("attest")
    return {name: job for file in read for name, job in file["jobs"].items()}


def test_github_no_jobs_own_token_may_write_to_the_repository() -> None:
    jobs = github_jobs()
    writing = {
        name: {scope for scope, level in job["permissions"].items() if level == "write"}
        for name, job in jobs.items()
    }
    assert writing == {
        "validate": set(),
        "release": set(),
        "attest": set(),
        "catalogue": set(),
        "pages": {"pages", "id-token"},
    }
    for name in ("release", "attest"):
        assert jobs[name]["environment"] == "release"
        assert jobs[name]["concurrency"] == {
            "group": "registry-release",
            "cancel-in-progress": False,
        }
        assert "pull_request" not in jobs[name]["if"]
    secret = {name for name, job in jobs.items() if "secrets." in str(job)}
    assert secret == {"release", "attest"}
    keyed = {name for name, job in jobs.items() if "ssh-key" in job["steps"][0].get("with", {})}
    assert keyed == secret
    # Whatever else depends on a job that a pull request skips is skipped with it.
    assert (jobs["catalogue"]["needs"], jobs["pages"]["needs"]) == ("release", "catalogue")


def test_github_a_schedule_that_stops_stops_nothing_else() -> None:
    """GitHub turns off the whole file of a schedule, and by itself, in a quiet repository."""
    assert set(workflow("attest")["on"]) == {"schedule", "workflow_dispatch"}
    assert set(workflow("attest")["jobs"]) == {"attest"}
    assert workflow("attest")["permissions"] == {}
    assert workflow("attest")["jobs"]["attest"]["if"] == "github.ref == 'refs/heads/main'"


def test_github_scripts_hold_no_expression_and_actions_are_pinned() -> None:
    text = text_of("github") + text_of("attest")
    assert "pull_request_target" not in text
    for job in github_jobs().values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
            if "uses" in step:
                assert PINNED.match(step["uses"])
    for line in text.split("\n"):
        if "uses:" in line:
            assert re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)


def test_gitlab_secrets_are_in_the_protected_environment_only() -> None:
    pipeline = workflow("gitlab")
    jobs = {name: job for name, job in pipeline.items() if "script" in job}
    assert set(jobs) == {"validate", "release", "attest", "pages"}
    for name, job in jobs.items():
        has_secrets = "OPSTEPS_PUSH_TOKEN" in str(job) or "OPSTEPS_INSTANCE_KEY" in str(job)
        assert (
            has_secrets == (job.get("environment") == "release") == (name in {"release", "attest"})
        )
    assert pipeline["variables"]["GIT_STRATEGY"] == "clone"
    for name in ("release", "attest", "pages"):
        (rule,) = jobs[name]["rules"]
        assert "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in rule["if"]
    assert jobs["validate"]["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}]


def scripts_of(host: str) -> dict[str, list[str]]:
    """Each job's commands."""
    read = workflow(host)
    if host == "gitlab":
        jobs = {name: job for name, job in read.items() if "script" in job}
        return {name: job["script"] + job.get("after_script", []) for name, job in jobs.items()}
    return {
        name: [step["run"] for step in job["steps"] if "run" in step]
        for name, job in read["jobs"].items()
    }


@every_host
def test_every_job_that_needs_opsteps_installs_it_in_the_one_way(host: str) -> None:
    for name, scripts in scripts_of(host).items():
        assert sum(script in INSTALLS for script in scripts) == (
            name != "pages" or host == "gitlab"
        )
        rest = " ".join(script for script in scripts if script not in INSTALLS)
        assert not re.search(r"\b(pip|pipx|uv|install)\b", rest)


def test_the_one_way_installs_by_hash_or_from_a_whole_commit_without_any_index() -> None:
    new = NewRegistry(name="steps", title="Steps", url="https://x.example")
    script = registry_files(new)["ci/install-opsteps"].decode()
    lines = [line.strip() for line in script.split("\n") if "pip install" in line]
    assert len(lines) == 2
    assert "--require-hashes" in lines[0]
    assert "--only-binary :all:" in lines[0]
    assert "--no-deps --no-index --no-build-isolation" in lines[1]
    assert script.index("git+*@????????????????????????????????????????)") < script.index(lines[1])


@every_host
def test_no_job_runs_what_a_library_brings(host: str) -> None:
    """Nothing but opsteps, Git and the shell is started; opsteps reads libraries as data."""
    for script in (script for scripts in scripts_of(host).values() for script in scripts):
        if script in INSTALLS:
            continue
        assert not re.search(r"\b(python|pytest|pip|pipx|make|npm|eval|source)\b", script)
        assert "libraries" not in script
