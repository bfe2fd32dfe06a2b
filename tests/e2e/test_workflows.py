"""The workflow files that ``opsteps init`` writes, run by their commands over a real remote."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from builder.authoring.library_template import NewLibrary, Template, library_files
from registry.names import parse_library_name
from registry.publishing.add import add_release
from registry.publishing.create_registry import init_registry
from registry.publishing.registry_template.files import Host
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.e2e.workflow_running import (
    DEPLOY_KEY,
    Event,
    GitHub,
    GitLab,
    Ran,
    parse,
    run_shell,
)
from tests.registry.making import files, git, put

TOKEN = "glpat-0123456789"
FILES = {
    "github": (".github/workflows/registry.yml", ".github/workflows/attest.yml"),
    "gitlab": (".gitlab-ci.yml",),
}
every_host = pytest.mark.parametrize("host", list(FILES))


@dataclass(frozen=True, kw_only=True)
class Key:
    private: str
    public: str


@pytest.fixture(scope="module")
def key() -> Key:
    made = Ed25519PrivateKey.generate()
    private = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return Key(private=private.decode().strip(), public=public.decode())


@dataclass(frozen=True, kw_only=True)
class World:
    """A registry with a release, its remote, and the two hosts that serve the remote."""

    remote: Path
    clone: Path
    root: Path
    key: Key

    def workflow(self, host: str, job: str) -> dict[str, Any]:
        """The file with this job."""
        read = (parse((self.clone / path).read_text()) for path in FILES[host])
        return next(file for file in read if job in file.get("jobs", file))

    def run(self, host: str, job: str, event: Event) -> Ran:
        at = self.root / "jobs"
        run = (GitHub if host == "github" else GitLab)(self.remote, at / f"{len(list_of(at))}").run
        return run(self.workflow(host, job), job, event)

    def branch(self, name: str, edit: Callable[[Path], object]) -> str:
        """A contributor's branch: a fresh clone, an edit, pushed; returns its commit."""
        clone = self.root / name
        git(self.root, "clone", "--quiet", str(self.remote), str(clone))
        git(clone, "switch", "--quiet", "-c", name)
        edit(clone)
        if git(clone, "status", "--porcelain"):
            git(clone, "add", "-A")
            git(clone, "commit", "--quiet", "-m", "Edit")
        git(clone, "push", "--quiet", "origin", name)
        return git(clone, "rev-parse", "HEAD")

    def request(
        self, host: str, name: str, account: str = "jane", *, branch: str | None = None
    ) -> Event:
        """The event of a pull request; GitHub checks out its merge with the base."""
        clone = self.root / name
        commit = git(clone, "rev-parse", "HEAD")
        if host == "gitlab":
            return Event(name="merge_request_event", commit=commit, account=account)
        git(clone, "switch", "--quiet", "-c", f"merge-{name}", "origin/main")
        git(clone, "merge", "--quiet", "--no-ff", "-m", "Merge", branch or name)
        git(clone, "push", "--quiet", "origin", "HEAD:refs/pull/1/merge")
        merged = git(clone, "rev-parse", "HEAD")
        return Event(name="pull_request", commit=merged, account=account)

    def merge(self, name: str) -> str:
        """Merge a branch, as the host's button does; returns the new head."""
        git(self.clone, "pull", "--quiet", "--ff-only", "origin", "main")
        git(self.clone, "fetch", "--quiet", "origin", name)
        git(self.clone, "merge", "--quiet", "--no-ff", "-m", f"Merge {name}", "FETCH_HEAD")
        git(self.clone, "push", "--quiet", "origin", "main")
        return git(self.clone, "rev-parse", "HEAD")

    def merged(self, commit: str, *, name: str = "push", signed: bool = True) -> Event:
        secrets = {"OPSTEPS_PUSH_TOKEN": TOKEN, "OPSTEPS_DEPLOY_KEY": DEPLOY_KEY}
        if signed:
            secrets["OPSTEPS_INSTANCE_KEY"] = self.key.private
        return Event(name=name, commit=commit, account="olga", secrets=secrets)

    def refs(self) -> dict[str, str]:
        lines = (line.split() for line in git(self.remote, "show-ref").split("\n"))
        return {ref: commit for commit, ref in lines}


