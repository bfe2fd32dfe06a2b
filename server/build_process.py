"""The entry point of the background build: the search index first, as it is the quicker one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from builder.catalogue.build import build_catalogue
from builder.search_index import update_index
from registry.errors import ReportedError
from registry.snapshot import Registry


def main(arguments: Sequence[str]) -> int:
    """Build for ``REGISTRY INSTANCE SITE SEARCH``; the exit code is that of the error."""
    path, instance, site, search = arguments
    try:
        registry = Registry.open(Path(path), instance=instance)
        try:
            update_index(Path(search), registry.snapshot())
            build_catalogue(registry, Path(site))
        finally:
            registry.close()
    except ReportedError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
