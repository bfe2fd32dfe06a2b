"""A library with a name, a version and steps only: its pages show no empty label."""

import re
from pathlib import Path

from tests.installed import opsteps
from tests.registry.making import new_registry, write_files
from tests.registry.test_demands import BARE

EMPTY = re.compile(r"<(dd|dt|h[1-6]|li|p|div class=\"lead\")>\s*</|description\" content=\"\"")


def test_pages_and_commands_show_nothing_empty(tmp_path: Path) -> None:
    new_registry(tmp_path / "registry").close()
    opsteps(tmp_path, "install", write_files(tmp_path / "bare", BARE), "-r", "registry")
    opsteps(tmp_path, "build", "registry", "--out", "site")
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
    assert "file-tools.file.copy" in opsteps(tmp_path, "search", "copy", "-r", "registry")