def list_of(directory: Path) -> list[Path]:
    directory.mkdir(exist_ok=True)
    return list(directory.iterdir())


@pytest.fixture
def world(tmp_path: Path, key: Key) -> World:
    clone, remote = tmp_path / "operator", tmp_path / "steps.git"
    registry = init_registry(
        clone,
        name="steps",
        title="Steps",
        url="https://steps.example.com",
        by=Actor(name="olga"),
        operators=("olga",),
        hosts=tuple(Host),
    )
    with registry:
        put(registry, files())
        follow_head(registry)
    facts = clone / "registry.yaml"
    facts.write_text(
        facts.read_text().replace("instance_keys: []", f'instance_keys: ["{key.public}"]')
    )
    git(clone, "commit", "--quiet", "-am", "The key of CI")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git(clone, "remote", "add", "origin", str(remote))
    git(clone, "push", "--quiet", "--tags", "-u", "origin", "main")
    return World(remote=remote, clone=clone, root=tmp_path, key=key)


def add_library(clone: Path, *, actor: str = "jane") -> None:
    """What ``opsteps new`` and ``opsteps add`` do."""
    wanted = NewLibrary(
        name=parse_library_name("net-tools"),
        template=Template.HTTP,
        author="Jane",
        license="MIT",
        date="2026-11-23",
    )
    with Registry.open(clone) as registry:
        add_release(registry, library_files(wanted), by=Actor(name=actor))
        follow_head(registry)


def edit_a_release(clone: Path) -> None:
    readme = clone / "libraries/file-tools/1.0.0/docs/README.md"
    readme.write_text("# Edited in place\n")


def add_to_a_strangers_library(clone: Path) -> None:
    with Registry.open(clone) as registry:
        add_release(registry, files(version="1.0.1"), by=Actor(name="mallory"))
        follow_head(registry)


# --- a pull request --------------------------------------------------------------------------


@every_host
def test_a_good_pull_request_passes_and_shows_what_it_changes(world: World, host: str) -> None:
    world.branch("good", add_library)
    before = world.refs()
    ran = world.run(host, "validate", world.request(host, "good"))
    assert ran.ok, ran.output
    changes = ran.output if host == "github" else ran.left("changes.md").read_text()
    assert "net-tools" in changes
    if host == "gitlab":
        assert "<testsuite" in ran.left("problems.xml").read_text()
    assert {ref: at for ref, at in world.refs().items() if "pull/" not in ref} == before


@every_host
def test_a_pull_request_that_edits_a_release_fails(world: World, host: str) -> None:
    world.branch("bad", edit_a_release)
    ran = world.run(host, "validate", world.request(host, "bad"))
    assert not ran.ok
    said = ran.output if host == "github" else ran.left("problems.xml").read_text()
    assert "file-tools" in said
    if host == "github":
        assert "::error" in ran.output


@every_host
def test_a_strangers_pull_request_to_a_library_of_another_fails(world: World, host: str) -> None:
    world.branch("stranger", add_to_a_strangers_library)
    event = world.request(host, "stranger", account="mallory")
    ran = world.run(host, "validate", event)
    assert not ran.ok
    said = ran.output if host == "github" else ran.left("problems.xml").read_text()
    assert "mallory" in said
    event.account = "olga"  # an operator may
    ran = world.run(host, "validate", event)
    assert ran.ok, ran.output


def test_hostile_names_of_branch_and_account_start_nothing(world: World) -> None:
    """A branch may be called almost anything; here it is only a value in a variable."""
    hostile = '$(touch${IFS}pwned)";touch${IFS}pwned;"'
    world.branch("good", add_library)
    event = world.request("github", "good")
    event.base = event.account = hostile
    ran = world.run("github", "validate", event)
    assert not ran.ok
    assert not list(world.root.rglob("pwned"))


# --- a merge ---------------------------------------------------------------------------------


