"""All that the documents offer to do to a registry, in any order, on two clones of one remote.

After each operation `opsteps verify --deep` is sound in both clones and both servers are healthy at
the same commit; a bundle of it can be taken in. Nobody attacks anything here, so each finding,
alarm or "degraded" is a false one.
"""

from __future__ import annotations

import contextlib
import contextvars
import io
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

import opsteps
from registry.library.release_state import Library
from registry.publishing.create_registry import init_registry
from registry.signing.private_keys import parse_private_key
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from registry.versions import Version
from tests.registry.making import complete_files, git, write_files
from tests.registry.verifying.scene import new_key_text
from tests.server.changes.test_changes import change, form, upload, zipped
from tests.server.real_server import Client, Reply, serving, until

NAMES = ("alpha", "beta")
REFUSED = {2, 4, 5, 17}
"""What a command ends with that makes no sense now, such as to uninstall what is not installed."""
CONFLICTS = {400, 404, 409, 422}
"""The same over HTTP."""

_CLONES = st.sampled_from(("one", "two"))
_LIBRARIES = st.sampled_from(NAMES)
_PICK = st.integers(min_value=0, max_value=7)
# With a branch, Git brings no tags; the server does.
_WHENCE = st.sampled_from(((), ("origin", "main")))
_WITH_UPSTREAM = ("add", "install", "old", "update", "lock", "remove")
_INSTANCE = "instances/production"


def run(where: Path, *arguments: object) -> tuple[int, str]:
    """A command in this process: its exit code, and all that it said."""
    said = io.StringIO()
    code: object = 0
    before = Path.cwd()
    os.chdir(where)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            # Which registry a command named is remembered for the rest of its process.
            contextvars.copy_context().run(opsteps.main, [str(one) for one in arguments])
    except SystemExit as end:
        code = end.code or 0
    finally:
        os.chdir(before)
    assert isinstance(code, int)
    return code, said.getvalue()


