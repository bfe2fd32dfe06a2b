"""A library with a name, a version and steps only: its pages show no empty label."""

import re
from pathlib import Path

from builder.catalogue.build.build import build_catalogue
from registry.installing.incoming import check_incoming
from registry.installing.installer import Installer
from registry.transactions.transaction import Actor
from tests.installed import opsteps
from tests.registry.checks.test_policy_demands import BARE
from tests.registry.making import new_registry

EMPTY = re.compile(r'<(?:dd|dt|h[1-6]|li|p|div class="lead")>\s*</|description" content=""')


def test_pages_and_commands_show_nothing_empty(tmp_path: Path) -> None:
    with new_registry(tmp_path / "registry") as registry:
        Installer(registry).install([check_incoming(BARE)], by=Actor(name="ada"))
        build_catalogue(registry, tmp_path / "site", jobs=1, search=False)
    pages = [*tmp_path.glob("site/libraries/file-tools/**/*.html"), tmp_path / "site/index.html"]
    assert len(pages) >= 4
    for page in pages:
        assert EMPTY.findall(page.read_text()) == [], page
    library = (tmp_path / "site/libraries/file-tools/index.html").read_text()
    assert "<dt>Author</dt>" not in library
    assert "<dt>Licence</dt>" not in library
    shown = opsteps(tmp_path, "show", "file-tools", "-r", "registry")
    assert "author" not in shown
    assert "\n\n\n" not in shown
