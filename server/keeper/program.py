"""The program of the keeper: lets workers answer first, if it can, and then loads the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import structlog

from registry.errors import ReportedError
from registry.files.code_fingerprint import code_fingerprint
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry
from server.errors import SettingsError
from server.keeper.vouching import vouch_at_once
from server.observing.worker_counts import Counts
from server.processes.launch import Launch, Teller, launched
from server.readmodel.model_files import (
    current_name,
    file_number,
    forget_current,
    owning,
    read_model_directory,
    renew,
    renew_locks,
)
from server.readmodel.model_place import ModelPlace, noted_place
from server.readmodel.writer import ReadModel
from server.site.static_files import site_problem

_WORKERS_SECONDS = 1.5
_LOOK_SECONDS = 0.01
_LOG = structlog.get_logger(__name__)


def main() -> int:
    """Run the keeper until SIGTERM; report a failed start to the supervisor."""
    launch = launched()
    teller = Teller(launch.telling)
    try:
        _refuse_site(launch.site_path)
        settings = launch.settings
        registry = Registry.open(
            launch.registry_path,
            instance=settings.instance,
            remote=settings.remote or None,
            remote_seconds=settings.remote_seconds,
            check_clone=False,
        )
        with _read_model(registry, launch) as (model, left):
            from server.keeper.keeper import keep

            _wait_for_workers(launch, left)
            keep(registry, model, launch, teller)
    except ReportedError as error:
        teller.failed(error)
        return error.exit_code
    return 0


def _refuse_site(site: Path | None) -> None:
    problem = site_problem(site) if site is not None else ""
    if problem:
        raise SettingsError(
            problem,
            next_step=f"Build one with 'opsteps build --out {site}', or leave out --site",
        )


@contextmanager
def _read_model(registry: Registry, launch: Launch) -> Iterator[tuple[ReadModel, str | None]]:
    """Yield the read model to write; workers use the existing file at once if it is current.

    Also yields the name of a file that workers are to leave.
    """
    settings = launch.settings
    registry.served_branch = settings.branch
    directory = read_model_directory(cache_directory(registry), settings.instance)
    with owning(directory) as is_own:
        left = None if launch.is_first else current_name(noted_place(launch.place) or directory)
        if not is_own or not _is_place(directory, launch) or not _renewed(directory, launch):
            directory = launch.directory
            _renewed(directory, launch)
        code = _code(launch)
        place = ModelPlace(memory=launch.place, spare=launch.directory)
        place.note(directory)
        vouch_at_once(directory, registry, code=code, instance=settings.instance, run=launch.run)
        model = ReadModel(
            directory,
            code=code,
            instance=settings.instance,
            run=launch.run,
            asked_bytes=settings.filtered_list_bytes,
            place=place,
        )
        yield model, left


def _is_place(directory: Path, launch: Launch) -> bool:
    """True unless an earlier keeper of this run had to leave it: what it left there is old."""
    return launch.is_first or noted_place(launch.place) == directory


def _renewed(directory: Path, launch: Launch) -> bool:
    """Let the read model have no lock that an earlier keeper may have left taken.

    Returns False if that cannot be written.
    """
    try:
        if launch.is_first:
            renew_locks(directory)
        else:
            renew(directory)
    except OSError as error:
        _LOG.warning("the read model before is not used", reason=str(error))
        forget_current(directory)
        return False
    return True


def _wait_for_workers(launch: Launch, left: str | None) -> None:
    """Wait until no worker reads a file any more: it would not show what is answered from now on.

    One that hangs is not waited for.
    """
    if left is None:
        return
    workers = [Counts(memory) for memory in launch.counts]
    last = monotonic() + _WORKERS_SECONDS
    while any(one.file == file_number(left) for one in workers) and monotonic() < last:
        sleep(_LOOK_SECONDS)


def _code(launch: Launch) -> str:
    """Return the fingerprint of this process's code, which an installation may have replaced."""
    if launch.is_first:
        return launch.code
    code = code_fingerprint("registry", "server")
    if code != launch.code:
        _LOG.error("the code has changed under the server: restart it, workers only relay now")
    return code


if __name__ == "__main__":
    sys.exit(main())
