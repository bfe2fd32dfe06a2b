"""Run the jobs of a registry's workflow files by their own commands, as a Git host does.

The commands are those of the files, word for word, but for one: what installs opsteps takes the one
that is being tested instead (`INSTALLS`), unless a job runs with ``installs``.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.registry.making import git

# The one place where a command is not run as it is written.
_SCRIPT = "sh ci/install-opsteps"
_TESTED = Path(sys.executable).parent
INSTALLS = {
    f'{_SCRIPT} "$RUNNER_TEMP/opsteps" >> "$GITHUB_PATH"': "test -f ci/install-opsteps",
    f'OPSTEPS_BIN=$({_SCRIPT} "$CI_BUILDS_DIR/opsteps-$CI_JOB_ID")': f"OPSTEPS_BIN={_TESTED}",
    f"opsteps_bin=$({_SCRIPT} .opsteps)": f"opsteps_bin={_TESTED}",
}
# What a host's SSH does: it lets the key of this repository in, and nobody else.
_SSH = """\
#!/bin/sh
while [ "$1" != -i ]; do shift; done
printf '%s' {key} | cmp -s - "$2" || {{ echo 'Permission denied (publickey).' >&2; exit 255; }}
for command; do :; done
case $command in
"git-receive-pack '/steps.git'") exec git-receive-pack {remote} ;;
"git-upload-pack '/steps.git'") exec git-upload-pack {remote} ;;
*) exit 255 ;;
esac
"""
DEPLOY_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nof this repository's deploy key\n"
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a job ended: its output, and where it left its files."""

    ok: bool
    output: str
    workspace: Path
    temporary: Path

    def left(self, name: str) -> Path:
        return self.workspace / name


@dataclass(kw_only=True)
class Event:
    """What makes a host run a workflow: whose, on which commit, with what to fill in.

    ``secrets`` and ``variables`` are what the host would give to that job.
    """

    name: str
    commit: str
    branch: str = "main"
    base: str = "main"
    account: str = "jane"
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


def parse(text: str) -> dict[str, Any]:
    """A workflow file; YAML 1.1 takes GitHub's ``on`` for true."""
    return {"on" if key is True else key: value for key, value in yaml.safe_load(text).items()}


def _environment(home: Path, more: Mapping[str, str], *, installs: bool) -> dict[str, str]:
    """A machine that knows nothing of this one, but for the opsteps that is being tested.

    One that ``installs`` lacks that, too, and gets packages as this machine does.
    """
    base = {"PATH": _SYSTEM_PATH, "HOME": str(home), "LC_ALL": "C.UTF-8", "CI": "true"}
    if installs:
        base |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    else:
        base["PATH"] = f"{_TESTED}:{_SYSTEM_PATH}"
    return base | dict(more)


def _shell(script: str, where: Path, environment: Mapping[str, str]) -> tuple[bool, str]:
    if str(_TESTED) in environment["PATH"]:
        for line, instead in INSTALLS.items():
            script = script.replace(line, instead)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", script],
        cwd=where,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


def run_shell(script: str, where: Path, home: Path) -> tuple[bool, str]:
    """As a person at a terminal: whether all of it worked, and what was printed."""
    return _shell(script, where, _environment(home, {}, installs=False))


def _clone(remote: Path, target: Path, commit: str, branch: str | None) -> None:
    """What checking out gives: all branches and tags, on the branch or on no branch."""
    git(target.parent, "clone", "--quiet", "--no-checkout", str(remote), str(target))
    # A host's reference of a pull request is none that a clone brings along.
    git(target, "fetch", "--quiet", "origin", commit)
    where = ["-B", branch, commit] if branch else ["--detach", commit]
    git(target, "checkout", "--quiet", *where)


# --- GitHub ------------------------------------------------------------------------------------