@every_host
def test_a_merge_is_released_attested_and_published(world: World, host: str) -> None:
    world.branch("good", add_library)
    head = world.merge("good")
    ran = world.run(host, "release", world.merged(head))
    assert ran.ok, ran.output
    refs = world.refs()
    assert "refs/tags/net-tools/v0.1.0" in refs
    assert "refs/heads/opsteps-head" in refs
    assert refs["refs/heads/main"] != head
    message = git(world.remote, "cat-file", "commit", "main")
    assert "gpgsig -----BEGIN SSH SIGNATURE-----" in message
    assert "Operation: release\nActor: olga\n" in message
    assert_no_secret_is_left(world, ran)
    published = world.run(host, "catalogue" if host == "github" else "pages", world.merged(head))
    assert published.ok, published.output
    site = published.temporary / "site" if host == "github" else published.left("public")
    assert (site / "index.html").is_file()
    assert "net-tools" in (site / "api/v1/libraries.json").read_text()
    if host == "gitlab":
        assert not site.is_symlink()


def test_without_the_deploy_key_a_merge_is_refused_in_one_sentence(world: World) -> None:
    world.branch("good", add_library)
    event = world.merged(world.merge("good"))
    for secret in ("", "somebody else's key"):
        before = world.refs()
        event.secrets = {**event.secrets, "OPSTEPS_DEPLOY_KEY": secret}
        ran = world.run("github", "release", event)
        assert not ran.ok
        wanted = (
            "Permission denied" if secret else "has no secret OPSTEPS_DEPLOY_KEY: see README.md"
        )
        assert wanted in ran.output
        assert world.refs() == before


def test_what_the_deploy_keys_push_starts_finds_nothing_to_release(world: World) -> None:
    """Unlike a token's, such a push starts the workflow again: that must come to an end."""
    world.branch("good", add_library)
    assert world.run("github", "release", world.merged(world.merge("good"))).ok
    released = world.refs()
    again = world.run("github", "release", world.merged(released["refs/heads/main"]))
    assert again.ok, again.output
    assert world.refs() | {"refs/heads/opsteps-head": ""} == released | {
        "refs/heads/opsteps-head": ""
    }


@every_host
def test_without_a_key_a_merge_is_released_and_it_says_what_is_missing(
    world: World, host: str
) -> None:
    world.branch("good", add_library)
    head = world.merge("good")
    ran = world.run(host, "release", world.merged(head, signed=False))
    assert ran.ok, ran.output
    assert "OPSTEPS_INSTANCE_KEY is not set" in ran.output
    assert "refs/tags/net-tools/v0.1.0" in world.refs()
    assert "gpgsig" not in git(world.remote, "cat-file", "commit", "main")


@every_host
def test_a_merge_without_a_candidate_moves_nothing_but_the_statement(
    world: World, host: str
) -> None:
    before = world.refs()
    ran = world.run(host, "release", world.merged(before["refs/heads/main"]))
    assert ran.ok, ran.output
    after = world.refs()
    assert after.pop("refs/heads/opsteps-head")
    assert after == before


@every_host
def test_a_release_that_another_merge_overtook_is_made_on_the_new_head(
    world: World, host: str
) -> None:
    world.branch("good", add_library)
    first = world.merge("good")
    world.branch("later", lambda clone: (clone / "README.md").write_text("# Later\n"))
    second = world.merge("later")
    ran = world.run(host, "release", world.merged(first))
    assert ran.ok, ran.output
    assert git(world.remote, "merge-base", second, "main") == second
    assert "refs/tags/net-tools/v0.1.0" in world.refs()


@every_host
def test_the_schedule_signs_a_head_that_verifies(world: World, host: str) -> None:
    head = world.refs()["refs/heads/main"]
    ran = world.run(host, "attest", world.merged(head, name="schedule"))
    assert ran.ok, ran.output
    names = git(world.remote, "ls-tree", "--name-only", "opsteps-head").split("\n")
    assert names == ["head.txt", "head.txt.sig"]
    assert_no_secret_is_left(world, ran)


@every_host
def test_the_schedule_does_not_sign_a_head_that_was_tampered_with(world: World, host: str) -> None:
    edit_a_release(world.clone)
    git(world.clone, "commit", "--quiet", "-am", "Tamper")
    git(world.clone, "push", "--quiet", "origin", "main")
    event = world.merged(world.refs()["refs/heads/main"], name="schedule")
    ran = world.run(host, "attest", event)
    assert not ran.ok
    assert "refs/heads/opsteps-head" not in world.refs()


