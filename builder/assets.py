"""Where the catalogue's templates, styles and scripts are, in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

from builder.errors import MissingAssetsError

_HERE = Path(__file__).resolve().parent
# A wheel carries catalog-site/ inside the package; a checkout has it beside the package.
_PLACES = (_HERE / "_catalog_site", _HERE.parent / "catalog-site")


def site_source() -> Path:
    """The directory that holds ``templates/``, ``styles/`` and ``assets/``.

    Raises MissingAssetsError when the installation lacks it.
    """
    for place in _PLACES:
        if (place / "templates").is_dir():
            return place
    raise MissingAssetsError(
        "the catalogue's templates are missing from this installation",
        where=str(_PLACES[-1]),
        next_step="Install opsconductor-steps again",
    )
