"""What `benchmarks.catalogue` times as a whole process: one build of the catalogue from nothing.

``python -m benchmarks.catalogue_process REGISTRY SITE [SEARCH]``: pages only, or with SEARCH (the
directory of the Whoosh index) pages and both search indexes, as the server's background build.
"""

from __future__ import annotations

import sys
from pathlib import Path

from builder.catalogue.build import build_catalogue
from builder.search_index import update_index
from registry.snapshot import Registry


def main(path: str, site: str, search: str = "") -> None:
    """Build."""
    registry = Registry.open(Path(path))
    try:
        if search:
            update_index(Path(search), registry.snapshot())
        build_catalogue(registry, Path(site), search=bool(search))
    finally:
        registry.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
