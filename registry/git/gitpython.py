"""Git through GitPython, for what is neither hot nor a durable write (ADR 0014).

It takes a twentieth of a second to load, so it is imported by the function that uses it, and never
by the server's own process. Here it is as deaf to the caller's environment and to a stranger's
configuration as `registry.git.repository`: the same command line, the same variables.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, Self

from registry.git.failures import git_failure
from registry.git.remote_limits import Reach, limit_files
from registry.git.repository import (
    LOCAL,
    GitRepository,
    isolated_command,
    isolated_environment,
    no_git,
    remote_arguments,
)
from registry.git.safe_directories import safe_directories
from registry.names import CommitId


@contextmanager
def _without_git_variables() -> Iterator[None]:
    """GitPython asks the environment which Git to run, and runs it, when it is loaded."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("GIT_")}
    # Without Git it is loaded all the same; the first command says what is missing.
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    try:
        yield
    finally:
        del os.environ["GIT_PYTHON_REFRESH"]
        os.environ.update(kept)


with _without_git_variables():
    import git
    from git.db import GitCmdObjectDB

if TYPE_CHECKING:
    from git.config import GitConfigParser

# What plumbing never starts, and GitPython's other commands might.
_PROGRAMS = ("-c", "diff.external=false", "-c", "core.editor=false", "-c", "core.pager=cat")


class _Process(git.Git.AutoInterrupt):
    """Closes its pipes when it has ended, and not when it happens to be collected."""

    __slots__ = ()

    def wait(self, stderr: str | bytes | None = b"") -> int:
        """As GitPython's own; raises GitCommandError."""
        try:
            return super().wait(stderr)
        finally:
            self._terminate()


class IsolatedGit(git.Git):
    """Starts Git as `GitRepository` does, whatever GitPython would have started.

    Variables that GitPython is told to set for later commands count for nothing.
    """

    repository: GitRepository | None = None
    """None while there is no repository yet."""
    reach: Reach | None = None
    """The limits of commands; None for those that stay here."""
    _drivers: Mapping[str, str] | None = None

    def __init__(self, working_dir: str | os.PathLike[str] | None = None) -> None:
        """Not GitPython's own: it takes ``~`` and ``$NAME`` in the directory's name for more."""
        super().__init__()
        self._working_dir = str(Path(working_dir).absolute()) if working_dir else None

    def execute(self, command: Any, istream: Any = None, *args: Any, **options: Any) -> Any:
        """As GitPython's own, for what it asks for itself; nothing else is known here."""
        unknown = options.keys() - _KNOWN
        if args or unknown:
            raise TypeError(f"not known here: {sorted(unknown) or args}")
        arguments = list(map(str, command[1:]))
        process = self._started(
            arguments,
            istream,
            with_stdout=options.get("with_stdout", True),
            is_text=options.get("universal_newlines", False),
            extra=options.get("env") or {},
        )
        if options.get("as_process"):
            return _Process(process, ["git", *arguments])
        out, said = process.communicate()
        if process.returncode != 0 and options.get("with_exceptions", True):
            raise git.GitCommandError(["git", *arguments], process.returncode, said, out)
        if options.get("strip_newline_in_stdout", True):
            out = out.removesuffix(b"\n")
        shown = out
        if options.get("stdout_as_string", True):
            shown = out.decode(errors="surrogateescape")
        if options.get("with_extended_output"):
            return process.returncode, shown, said.decode(errors="replace")
        return shown

    def _started(
        self,
        arguments: list[str],
        stdin: IO[bytes] | int | None,
        *,
        with_stdout: bool,
        is_text: bool,
        extra: Mapping[str, str],
    ) -> subprocess.Popen[Any]:
        where = Path(self._working_dir or ".")
        try:
            process = subprocess.Popen(
                self._command(arguments),
                stdin=stdin or subprocess.DEVNULL,
                stdout=subprocess.PIPE if with_stdout else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**isolated_environment(), **LOCAL, **self._variables(), **extra},
                cwd=where,
                start_new_session=self.reach is not None,
                encoding="utf-8" if is_text else None,
                errors="replace" if is_text else None,
            )
        except (FileNotFoundError, NotADirectoryError) as error:
            raise no_git(error, where) from error
        if self.reach is not None:
            limit_files(process.pid, self.reach)
        return process

    def _command(self, arguments: list[str]) -> list[str]:
        told = remote_arguments(arguments) if self.reach is not None else arguments
        if self.repository is None:
            return isolated_command([*_PROGRAMS, *told])
        git_dir, work_tree = self.repository.git_dir, self.repository.work_tree
        return isolated_command([*_PROGRAMS, *told], git_dir=git_dir, work_tree=work_tree)

    def _variables(self) -> dict[str, str]:
        if self.reach is not None:
            return {**self.reach.environment(), **safe_directories()}
        if self.repository is None:
            # Empty: no file of this machine's template gets into a new repository.
            return {"GIT_TEMPLATE_DIR": ""}
        if self._drivers is None:
            self._drivers = self.repository.without_drivers()
        return dict(self._drivers)


