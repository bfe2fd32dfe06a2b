"""What `opsteps verify` says of every way to tamper that we know: one named test for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.errors import GitError
from registry.trust.trusted_head import read_trusted
from tests.attacks.tampering import WHERE_TRUSTED, YES, Tampering, table, tamperings
from tests.registry.verifying.scene import Keys, Scene, make_scene

_ALL = [pytest.param(one, id=one.name) for one in tamperings()]


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = make_scene(tmp_path_factory.mktemp("tampering") / "registry", Keys())
    made.trust()
    yield made
    made.registry.close()


@pytest.fixture
def scene(trusted: Scene, tmp_path: Path) -> Iterator[Scene]:
    copied = trusted.copy(tmp_path / "registry")
    yield copied
    copied.registry.close()


def is_found(scene: Scene, *, deep: bool) -> bool:
    """Whether `verify` says that the registry is not to be trusted, by a finding or an error."""
    try:
        return not scene.report(scene.wishes(deep=deep)).is_sound
    except GitError:
        return True


@pytest.mark.parametrize("tampering", _ALL)
def test_verify_says_of_a_tampering_what_the_table_says(scene: Scene, tampering: Tampering) -> None:
    tampering.tamper(scene)
    assert is_found(scene, deep=False) == (tampering.verify in {YES, WHERE_TRUSTED})
    assert is_found(scene, deep=True) == (tampering.deep in {YES, WHERE_TRUSTED})
    if tampering.verify == WHERE_TRUSTED:
        (scene.path / ".git" / "opsteps" / "trusted.json").unlink()
        assert read_trusted(scene.registry) is None
        assert not is_found(scene, deep=False)


def test_the_page_shows_this_table() -> None:
    page = Path(__file__).parents[2] / "docs/trust.md"
    assert table() in page.read_text(encoding="utf-8"), f"put this into {page}:\n\n{table()}"