def test_what_the_readme_tells_authors_and_everyone_works_as_it_stands(world: World) -> None:
    readme = (world.clone / "README.md").read_text()
    once, contribute, verify = (
        re.findall(r"```sh\n(.*?)```", readme[readme.index(heading) :], re.DOTALL)[0]
        for heading in ("## Once", "## Authors", "## Everyone")
    )
    clone = world.root / "author"
    git(world.root, "clone", "--quiet", str(world.remote), str(clone))
    checked = (world.clone / ".github/pull_request_template.md").read_text()
    own = "\n".join(re.findall(r"`(opsteps [^`]+)`", checked))
    assert "validate --base origin/main" in own
    script = "\n".join((once, contribute.replace("YOUR-ACCOUNT", "jane"), own))
    ok, printed = run_shell(script, clone, world.root)
    assert ok, printed
    event = world.request("github", "author", branch="my-library")
    assert world.run("github", "validate", event).ok
    head = git(world.remote, "rev-parse", "main")
    assert world.run("github", "attest", world.merged(head, name="schedule")).ok
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    ok, printed = run_shell(verify.replace("ADDRESS", f"{world.remote}"), elsewhere, world.root)
    assert ok, printed


def test_what_the_readme_tells_operators_works_as_it_stands(world: World) -> None:
    with Registry.open(world.clone) as registry:
        for version in ("1.0.0", "1.1.0", "1.1.1"):
            put(registry, files("my-library", version))
        follow_head(registry)
    git(world.clone, "push", "--quiet", "--tags", "origin", "main")
    readme = (world.clone / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", readme[readme.index("## Operators") :], re.DOTALL)
    ok, printed = run_shell(blocks[0], world.clone, world.root)
    assert not ok
    assert "OPSTEPS_KEY" in printed
    key = world.root / "operators-key"
    key.write_text(world.key.private)
    key.chmod(0o600)
    rest = blocks[0].partition("opsteps rollback")
    ok, printed = run_shell(
        f"export OPSTEPS_KEY={key}\n{''.join(rest[1:])}", world.clone, world.root
    )
    assert ok, printed
    assert "1.1.0" in git(
        world.remote, "cat-file", "blob", "main:libraries/my-library/library.yaml"
    )


@pytest.mark.needs_ssh_keygen
def test_the_keys_are_made_as_the_setup_list_says_and_never_committed(world: World) -> None:
    readme = (world.clone / "README.md").read_text()
    makes = re.findall(r"`(ssh-keygen [^`]+)`", readme)
    assert [command.rpartition(" ")[2] for command in makes] == ["deploy-key", "ci-key"]
    ok, printed = run_shell("\n".join(makes), world.clone, world.root)
    assert ok, printed
    assert "PRIVATE KEY" in (world.clone / "deploy-key").read_text()
    new = git(world.clone, "status", "--porcelain", "--untracked-files=all").split()
    assert not {"deploy-key", "ci-key"} & set(new)


@every_host
def test_an_address_of_this_machine_is_warned_of_where_the_site_is_built(
    world: World, host: str
) -> None:
    facts = world.clone / "registry.yaml"
    facts.write_text(
        facts.read_text().replace("https://steps.example.com", "http://127.0.0.1:3011")
    )
    git(world.clone, "commit", "--quiet", "-am", "No address")
    git(world.clone, "push", "--quiet", "origin", "main")
    event = world.merged(world.refs()["refs/heads/main"])
    ran = world.run(host, "catalogue" if host == "github" else "pages", event)
    assert ran.ok, ran.output
    shown = (ran.temporary / "summary.md").read_text() if host == "github" else ran.output
    assert "name http://127.0.0.1:3011" in shown


def assert_no_secret_is_left(world: World, ran: Ran) -> None:
    key = [line for line in world.key.private.split("\n") if not line.startswith("-----")]
    token = base64.b64encode(f"oauth2:{TOKEN}".encode()).decode()
    for secret in (*key, TOKEN, token):
        assert secret not in ran.output
        for path in (*ran.workspace.rglob("*"), *ran.temporary.iterdir()):
            if path.is_file() and path.name != "variable-key":
                assert secret.encode() not in path.read_bytes(), path