_KNOWN = frozenset(
    {
        "as_process",
        "env",
        "stdout_as_string",
        "strip_newline_in_stdout",
        "universal_newlines",
        "with_exceptions",
        "with_extended_output",
        "with_stdout",
    }
)


class IsolatedRepo(git.Repo):
    """A repository as GitPython has it, at the place that `GitRepository` finds."""

    GitCommandWrapperType = IsolatedGit
    git: IsolatedGit

    def __init__(self, path: str | os.PathLike[str], **_: object) -> None:
        """Not GitPython's own: it lets ``GIT_DIR`` and ``core.worktree`` lead elsewhere.

        Raises NotARegistryError where there is no repository.
        """
        repository = GitRepository(Path(path))
        self.git_dir = str(repository.git_dir)
        self._common_dir = str(repository.common_dir)
        self._working_tree_dir = str(repository.work_tree) if repository.work_tree else None
        self._bare = repository.work_tree is None
        self.working_dir = self._working_tree_dir or self.git_dir
        self.git = IsolatedGit(self.working_dir)
        self.git.repository = repository
        self.odb = GitCmdObjectDB(str(repository.common_dir / "objects"), self.git)

    def __enter__(self) -> Self:
        """Itself, by its own type: GitPython says only that it is one of its repositories."""
        return self

    def config_reader(self, config_level: object = None) -> GitConfigParser:  # noqa: ARG002
        """The repository's own file only, and no file that it includes."""
        path = Path(self._common_dir) / "config"
        return git.GitConfigParser(path, read_only=True, merge_includes=False)

    def config_writer(self, config_level: object = None) -> NoReturn:  # noqa: ARG002
        """Never: what a stranger wrote there must not be written again by another's rules."""
        raise TypeError("GitPython writes no configuration here; use 'git config'")


def open_repo(repository: GitRepository) -> IsolatedRepo:
    """The same repository through GitPython; it is to be closed."""
    return IsolatedRepo(repository.work_tree or repository.git_dir)


@contextmanager
def told_by_git(repository: GitRepository) -> Iterator[None]:
    """Raise what `GitRepository.run` raises where one of GitPython's commands failed."""
    try:
        yield
    except git.GitCommandError as error:
        raise repository.failure(list(map(str, error.command[1:])), _said(error)) from error


def _said(error: git.GitCommandError) -> str:
    """Return Git's words, without what GitPython puts around them."""
    return error.stderr.removeprefix("\n  stderr: '").removesuffix("'")


def iter_commits(
    repository: GitRepository, commits: str, paths: Sequence[str]
) -> Iterator[CommitId]:
    """The commits of a range; with paths, those that changed one of them, on any branch."""
    with open_repo(repository) as repo, told_by_git(repository):
        walk = repo.iter_commits(commits, paths, full_history=True, show_pulls=True)
        yield from (CommitId(commit.hexsha) for commit in walk)


def merge_bases(repository: GitRepository, one: CommitId, other: CommitId) -> list[CommitId]:
    """Return the commits where two branched off; none where they share no history."""
    with open_repo(repository) as repo, told_by_git(repository):
        return [CommitId(found.hexsha) for found in repo.merge_base(one, other, all=True)]


def create_repository(path: Path, *, bare: bool = False, branch: str = "main") -> GitRepository:
    """A new repository on this branch, in an existing directory; raises GitError."""
    try:
        IsolatedRepo.init(
            path.absolute(),
            mkdir=False,
            expand_vars=False,
            quiet=True,
            bare=bare,
            initial_branch=branch,
            object_format="sha1",
        ).close()
    except git.GitCommandError as error:
        said = _said(error)
        raise git_failure("init", said, where=str(path), is_partial=False, remote="") from error
    return GitRepository(path)
