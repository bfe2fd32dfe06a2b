"""What the workflow files of a new registry may and may not say, whatever their commands do."""

import re
from typing import Any

import pytest

from registry.scaffold.registry_files import Host, NewRegistry, registry_files
from tests.e2e.workflow_running import INSTALLS, parse

PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}\Z")
FILES = {"github": ".github/workflows/registry.yml", "gitlab": ".gitlab-ci.yml"}
every_host = pytest.mark.parametrize("host", list(FILES))


def text_of(host: str) -> str:
    new = NewRegistry(name="steps", title="Steps", url="https://x.example", hosts=tuple(Host))
    return registry_files(new)[FILES[host]].decode()


def workflow(host: str) -> dict[str, Any]:
    return parse(text_of(host))


def test_github_a_strangers_job_can_read_and_nothing_else() -> None:
    read = workflow("github")
    assert set(read["on"]) == {"pull_request", "push", "schedule"}
    assert read["permissions"] == {}
    job = read["jobs"]["validate"]
    assert job["permissions"] == {"contents": "read"}
    assert job["if"] == "github.event_name == 'pull_request'"
    assert "environment" not in job
    assert "secrets." not in str(job)
    assert job["steps"][0]["with"]["persist-credentials"] is False


def test_github_only_these_jobs_may_write() -> None:
    jobs = workflow("github")["jobs"]
    writing = {
        name: {scope for scope, level in job["permissions"].items() if level == "write"}
        for name, job in jobs.items()
    }
    assert writing == {
        "validate": set(),
        "release": {"contents"},
        "attest": {"contents"},
        "catalogue": set(),
        "pages": {"pages", "id-token"},
    }
    for name in ("release", "attest"):
        assert jobs[name]["environment"] == "release"
        assert jobs[name]["concurrency"]["cancel-in-progress"] is False
        assert "pull_request" not in jobs[name]["if"]
    secret = {name for name, job in jobs.items() if "secrets." in str(job)}
    assert secret == {"release", "attest"}
    # Whatever else depends on a job that a pull request skips is skipped with it.
    assert (jobs["catalogue"]["needs"], jobs["pages"]["needs"]) == ("release", "catalogue")


def test_github_scripts_hold_no_expression_and_actions_are_pinned() -> None:
    text = text_of("github")
    assert "pull_request_target" not in text
    for job in workflow("github")["jobs"].values():
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


@every_host
def test_no_job_runs_what_a_library_brings(host: str) -> None:
    """Nothing but opsteps, Git and the shell is started; opsteps reads libraries as data."""
    read = workflow(host)
    if host == "github":
        scripts = [s.get("run", "") for job in read["jobs"].values() for s in job["steps"]]
    else:
        jobs = (job for job in read.values() if "script" in job)
        scripts = [line for job in jobs for line in job["script"] + job.get("after_script", [])]
    for script in scripts:
        if script in INSTALLS:
            continue
        assert not re.search(r"\b(python|pytest|pip|pipx|make|npm|eval|source)\b", script)
        assert "libraries" not in script
