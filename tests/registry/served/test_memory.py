"""The file of what was served: only more is added, and a torn end is cut off."""

from __future__ import annotations

from pathlib import Path

from registry.served.memory import WITHDRAWN, Memory, RememberedLibrary, RememberedRelease


def release(version: str, tag: str = "a", gone: str = "") -> RememberedRelease:
    return RememberedRelease(
        version=version, tag=tag * 40, digest="b" * 64, tree="c" * 40, gone=gone
    )


def library(name: str, *releases: RememberedRelease, facts: str = "d" * 40) -> RememberedLibrary:
    return RememberedLibrary(name=name, releases=releases, facts=facts)


def test_two_processes_add_and_both_know_all(tmp_path: Path) -> None:
    one, two = Memory(tmp_path), Memory(tmp_path)
    one.add([library("alpha", release("1.0.0"))])
    two.add([library("beta", release("1.0.0"))])
    one.add([library("alpha", release("1.1.0"))])
    one.refresh()
    two.refresh()
    assert one.libraries == two.libraries
    assert [r.version for r in two.libraries["alpha"].releases] == ["1.0.0", "1.1.0"]


def test_what_is_known_of_a_release_never_changes_but_whether_it_is_there(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.add([library("alpha", release("1.0.0", "a"))])
    memory.add([library("alpha", release("1.0.0", "e", gone=WITHDRAWN))])
    found = memory.libraries["alpha"].release("1.0.0")
    assert found == release("1.0.0", "a", gone=WITHDRAWN)


def test_what_was_known_already_is_not_written_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.add([library("alpha", release("1.0.0"))])
    size = memory.path.stat().st_size
    memory.add([library("alpha", release("1.0.0"))])
    assert memory.path.stat().st_size == size


def test_one_more_release_costs_what_it_is_however_many_there_are(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.add([library(f"l-{number}", release("1.0.0")) for number in range(1000)])
    before = memory.path.stat().st_size
    memory.add([library("l-1", release("1.1.0"))])
    assert memory.path.stat().st_size - before < before / 300


def test_a_torn_end_is_cut_off_and_what_follows_is_kept(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.add([library("alpha", release("1.0.0"))])
    whole = memory.path.read_bytes()
    memory.add([library("beta", release("1.0.0"))])
    longer = memory.path.read_bytes()
    for torn in (*(longer[:end] for end in range(len(whole), len(longer))), whole + bytes(4096)):
        memory.path.write_bytes(torn)
        again = Memory(tmp_path)
        again.refresh()
        assert list(again.libraries) == ["alpha"]
        assert not again.problem
        again.add([library("gamma", release("1.0.0"))])
        last = Memory(tmp_path)
        last.refresh()
        assert list(last.libraries) == ["alpha", "gamma"]


def test_a_file_that_was_altered_is_a_problem_and_its_good_part_counts(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.add([library("alpha", release("1.0.0"))])
    start = memory.path.stat().st_size
    memory.add([library("beta", release("1.0.0"))])
    memory.add([library("gamma", release("1.0.0"))])
    raw = bytearray(memory.path.read_bytes())
    raw[start + 30] ^= 1
    memory.path.write_bytes(raw)
    again = Memory(tmp_path)
    again.refresh()
    assert list(again.libraries) == ["alpha"]
    assert "damaged" in again.problem
    again.accept([library("alpha", release("1.0.0"))])
    last = Memory(tmp_path)
    last.refresh()
    assert not last.problem


def test_what_a_person_accepts_takes_the_place_of_what_was_known(tmp_path: Path) -> None:
    server, person = Memory(tmp_path), Memory(tmp_path)
    server.add([library("alpha", release("1.0.0", "a")), library("beta", release("1.0.0"))])
    person.accept([library("alpha", release("1.0.0", "e"))])
    before = server.generation
    server.refresh()
    assert server.generation > before
    assert server.libraries["alpha"].release("1.0.0") == release("1.0.0", "e")
    assert server.libraries["alpha"].accepted == 1
    assert "beta" in server.libraries


def test_a_file_that_somebody_removed_is_written_again(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.add([library("alpha", release("1.0.0"))])
    memory.path.unlink()
    memory.refresh()
    memory.add([library("beta", release("1.0.0"))])
    again = Memory(tmp_path)
    again.refresh()
    assert sorted(again.libraries) == ["alpha", "beta"]