class WholeLife(RuleBasedStateMachine):
    """Two people and two servers, each with a clone."""

    @initialize(has_keys=st.booleans())
    def begin(self, has_keys: bool) -> None:
        self.story: list[str] = []
        self._stack = ExitStack()
        self.root = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.key = self._make_key() if has_keys else None
        self._make_upstream()
        self._make_clones()
        self.servers: dict[str, Client] = {}
        self._running: dict[str, ExitStack] = {}
        for name in ("one", "two"):
            self._running[name] = self._stack.enter_context(ExitStack())
            self._start(name)
        self.all_is_well()

    def _start(self, clone: str) -> None:
        options: dict[str, Any] = {"remote": "origin", "poll_seconds": 0.02}
        options["remote_poll_seconds"] = 0.1
        if self.key:
            options["instance_key"] = str(self.key)
        server = serving(self.root / clone, "--no-catalogue", **options)
        self.servers[clone] = self._running[clone].enter_context(server)

    def _make_key(self) -> Path:
        path = self.root / "key"
        path.touch(mode=0o600)
        path.write_bytes(new_key_text())
        return path

    def _make_upstream(self) -> None:
        init_registry(
            self.root / "public", name="public", title="Public", by=Actor(name="pia")
        ).close()
        for version in ("1.0.0", "1.1.0"):
            self._publish(self.root / "public", "gamma", version)

    def _publish(self, registry: Path, name: str, version: str) -> None:
        library = write_files(self.root / f"{name}-{version}", complete_files(name, version))
        self._done(registry, "add", library, by=())
        self._done(registry, "release", name, by=())

    def _make_clones(self) -> None:
        first = self.root / "first"
        init_registry(first, name="steps", title="Steps", by=Actor(name="olga")).close()
        if self.key:
            public = parse_private_key(self.key.read_bytes()).public
            facts = first / "registry.yaml"
            text = facts.read_text(encoding="utf-8")
            assert "instance_keys: []" in text
            facts.write_text(text.replace("instance_keys: []", f'instance_keys: ["{public}"]'))
            git(first, "commit", "-qam", "Name the key of the instance")
        key = ("--key", self.key) if self.key else ()
        for name in NAMES:
            self._done(first, "install", self.source(name, "1.0.0"), *key)
        git(self.root, "clone", "-q", "--bare", "first", "origin.git")
        for name in ("one", "two"):
            git(self.root, "clone", "-q", "origin.git", name)

    # What is there now.

    def library(self, clone: str, name: str) -> Library | None:
        with Registry.open(self.root / clone) as registry:
            snapshot = registry.snapshot()
            return next((one for one in snapshot.libraries() if one.name == name), None)

    def versions(self, clone: str, name: str) -> list[Version]:
        found = self.library(clone, name)
        return [record.version for record in found.releases] if found else []

    def pick(self, clone: str, name: str, number: int) -> str:
        """A version that was released at some time; one that nobody knows where none was."""
        known = self.versions(clone, name)
        return str(known[number % len(known)]) if known else "9.9.9"

    def next_version(self, clone: str, name: str, number: int) -> str:
        greatest = max(self.versions(clone, name), default=None)
        if greatest is None:
            return "1.0.0"
        major, minor, patch = greatest.major, greatest.minor, greatest.patch
        return (f"{major}.{minor}.{patch + 1}", f"{major}.{minor + 1}.0")[number % 2]

    def source(self, name: str, version: str) -> Path:
        """A library's directory: the same bytes each time."""
        path = self.root / f"{name}-{version}"
        return path if path.exists() else write_files(path, complete_files(name, version))

    # What people do.

    def _by(self, clone: str) -> tuple[object, ...]:
        key = ("--key", self.key) if self.key else ()
        return ("--remote", "origin", "--actor", f"ada-{clone}", *key)

    def _done(self, where: Path, *arguments: object, by: tuple[object, ...] = ()) -> str:
        code, said = run(where, *arguments, *by)
        if code:
            raise self.failed(f"{where.name}: {arguments} -> {code} {said}")
        return said

    def do(self, clone: str, *arguments: object) -> str:
        """A command that may be refused, and then changes nothing."""
        before = self.origin_head()
        code, said = run(self.root / clone, *arguments, *self._by(clone))
        self.tell(f"{clone}: opsteps {' '.join(map(str, arguments))} -> {code} {said!r}")
        if code and (code not in REFUSED or self.origin_head() != before):
            raise self.failed("the last one should have been done, or changed nothing")
        self.all_is_well()
        return said

    def ask(self, reply: Reply, what: str) -> None:
        self.tell(f"{what} -> {reply.status} {reply.body[:300]!r}")
        if reply.status != 200 and reply.status not in CONFLICTS:
            raise self.failed("the last one should have been done, or refused")
        self.all_is_well()

    def by_hand(self, clone: str, *arguments: str) -> None:
        """Plain Git; commits are signed where the registry lists a key for that."""
        signed = (
            ("-c", "gpg.format=ssh", "-c", f"user.signingKey={self.key}", "-c", "commit.gpgSign=1")
            if self.key
            else ()
        )
        self.tell(f"{clone}: git {' '.join(arguments)}")
        until(lambda: self._has_run(clone, *signed, *arguments))

    def _has_run(self, clone: str, *arguments: str) -> bool:
        """A person says it again when Git was at work in the clone for the server."""
        try:
            git(self.root / clone, *arguments)
        except AssertionError as error:
            if "cannot lock ref" in str(error) or "index.lock" in str(error):
                return False
            raise self.failed(str(error)) from error
        return True

    def push(self, clone: str) -> None:
        self.by_hand(clone, "push", "-q", "--atomic", "--follow-tags", "origin", "main")
        self.all_is_well()

    # What must be so after each of it.

    def origin_head(self) -> str:
        return git(self.root / "origin.git", "rev-parse", "main")

    def is_served(self, clone: str) -> bool:
        health = self.servers[clone].health()
        return bool(health["commit"] == self.origin_head() and health["status"] == "healthy")

    def is_clean(self, clone: str) -> bool:
        """The working tree follows in a moment; Git's own look at it may find its index locked."""
        return git(self.root / clone, "status", "--porcelain") == ""

    def all_is_well(self) -> None:
        for clone in ("one", "two"):
            try:
                until(lambda: self.is_served(clone) and self.is_clean(clone), 20)  # noqa: B023
            except AssertionError as error:
                state = git(self.root / clone, "status", "--porcelain")
                raise self.failed(f"{clone}: {self.servers[clone].health()} {state}") from error
            said = self._done(self.root / clone, "verify", "--deep")
            if "Sound" not in said:
                raise self.failed(f"{clone}: {said}")

    def failed(self, why: str) -> AssertionError:
        """With the story so far: timing makes a life that fails hard to repeat."""
        return AssertionError("\n".join((*self.story, why)))

    def tell(self, text: str) -> None:
        self.story.append(text)

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK)
    def release(self, clone: str, name: str, number: int) -> None:
        version = self.next_version(clone, name, number)
        self.do(clone, "add", self.source(name, version))
        self.do(clone, "release", name)

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK)
    def take_a_candidate_back(self, clone: str, name: str, number: int) -> None:
        version = self.next_version(clone, name, number)
        self.do(clone, "add", self.source(name, version))
        self.do(clone, "remove", name, version)

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK, is_known=st.booleans())
    def install(self, clone: str, name: str, number: int, is_known: bool) -> None:
        pick = self.pick if is_known else self.next_version
        version = pick(clone, name, number)
        if version != "9.9.9":
            self.do(clone, "install", self.source(name, version))

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK)
    def upload(self, clone: str, name: str, number: int) -> None:
        version = self.next_version(clone, name, number)
        files = complete_files(name, version)
        self.ask(upload(self.servers[clone], form(zipped(files))), f"upload {name} {version}")

    @rule(clone=_CLONES, name=_LIBRARIES, is_on=st.booleans())
    def toggle(self, clone: str, name: str, is_on: bool) -> None:
        self.do(clone, "toggle", name, "--on" if is_on else "--off")

    @rule(
        clone=_CLONES,
        name=_LIBRARIES,
        number=_PICK,
        what=st.sampled_from(("on", "off", "pin", "unpin", "uninstall", "remove", "rollback")),
    )
    def change_over_http(self, clone: str, name: str, number: int, what: str) -> None:
        version = self.pick(clone, name, number)
        library = f"/api/v1/libraries/{name}"
        method, path, content = {
            "on": ("PUT", f"{library}/toggle?enabled=true", None),
            "off": ("PUT", f"{library}/toggle?enabled=false", None),
            "pin": ("PUT", f"{library}/pin", {"version": version}),
            "unpin": ("PUT", f"{library}/pin", {"version": None}),
            "uninstall": ("DELETE", library, None),
            "remove": ("DELETE", f"{library}?version={version}", None),
            "rollback": ("POST", f"{library}/rollback", {"version": version}),
        }[what]
        self.ask(change(self.servers[clone], method, path, content), f"{method} {path} {content}")

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK, is_back=st.booleans())
    def yank(self, clone: str, name: str, number: int, is_back: bool) -> None:
        version = self.pick(clone, name, number)
        if is_back:
            self.do(clone, "unyank", name, version)
        else:
            self.do(clone, "yank", name, version, "--reason", "It deletes too much.")

    @rule(clone=_CLONES, name=_LIBRARIES, is_back=st.booleans())
    def deprecate(self, clone: str, name: str, is_back: bool) -> None:
        self.do(clone, "deprecate", name, *(["--undo"] if is_back else ["--reason", "Old."]))

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK)
    def roll_a_library_back(self, clone: str, name: str, number: int) -> None:
        self.do(clone, "rollback", name, "--to", self.pick(clone, name, number))

    @rule(clone=_CLONES, name=_LIBRARIES)
    def unpin(self, clone: str, name: str) -> None:
        self.do(clone, "rollback", name, "--unpin")

    @rule(clone=_CLONES, number=_PICK)
    def roll_the_instance_back(self, clone: str, number: int) -> None:
        commits = git(self.root / clone, "rev-list", "--first-parent", "main").splitlines()
        to = commits[min(number, len(commits) - 1)]
        self.do(clone, "rollback", "--to", to, "--skip-missing")

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK, is_one=st.booleans())
    def uninstall(self, clone: str, name: str, number: int, is_one: bool) -> None:
        version = [self.pick(clone, name, number)] if is_one else []
        self.do(clone, "uninstall", name, *version)

    @rule(
        clone=_CLONES, what=st.sampled_from(("add", "install", "old", "update", "lock", "remove"))
    )
    def use_an_upstream(self, clone: str, what: str) -> None:
        if what == "lock":
            return self.install_what_a_lock_says(clone)
        public = self.root / "public"
        command: dict[str, tuple[object, ...]] = {
            "add": ("upstream", "add", "pub", public, "--allow-private"),
            "install": ("install", "gamma"),
            "old": ("install", "gamma==1.0.0"),
            "update": ("update",),
            "remove": ("upstream", "remove", "pub"),
        }
        self.do(clone, *command[what])
        return None

    def install_what_a_lock_says(self, clone: str) -> None:
        lock = self.root / "steps.lock"
        code, said = run(self.root / clone, "lock", "--output", lock)
        self.tell(f"{clone}: opsteps lock -> {code} {said!r}")
        if code == 0:
            self.do(clone, "install", "--lock", lock)

    @rule(clone=_CLONES, name=_LIBRARIES, is_on=st.booleans())
    def edit_a_wish_by_hand(self, clone: str, name: str, is_on: bool) -> None:
        wish = self.root / clone / _INSTANCE / f"{name}.yaml"
        if not self.versions(clone, name):
            return
        wish.parent.mkdir(parents=True, exist_ok=True)
        wish.write_text(f"enabled: {str(is_on).lower()}\n", encoding="utf-8")
        self.by_hand(clone, "add", _INSTANCE)
        self.by_hand(clone, "commit", "-q", "--allow-empty", "-m", f"Wish for {name}")
        self.push(clone)

    @rule(clone=_CLONES, number=_PICK)
    def edit_the_front_page_by_hand(self, clone: str, number: int) -> None:
        (self.root / clone / "README.md").write_text(f"# Steps {number}\n", encoding="utf-8")
        self.by_hand(clone, "add", "README.md")
        self.by_hand(clone, "commit", "-q", "--allow-empty", "-m", "Edit the front page")
        self.push(clone)

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK, is_squashed=st.booleans())
    def merge_a_pull_request(
        self,
        clone: str,
        name: str,
        number: int,
        is_squashed: bool,
    ) -> None:
        version = self.next_version(clone, name, number)
        found = self.library(clone, name)
        if found is not None and found.is_uninstalled:
            return
        work = self.root / "work"
        git(self.root, "clone", "-q", "origin.git", "work")
        git(work, "checkout", "-q", "-b", "pr")
        shutil.copytree(self.source(name, version), work / f"libraries/{name}/{version}")
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", f"Propose {name} {version}")
        git(work, "checkout", "-q", "main")
        how = ("--squash",) if is_squashed else ("--no-ff",)
        git(work, "merge", "-q", *how, "pr")
        if is_squashed:
            git(work, "commit", "-q", "-m", f"Propose {name} {version} (#7)")
        git(work, "push", "-q", "origin", "main")
        shutil.rmtree(work)
        self.tell(f"merged a pull request with {name} {version}")
        self.all_is_well()
        self.do(clone, "release", "--all")

    @rule(clone=_CLONES, name=_LIBRARIES, number=_PICK)
    def work_without_the_remote_and_push(self, clone: str, name: str, number: int) -> None:
        version = self.next_version(clone, name, number)
        key = ("--key", self.key) if self.key else ()
        code, said = run(self.root / clone, "install", self.source(name, version), *key)
        self.tell(f"{clone}: installed {name} {version} here alone -> {code} {said!r}")
        assert code in {0, *REFUSED}, said
        self.push(clone)

    @rule(clone=_CLONES, other=_CLONES, number=_PICK, whence=_WHENCE)
    def merge_branches_that_parted(
        self, clone: str, other: str, number: int, whence: tuple[str, ...]
    ) -> None:
        if clone == other:
            return
        (self.root / clone / "NOTES.md").write_text(f"{number}\n", encoding="utf-8")
        self.by_hand(clone, "add", "NOTES.md")
        self.by_hand(clone, "commit", "-q", "--allow-empty", "-m", "Take notes")
        key = ("--key", self.key) if self.key else ()
        version = self.next_version(other, "alpha", number)
        run(self.root / other, "install", self.source("alpha", version), "--remote", "origin", *key)
        self.by_hand(clone, "pull", "-q", "--no-rebase", "--no-edit", *whence)
        self.push(clone)

    @rule(clone=_CLONES, what=st.sampled_from(("maintain", "gc", "prune", "pack-refs")))
    def tidy(self, clone: str, what: str) -> None:
        if what == "maintain":
            self._done(self.root / clone, "maintain")
        else:
            command = {"gc": ("gc", "-q"), "prune": ("gc", "-q", "--prune=now")}
            self.by_hand(clone, *command.get(what, ("pack-refs", "--all")))
        self.all_is_well()

    @rule(clone=_CLONES)
    def restart_the_server(self, clone: str) -> None:
        self._running[clone].close()
        self._start(clone)
        self.tell(f"{clone}: started again")
        self.all_is_well()

    @rule(clone=_CLONES)
    def say_that_the_head_is_trusted(self, clone: str) -> None:
        self._done(self.root / clone, "trust", self.origin_head())
        self.all_is_well()

    @rule(clone=_CLONES)
    def sign_the_head(self, clone: str) -> None:
        if self.key:
            self._done(self.root / clone, "sign-head", "--key", self.key, "--remote", "origin")
            self.all_is_well()

    @rule(clone=_CLONES, is_done=st.booleans())
    def repair_what_needs_none(self, clone: str, is_done: bool) -> None:
        before = self.origin_head()
        said = self._done(self.root / clone, "repair", *(["--yes"] if is_done else []))
        if self.origin_head() != before or git(self.root / clone, "rev-parse", "main") != before:
            raise self.failed(f"{clone}: a repair changed something: {said}")
        self.all_is_well()

    @rule(clone=_CLONES)
    def back_up_and_restore(self, clone: str) -> None:
        shutil.rmtree(self.root / "restored", ignore_errors=True)
        self._done(self.root / clone, "backup", self.root / "steps.backup")
        self._done(self.root, "restore", "steps.backup", "restored")
        assert "Sound" in self._done(self.root / "restored", "verify", "--deep")
        assert git(self.root / "restored", "rev-parse", "main") == self.origin_head()
        self.all_is_well()

    @rule(clone=_CLONES)
    def carry_a_bundle(self, clone: str) -> None:
        for name in ("steps.bundle", "taken"):
            path = self.root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        key = ("--key", self.key) if self.key else ()
        self._done(self.root / clone, "bundle", self.root / "steps.bundle", *key)
        self._done(self.root, "import", "bundle", "steps.bundle", "taken")
        assert "Sound" in self._done(self.root / "taken", "verify", "--deep")

    def teardown(self) -> None:
        if hasattr(self, "servers"):
            try:
                self.carry_a_bundle("one")
            finally:
                self._stack.close()
