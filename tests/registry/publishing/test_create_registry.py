"""``opsteps init``: all of a registry or none, and a hook that keeps what is released."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import ConflictError, InvalidNameError
from registry.formats.model import Escalation, Signatures
from registry.formats.parsing import parse_registry_facts
from registry.publishing.create_registry import init_registry
from registry.publishing.registry_template.files import (
    Host,
    NewRegistry,
    parse_account,
    registry_files,
)
from registry.signing.publishers_file import read_publishers
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from tests.installed import OPSTEPS
from tests.registry.making import git

REPOSITORY = Path(__file__).resolve().parents[3]
BY = Actor(name="tester")
_NO_KEY = "ssh-ed25519 AAAA…"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def opsteps(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [OPSTEPS, *arguments],
        cwd=where,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def make(path: Path) -> Registry:
    return init_registry(path, name="steps", title="Steps", by=BY, hook=True)


# --- what is in it ---------------------------------------------------------------------------


def test_everything_is_committed_and_nothing_is_left_over(tmp_path: Path) -> None:
    made = opsteps(tmp_path, "init", "steps", "--operator", "jane", "--operator", "@acme/ops")
    assert made.returncode == 0, made.stderr
    registry = tmp_path / "steps"
    assert git(registry, "status", "--porcelain") == ""
    assert git(registry, "ls-files").split("\n") == [
        ".gitattributes",
        ".github/CODEOWNERS",
        ".github/pull_request_template.md",
        ".github/workflows/attest.yml",
        ".github/workflows/registry.yml",
        ".gitignore",
        ".gitlab-ci.yml",
        ".gitlab/CODEOWNERS",
        ".gitlab/merge_request_templates/Default.md",
        "README.md",
        "ci/install-opsteps",
        "ci/opsteps-build.txt",
        "ci/opsteps-dependencies.txt",
        "ci/opsteps.txt",
        "hooks/pre-commit",
        "registry.yaml",
    ]
    assert "Operation: init" in git(registry, "log", "-1", "--format=%B")
    hook = registry / ".git/hooks/pre-commit"
    assert os.access(hook, os.X_OK)
    assert hook.read_bytes() == (registry / "hooks/pre-commit").read_bytes()
    for path in (".github/CODEOWNERS", ".gitlab/CODEOWNERS"):
        owned = (registry / path).read_text()
        assert re.search(r"^/registry\.yaml +@jane @acme/ops$", owned, re.MULTILINE)
        assert re.search(r"^/instances/ +@jane @acme/ops$", owned, re.MULTILINE)
    git(registry, "fsck", "--strict")


@pytest.mark.parametrize(
    ("host", "there", "absent"),
    [("github", ".github", ".gitlab"), ("gitlab", ".gitlab", ".github")],
)
def test_one_host_gets_only_its_files(tmp_path: Path, host: str, there: str, absent: str) -> None:
    made = opsteps(tmp_path, "init", "steps", "--host", host)
    assert made.returncode == 0, made.stderr
    paths = git(tmp_path / "steps", "ls-files")
    assert there in paths
    assert absent not in paths
    readme = (tmp_path / "steps/README.md").read_text()
    assert ("GitHub" in readme) == (host == "github")


def test_without_an_operator_it_says_what_is_missing(tmp_path: Path) -> None:
    made = opsteps(tmp_path, "init", "steps")
    assert "Nobody is its operator yet" in made.stdout
    assert "@OPERATOR" in (tmp_path / "steps/.github/CODEOWNERS").read_text()


def test_the_policy_explains_itself_and_is_read(tmp_path: Path) -> None:
    with init_registry(
        tmp_path / "steps",
        name="steps",
        title='Ops: "best" # steps 🚀',
        url="https://steps.example.com",
        by=BY,
        operators=("jane", "joe@example.com"),
    ) as registry:
        facts = registry.snapshot().facts
    assert facts.title == 'Ops: "best" # steps 🚀'
    assert facts.policy.operators == ("jane", "joe@example.com")
    assert facts.policy.signatures is Signatures.OPTIONAL
    assert facts.policy.escalation is Escalation.REVIEW
    text = (tmp_path / "steps/registry.yaml").read_text()
    for setting in ("signatures", "operators", "instance_keys", "licenses", "escalation"):
        assert re.search(rf"^  # .*\n(?:  # .*\n)*  {setting}:", text, re.MULTILINE), setting


def test_the_commented_publisher_is_right_once_it_is_no_comment() -> None:
    made = registry_files(NewRegistry(name="s", title="S", url="http://x.example"))
    text = made["registry.yaml"].decode().replace("publishers: {}", "")
    lines = text.split("\n")
    begin = next(i for i, line in enumerate(lines) if line == "#   acme:")
    end = next(i for i, line in enumerate(lines) if i > begin and not line.startswith("#"))
    example = [line.removeprefix("# ") for line in lines[begin:end]]
    text = text + "publishers:\n" + "\n".join(example)
    declared = read_publishers(text.replace(_NO_KEY, _KEY).encode())
    assert declared.problems == ()
    assert declared.value is not None
    assert declared.value.all()[0].accounts == ("jane", "joe")


@given(
    title=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120),
    account=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9-]{0,38}\Z"),
)
def test_any_title_and_account_come_back_as_they_were(title: str, account: str) -> None:
    wanted = NewRegistry(
        name="s", title=title, url="http://x.example", operators=(account,), hosts=tuple(Host)
    )
    made = registry_files(wanted)
    facts = parse_registry_facts(made["registry.yaml"]).value
    assert facts is not None
    assert (facts.title, facts.policy.operators) == (title, (account,))
    for path in (".github/workflows/registry.yml", ".gitlab-ci.yml"):
        assert yaml.safe_load(made[path])


@pytest.mark.parametrize("text", ["", "-x", "a b", "a\nb", "@", "a//b", "$(id)", "a@b@c"])
def test_what_is_no_account_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidNameError):
        parse_account(text)
    with pytest.raises(InvalidNameError):
        init_registry(tmp_path / "x", name="s", title="S", by=BY, operators=(text,))
    assert list(tmp_path.iterdir()) == []


# --- all or nothing --------------------------------------------------------------------------


def test_a_registry_in_the_current_directory_keeps_that_directory(tmp_path: Path) -> None:
    inode = tmp_path.stat().st_ino
    assert opsteps(tmp_path, "init", ".").returncode == 0
    assert tmp_path.stat().st_ino == inode
    again = opsteps(tmp_path, "init", ".")
    assert again.returncode == 5
    assert "there is a registry here already" in again.stderr


def test_a_directory_with_a_file_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    assert opsteps(tmp_path, "init", ".").returncode == 5
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


# What changes the disk, as Python's audit events name it; each is a moment to be killed at.
STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "subprocess.Popen"}


def make_and_die(path: Path, step: int) -> bool:
    """Run ``init`` in a child that is killed before its n-th step; False when it had fewer."""
    child = os.fork()
    if child == 0:
        left = step

        def count(event: str, _: object) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            make(path).close()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_killed_at_any_step_there_is_no_registry_or_a_whole_one(tmp_path: Path) -> None:
    """Afterwards ``init`` simply works, or there is a registry already."""
    outcomes = set()
    for step in range(1000):
        path = tmp_path / f"registry-{step}"
        if step % 2:
            path.mkdir()
        if not make_and_die(path, step):
            break
        is_made = (path / ".git").exists()
        is_whole = is_made and not (path / ".git/opsteps/init-unfinished").exists()
        outcomes.add((is_made, is_whole))
        if is_made:  # whatever of its working tree is there
            assert "registry.yaml" in git(path, "ls-tree", "--name-only", "HEAD")
        if is_whole:
            with pytest.raises(ConflictError):
                make(path)
        else:
            make(path).close()
        assert git(path, "status", "--porcelain") == ""
        assert list(path.glob(".opsteps-init-*")) == []
    assert step > 20
    assert outcomes >= {(False, False), (True, False)}


def test_an_interrupted_one_with_other_facts_is_not_taken_for_ours(tmp_path: Path) -> None:
    make(tmp_path / "steps").close()
    (tmp_path / "steps/.git/opsteps/init-unfinished").write_bytes(b"")
    with pytest.raises(ConflictError, match="had made another registry here"):
        init_registry(tmp_path / "steps", name="other", title="Other", by=BY)
    with Registry.open(tmp_path / "steps") as registry:
        assert registry.snapshot().facts.name == "steps"
