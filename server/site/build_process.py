"""The entry point of the background build: the search index first, as it is the quicker one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from builder.catalogue.build.build import build_catalogue
from builder.search.index_update import update_index
from registry.errors import ReportedError
from registry.processes.lifeline import end_with_starter
from registry.publishing.registry_template.published_address import is_loopback
from registry.snapshots.registry import Registry


def main(arguments: Sequence[str]) -> int:
    """Build for ``REGISTRY INSTANCE SITE SEARCH PUBLIC LISTENING``.

    PUBLIC is the address that the operator says, or empty; LISTENING the one that is listened on.
    The exit code is that of the error.
    """
    end_with_starter()
    path, instance, site, search, public, listening = arguments
    try:
        registry = Registry.open(Path(path), instance=instance)
        try:
            registry.remembers = True
            snapshot = registry.snapshot()
            update_index(Path(search), snapshot)
            own = public or (listening if is_loopback(snapshot.facts.url) else None)
            build_catalogue(registry, Path(site), base_url=own, is_served=True)
        finally:
            registry.close()
    except ReportedError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