class GitHub:
    """GitHub, as far as the workflow uses it; what it does not know is a KeyError."""

    def __init__(self, remote: Path, root: Path, *, installs: bool = False) -> None:
        self._remote = remote
        self._root = root
        self._number = 0
        self._installs = installs

    def run(self, workflow: Mapping[str, Any], job: str, event: Event) -> Ran:
        """Run one job's steps in their order; raises KeyError for what it may not have."""
        self._number += 1
        root = self._root / f"github-{self._number}-{job}"
        for name in ("home", "temporary"):
            (root / name).mkdir(parents=True)
        workspace, temporary = root / "work", root / "temporary"
        summary, path = temporary / "summary.md", temporary / "path"
        path.touch()
        host = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_PATH": str(path),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(temporary),
        }
        ok, output = True, ""
        for step in workflow["jobs"][job]["steps"]:
            if not ok and "failure()" not in step.get("if", ""):
                continue
            if "uses" in step:
                self._use(step, workspace, event, temporary)
                continue
            filled = {key: self._fill(value, event) for key, value in step.get("env", {}).items()}
            environment = _environment(root / "home", host | filled, installs=self._installs)
            before = path.read_text(encoding="utf-8").split()
            environment["PATH"] = ":".join([*before, environment["PATH"]])
            passed, printed = _shell(step["run"], workspace, environment)
            ok, output = ok and passed, output + printed
        self._after(workspace, temporary)
        shown = summary.read_text(encoding="utf-8") if summary.exists() else ""
        return Ran(ok=ok, output=output + shown, workspace=workspace, temporary=temporary)

    def _fill(self, text: str, event: Event) -> str:
        known = {
            "github.base_ref": event.base,
            "github.event.pull_request.user.login": event.account,
            "github.actor": event.account,
            "github.run_id": "7",
            "vars.OPSTEPS_ADMINISTRATORS": event.variables.get("OPSTEPS_ADMINISTRATORS", ""),
        }
        if event.name != "pull_request":  # a stranger's job that asks for one is a KeyError
            for name in ("OPSTEPS_INSTANCE_KEY", "OPSTEPS_DEPLOY_KEY"):
                known[f"secrets.{name}"] = event.secrets.get(name, "")
        before, opening, rest = text.partition("${{")
        if not opening:
            return text
        expression, _, after = rest.partition("}}")
        return before + known[expression.strip()] + self._fill(after, event)

    def _use(self, step: Mapping[str, Any], workspace: Path, event: Event, temporary: Path) -> None:
        action = step["uses"].partition("@")[0]
        options = step.get("with", {})
        if action == "actions/checkout":
            assert options["fetch-depth"] == 0
            is_request = event.name == "pull_request"
            commit = event.commit
            if "ref" in options:
                commit = git(self._remote, "rev-parse", f"refs/heads/{options['ref']}")
            _clone(self._remote, workspace, commit, None if is_request else event.branch)
            self._let_push(workspace, temporary, self._fill(options.get("ssh-key", ""), event))
        elif action == "actions/upload-pages-artifact":
            site = Path(options["path"].replace("${{ runner.temp }}", str(temporary)))
            assert (site / "index.html").is_file()
        else:
            assert action == "actions/deploy-pages"

    def _let_push(self, workspace: Path, temporary: Path, key: str) -> None:
        """With a key over SSH, as checkout sets it up; else with a token that can only read."""
        if not key:
            git(workspace, "remote", "set-url", "--push", "origin", "/the-token-can-only-read")
            return
        ssh = temporary / "ssh"
        known = {"key": shlex.quote(DEPLOY_KEY), "remote": shlex.quote(str(self._remote))}
        ssh.write_text(_SSH.format(**known), encoding="utf-8")
        ssh.chmod(0o755)
        (temporary / "key").write_text(key, encoding="utf-8")
        git(workspace, "remote", "set-url", "origin", "ssh://git@host.example/steps.git")
        git(workspace, "config", "core.sshCommand", f'"{ssh}" -i "$RUNNER_TEMP/key"')

    def _after(self, workspace: Path, temporary: Path) -> None:
        """What checkout does when the job has ended."""
        (temporary / "key").unlink(missing_ok=True)
        if workspace.exists():
            subprocess.run(
                ["git", "config", "--unset", "core.sshCommand"], cwd=workspace, check=False
            )


# --- GitLab ------------------------------------------------------------------------------------


class GitLab:
    """GitLab, as far as the pipeline uses it. Its runner checks out commits, never branches."""

    def __init__(self, remote: Path, root: Path) -> None:
        assert remote.suffix == ".git"
        self._remote = remote
        self._root = root
        self._number = 0

    def run(self, pipeline: Mapping[str, Any], job: str, event: Event) -> Ran:
        """Run one job's script, and what comes after it in any case."""
        self._number += 1
        root = self._root / f"gitlab-{self._number}-{job}"
        (root / "home").mkdir(parents=True)
        workspace = root / "work"
        _clone(self._remote, workspace, event.commit, None)
        environment = _environment(
            root / "home",
            {
                **pipeline["variables"],
                "GITLAB_CI": "true",
                "CI_BUILDS_DIR": str(root),
                "CI_JOB_ID": "9",
                "CI_PIPELINE_ID": "7",
                "CI_PROJECT_URL": str(self._remote.with_suffix("")),
                "GITLAB_USER_LOGIN": event.account,
                **self._reference(event),
                **self._secrets(event, root),
            },
            installs=False,
        )
        definition = pipeline[job]
        ok, output = _shell("\n".join(definition["script"]), workspace, environment)
        for line in definition.get("after_script", []):
            after, printed = _shell(line, workspace, environment)
            ok, output = ok and after, output + printed
        return Ran(ok=ok, output=output, workspace=workspace, temporary=root)

    def _reference(self, event: Event) -> dict[str, str]:
        if event.name != "merge_request_event":
            return {"CI_COMMIT_BRANCH": event.branch, "CI_DEFAULT_BRANCH": "main"}
        return {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": event.base}

    def _secrets(self, event: Event, root: Path) -> dict[str, str]:
        """Protected variables; one of the type file is the path of a file."""
        given: dict[str, str] = {}
        for name, value in event.secrets.items():
            if name == "OPSTEPS_INSTANCE_KEY":
                file = root / "variable-key"
                file.write_text(value, encoding="utf-8")
                file.chmod(0o666)  # as GitLab's runner writes it
                given[name] = str(file)
            else:
                given[name] = value
        return given
