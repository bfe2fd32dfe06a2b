"""What a pull request says about removed versions is not its to say."""

import shutil

from tests.builder.review.changing import Changing

ERROR = "error"
ENTRY = {"digest": "0" * 64, "date": "2026-01-01T00:00:00Z", "by": "olga", "request": "r"}


def removed(changing: Changing) -> dict[str, object]:
    return {**changing.facts(), "removed": {"1.0.0": ENTRY}}


def test_entry_written_by_hand_is_found(changing: Changing) -> None:
    changing.write_facts(removed(changing))
    assert changing.found("olga") == {("removal-by-hand", ERROR)}


def test_entry_taken_away_by_hand_is_found(changing: Changing) -> None:
    before = changing.facts()
    changing.write_facts(removed(changing))
    shutil.rmtree(changing.path / "libraries/file-tools/1.0.0")
    changing.settle()
    changing.write_facts(before)
    assert changing.found() == {("removal-by-hand", ERROR)}


def test_removed_release_comes_back_as_it_was(changing: Changing) -> None:
    before, release = changing.facts(), changing.path / "libraries/file-tools/1.0.0"
    changing.write_facts(removed(changing))
    shutil.move(release, changing.path.parent / "kept")
    changing.settle()
    shutil.move(changing.path.parent / "kept", release)
    changing.write_facts(before)
    assert changing.found() == set()
