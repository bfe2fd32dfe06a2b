"""Git as this project runs it: plumbing only, deaf to the user's and the machine's configuration.

Hooks, filters, ``core.fsmonitor`` and a stranger's configuration change nothing here. Names reach
Git only as parsed names, object ids or through standard input, never as options.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NewType

from registry.errors import DamagedRepositoryError, GitError, GoneError, RegistryError
from registry.files.git_config import GitConfig
from registry.git.failures import (
    RESTORE,
    git_failure,
    missing_object,
    no_such_commit,
    partial_clone,
)
from registry.git.layout import find_places
from registry.git.remote_failures import remote_failure
from registry.git.remote_limits import Reach, communicate
from registry.git.safe_directories import safe_directories
from registry.limits import BLOB_BYTES, OBJECT_BYTES
from registry.names import CommitId, ObjectId

ObjectType = NewType("ObjectType", str)

_ISOLATED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # A name that can never be there: of any file, an empty one too, Git says that it is deprecated.
    "GIT_GRAFT_FILE": f"{os.devnull}/none",
    "LC_ALL": "C",
}
_OVERRIDES = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.autocrlf=false",
    "-c", "core.attributesFile=/dev/null",
    "-c", "gc.auto=0",
    "-c", "core.quotePath=false",
    # What is too large to be read here, Git itself does not hold in memory either.
    "-c", f"core.bigFileThreshold={BLOB_BYTES}",
    # Speed counts when an operator waits; a repack compresses again anyway.
    "-c", "core.compression=1",
    # What is acknowledged is on the disk: loose objects, packs and refs.
    "-c", "core.fsync=committed,reference",
    "-c", "core.fsyncMethod=fsync",
    # Programs that a copied registry's own configuration may name, and that nothing here needs.
    "-c", "log.showSignature=false",
    "-c", "gpg.program=false",
    "-c", "gpg.openpgp.program=false",
    "-c", "gpg.x509.program=false",
    "-c", "gpg.ssh.program=false",
    "-c", "gpg.ssh.defaultKeyCommand=",
    "-c", "core.alternateRefsCommand=true",
)  # fmt: skip
_HEADER = re.compile(rb"([0-9a-f]{40,64}) (blob|tree|commit|tag) ([0-9]+)\n\Z")
# An object that is missing is missing: none is fetched, by a command that a stranger chose.
LOCAL = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": ""}
# Configuration that makes Git run a program on the content of files.
_DRIVERS = r"^(filter\..*\.(clean|smudge|process|required)|diff\..*\.(textconv|command))$"
_REMOTE_OVERRIDES = (
    "core.sshCommand=ssh -oBatchMode=yes",
    "core.gitProxy=",
    "core.askPass=",
    "credential.helper=",
    "push.gpgSign=false",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "push.pushOption=",
    "transfer.fsckObjects=true",
)
_PATIENT = ("nice", "-n", "19")
# Objects asked for at once: what waits in the pipe to Git stays far below its 64 KiB.
_BATCH = 256
_ID = re.compile(r"[0-9a-f]{40}")
_UNREAD = bytes(BLOB_BYTES + 1)
# Of what a failed command said.
_SAID = 20_000


def isolated_environment() -> dict[str, str]:
    """The environment every Git process runs in.

    A caller's hook or shell sets variables that point Git at another repository, index, object
    store or configuration: none of Git's own is handed on.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return kept | _ISOLATED


def isolated_command(
    arguments: Sequence[str], *, git_dir: Path | None = None, work_tree: Path | None = None
) -> list[str]:
    """The command line of Git for a repository, or for none yet."""
    where = [f"--git-dir={git_dir}"] if git_dir is not None else []
    if work_tree is not None:
        where.append(f"--work-tree={work_tree}")
    return ["git", *_OVERRIDES, *where, *arguments]


