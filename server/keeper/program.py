"""The program of the keeper: lets workers answer first, if it can, and then loads the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from registry.errors import ReportedError
from registry.files.code_fingerprint import code_fingerprint
from registry.snapshots.cache_place import cache_directory
from registry.snapshots.registry import Registry
from server.errors import SettingsError
from server.keeper.vouching import vouch_at_once
from server.processes.launch import Launch, Teller, launched
from server.processes.shared_memory import note_place
from server.readmodel.model_files import owning, read_model_directory
from server.readmodel.writer import ReadModel
from server.site.static_files import site_problem

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
        with _read_model(registry, launch) as model:
            from server.keeper.keeper import keep

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
            next_step=f"Build one with 'opsteps build REGISTRY --out {site}', or leave out --site",
        )


@contextmanager
def _read_model(registry: Registry, launch: Launch) -> Iterator[ReadModel]:
    """Yield the read model to write; workers use the existing file at once if it is current."""
    settings = launch.settings
    registry.served_branch = settings.branch
    directory = read_model_directory(cache_directory(registry), settings.instance)
    with owning(directory) as is_own:
        if not is_own:  # another server serves the same
            directory = launch.directory
        code = _code(launch)
        note_place(launch.place, directory)
        vouch_at_once(directory, registry, code=code, instance=settings.instance, run=launch.run)
        yield ReadModel(
            directory,
            code=code,
            instance=settings.instance,
            run=launch.run,
            asked_bytes=settings.filtered_list_bytes,
        )


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