def remote_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command that talks to another repository.

    No program that the repository's own configuration names is started for it.
    """
    return [*(part for text in _REMOTE_OVERRIDES for part in ("-c", text)), *arguments]


@dataclass(frozen=True, kw_only=True, slots=True)
class GitObject:
    """One object as ``git cat-file`` gives it.

    ``content`` of a file of more than `BLOB_BYTES` was not read: so many zeros and one stand for
    it, which no format takes and no limit lets through.
    """

    object_id: ObjectId
    type: ObjectType
    content: bytes
    is_read: bool = True


class GitRepository:
    """One repository: short commands through `run`, objects through a lasting ``cat-file``."""

    def __init__(self, path: Path) -> None:
        """Open the repository at ``path`` itself, never one of its parents.

        Raises NotARegistryError where none is, or none of a kind that is known here.
        """
        places = find_places(path)
        self.git_dir = places.git_dir
        self.common_dir = places.common_dir
        self.work_tree = places.work_tree
        self.config: GitConfig = places.config
        self.kept: list[Path] = []
        """Files that hold packs of ours until their refs have moved: see `registry.git.packs`."""
        self._lock = threading.Lock()
        self._reader: subprocess.Popen[bytes] | None = None

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return isolated_command(arguments, git_dir=self.git_dir, work_tree=self.work_tree)

    def run(self, *arguments: str, stdin: bytes = b"", holding: int | None = None) -> bytes:
        """Run one Git command to its end and return what it printed; raises GitError.

        It inherits the lock ``holding``: should this process be killed, the lock is free only
        after the command has ended as well.
        """
        return self._run(arguments, stdin, {}, holding=holding)

    def run_remotely(
        self, *arguments: str, holding: int | None = None, reach: Reach | None = None
    ) -> bytes:
        """As `run`, for a command that talks to another repository over a known protocol.

        Raises RemoteTimeoutError when it took longer than it may.
        """
        reach = reach or Reach()
        extra = {**reach.environment(), **safe_directories()}
        return self._run(remote_arguments(arguments), b"", extra, holding=holding, reach=reach)

    def run_on_files(
        self,
        *arguments: str,
        stdin: bytes = b"",
        patient: bool = False,
        index: Path | None = None,
        holding: int | None = None,
    ) -> bytes:
        """As `run`, for a command that reads or writes the working tree.

        Filters that the repository's own configuration names are not run: a release is its blobs.
        A ``patient`` command takes only the processor time that nobody else wants. ``index`` is
        another file than the repository's own index.
        """
        extra = self.without_drivers()
        if index is not None:
            extra["GIT_INDEX_FILE"] = str(index)
        before = _PATIENT if patient else ()
        return self._run(arguments, stdin, extra, before, holding=holding)

    def run_patiently(
        self,
        *arguments: str,
        stdin: bytes = b"",
        holding: int | None = None,
        reach: Reach | None = None,
    ) -> bytes:
        """As `run`, with only the processor time that nobody else wants.

        Raises RemoteTimeoutError when it took longer than ``reach`` allows.
        """
        return self._run(arguments, stdin, {}, _PATIENT, holding=holding, reach=reach)

    def without_drivers(self) -> dict[str, str]:
        """The environment in which Git runs no filter and no program that shows differences."""
        try:
            out = self.run("config", "--null", "--name-only", "--get-regexp", _DRIVERS)
        except GitError:  # there are none
            return {}
        keys = out.decode(errors="surrogateescape").split("\0")[:-1]
        overrides = {"GIT_CONFIG_COUNT": str(len(keys))}
        for number, key in enumerate(keys):
            overrides[f"GIT_CONFIG_KEY_{number}"] = key
            overrides[f"GIT_CONFIG_VALUE_{number}"] = "false" if key.endswith(".required") else ""
        return overrides

    def _run(
        self,
        arguments: Sequence[str],
        stdin: bytes,
        extra: Mapping[str, str],
        before: Sequence[str] = (),
        holding: int | None = None,
        reach: Reach | None = None,
    ) -> bytes:
        try:
            process = subprocess.Popen(
                [*before, *self._command(arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**isolated_environment(), **LOCAL, **extra},
                cwd=self.work_tree or self.git_dir,
                pass_fds=() if holding is None else (holding,),
                # With helpers of its own it must be possible to end all of them.
                start_new_session=reach is not None,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise no_git(error, self.work_tree or self.git_dir) from error
        out, errors = communicate(process, stdin, reach)
        if process.returncode != 0:
            raise self.failure(arguments, errors.decode(errors="replace"), reach)
        return out

    def failure(
        self, arguments: Sequence[str], said: str, reach: Reach | None = None
    ) -> RegistryError:
        """The error for a command that failed with these words."""
        name, where = _name_of(arguments), str(self.git_dir)
        remote = next(iter(self.config.remotes), "")
        elsewhere = remote_failure(name, said, where=where) if reach is not None else None
        error = elsewhere or git_failure(
            name, said, where=where, is_partial=self.config.is_partial, remote=remote
        )
        if isinstance(error, GitError):
            error.said = said
        return error

    def start(self, arguments: Sequence[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a Git command that is fed through its standard input; raises GitError."""
        return self._start(arguments, subprocess.DEVNULL, errors)

    def lines(self, *arguments: str) -> Iterator[str]:
        """The lines that a command prints, as they come; it ends with the iterator.

        For plumbing whose lines hold nothing of strangers, such as ``rev-list``. Raises GitError.
        """
        with tempfile.TemporaryFile() as errors:
            process = self._start(arguments, subprocess.PIPE, errors)
            try:
                if process.stdin is not None:
                    process.stdin.close()
                for line in process.stdout or ():
                    yield line.decode(errors="surrogateescape").rstrip("\n")
                if process.wait() != 0:
                    errors.seek(0)
                    raise self.failure(arguments, errors.read(_SAID).decode(errors="replace"))
            finally:
                process.kill()
                if process.stdout is not None:
                    process.stdout.close()
                process.wait()

    def _start(
        self, arguments: Sequence[str], out: int, errors: IO[bytes] | int
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command(arguments),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=errors,
                env={**isolated_environment(), **LOCAL},
                cwd=self.work_tree or self.git_dir,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise no_git(error, self.work_tree or self.git_dir) from error

    def objects(self, names: Sequence[str]) -> Iterator[GitObject | None]:
        """The objects of these ids or revisions, in their order; None for one that is missing.

        Requests are pipelined over one lasting ``git cat-file --batch``, so that thousands of
        small objects cost one process. The iterator holds that process until it is used up.
        """
        with self._lock:
            done = False
            try:
                for name, found in zip(names, self._answers(names), strict=True):
                    if found is None:
                        self._refuse_gone()
                    if found is None and self.config.is_partial and self._is_left_out(name):
                        raise self._partial()
                    yield found
                done = True
            except (BrokenPipeError, EOFError) as error:
                raise self._partial() if self.config.is_partial else _ended_early() from error
            finally:
                if not done:  # the answers still in the pipe belong to nobody
                    self._close_reader()

    def _answers(self, names: Sequence[str]) -> Iterator[GitObject | None]:
        start = 0
        while start < len(names):
            for found in _pipelined(self._open_reader(), names, start):
                start += 1
                yield found
                if found is not None and not found.is_read:
                    # What comes is not wanted: gigabytes may be on their way.
                    self._close_reader()
                    break

    def _refuse_gone(self) -> None:
        """Raise GoneError where nothing is found because the whole repository is away."""
        if not self.git_dir.is_dir():
            raise _gone(self.git_dir)

    def _partial(self) -> GitError:
        return partial_clone(str(self.git_dir), next(iter(self.config.remotes), ""))

    def _is_left_out(self, name: str) -> bool:
        """True if an object that is missing exists, for all that is known."""
        if _ID.fullmatch(name):
            return True
        try:
            self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        except GitError:  # there is no such path
            return False
        return True

    def object(self, name: str) -> GitObject | None:
        """One object; None when it is missing."""
        return next(iter(list(self.objects([name]))))

    def _open_reader(self) -> subprocess.Popen[bytes]:
        if self._reader is not None and self._reader.poll() is not None:
            self._close_reader()
        if self._reader is None:
            self._reader = self._start(["cat-file", "--batch"], subprocess.PIPE, subprocess.DEVNULL)
        return self._reader

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.kill()
            for pipe in (self._reader.stdin, self._reader.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        # What we still had to ask is not wanted any more.
                        continue
            self._reader.wait()
            self._reader = None

    def close(self) -> None:
        """End the lasting process."""
        with self._lock:
            self._close_reader()

    def resolve_commit(self, revision: str) -> CommitId:
        """The commit a revision names; raises NoSuchCommitError when there is none."""
        name = f"{revision}^{{commit}}"
        try:
            out = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        except GitError as error:
            if type(error) is not GitError:  # it is not the name that is wrong
                raise
            found = None if "\n" in revision else self.object(revision)
            raise no_such_commit(
                revision,
                found.type if found is not None else "",
                where=str(self.work_tree or self.git_dir),
                config=self.config,
                is_shallow=(self.common_dir / "shallow").exists(),
            ) from error
        return CommitId(out.decode().strip())


def _name_of(arguments: Sequence[str]) -> str:
    """Return the command's name: the first argument that is not an option of Git itself."""
    return next(
        (
            text
            for number, text in enumerate(arguments)
            if not text.startswith("-") and (number == 0 or arguments[number - 1] != "-c")
        ),
        "",
    )


def no_git(error: OSError, where: Path) -> RegistryError:
    """Say why Git did not start: it, or the directory that it was to work in, is missing."""
    if not where.is_dir():
        return _gone(where)
    return GitError(f"git cannot be started: {error.strerror}", next_step="Install Git")


def _gone(where: Path) -> GoneError:
    return GoneError(
        "the registry's directory is not there any more",
        where=str(where),
        next_step="Put it back, or mount it; nothing else has to be done",
    )


def _ended_early() -> DamagedRepositoryError:
    return DamagedRepositoryError("Git cannot read an object", next_step=RESTORE)


def _pipelined(
    reader: subprocess.Popen[bytes], names: Sequence[str], begin: int
) -> Iterator[GitObject | None]:
    stdin, stdout = reader.stdin, reader.stdout
    if stdin is None or stdout is None:
        raise GitError("git cat-file has no pipes", next_step="Report this as a bug")
    for start in range(begin, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        request = "".join(f"{name}\n" for name in batch)
        if request.count("\n") != len(batch):
            raise GitError("the name of an object has a line break", next_step="Use an object id")
        stdin.write(request.encode(errors="surrogateescape"))
        stdin.flush()
        for _ in batch:
            yield _read_object(stdout)


def _read_object(stdout: IO[bytes]) -> GitObject | None:
    header = stdout.readline()
    if not header:
        raise EOFError
    found = _HEADER.match(header)
    if found is None:  # missing, ambiguous, a submodule
        return None
    object_id, kind, size = ObjectId(found[1].decode()), ObjectType(found[2].decode()), found[3]
    if kind == "blob" and int(size) > BLOB_BYTES:
        return GitObject(object_id=object_id, type=kind, content=_UNREAD, is_read=False)
    if int(size) > OBJECT_BYTES:
        raise DamagedRepositoryError(
            f"the {kind} {object_id} has {int(size):,} bytes, more than {OBJECT_BYTES:,}",
            next_step=RESTORE,
        )
    content = stdout.read(int(size))
    stdout.read(1)
    return GitObject(object_id=object_id, type=kind, content=content)


def is_genuine(found: GitObject, object_id: ObjectId) -> bool:
    """True if an object is what its id says; what is too large was not read and is not judged."""
    if not found.is_read:
        return True
    header = b"%b %d\0" % (found.type.encode(), len(found.content))
    digest = hashlib.sha1(header, usedforsecurity=False)
    digest.update(found.content)
    return digest.hexdigest() == object_id


class Wave:
    """Objects asked for together: `want` each, then `fetch` them in one pipelined request."""

    def __init__(self, repository: GitRepository) -> None:
        """Nothing is asked for yet."""
        self._repository = repository
        self._ids: dict[ObjectId, None] = {}

    def want(self, object_id: ObjectId) -> None:
        """Ask for one object; asking twice costs nothing."""
        self._ids[object_id] = None

    def fetch(self) -> dict[ObjectId, GitObject]:
        """Return the objects found; a missing one has no entry, and neither has a forged one.

        Git compares an object with its id only when it comes over a network. What lies under the
        id of another is as good as lost.
        """
        ids = list(self._ids)
        found = zip(ids, self._repository.objects(ids), strict=True)
        return {id_: item for id_, item in found if item is not None and is_genuine(item, id_)}

    def fetch_all(self) -> dict[ObjectId, GitObject]:
        """As `fetch`; raises DamagedRepositoryError for a missing object."""
        found = self.fetch()
        lost = next((object_id for object_id in self._ids if object_id not in found), None)
        if lost is not None:
            raise missing_object(lost, self._repository.git_dir)
        return found
