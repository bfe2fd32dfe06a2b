from __future__ import annotations

import asyncio
import gzip
import os
import signal
from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from registry.names import CommitId
from registry.processes.pool import WorkerPool
from server.front.lookups import Lookups, StepFilter
from server.keeper.vouching import vouch_at_once
from server.readmodel import model_files, model_layout
from server.readmodel.model_layout import StoredToken
from server.readmodel.records import ServedLibrary, ServedStep, etag_of
from server.readmodel.served import Served, make_served, next_served
from server.readmodel.stored_state import StoredState
from server.readmodel.writer import ReadModel
from server.settings import Settings
from server.thread_pools import Pools
from tests.registry.making import new_registry
from tests.server.readmodel import process

_RUN = "run"
_CONTIGUOUS = 1 << 16


def _library(
    name: str, version: str = "1.0.0", *, is_enabled: bool = True, count: int = 3
) -> ServedLibrary:
    bodies = [f'{{"id":"{name}.a.{n}","version":"{version}"}}'.encode() for n in range(count)]
    detail = b'{"steps":[' + b",".join(bodies) + b"]}"
    return ServedLibrary(
        name=name,
        id=int.from_bytes(sha256(name.encode()).digest()[:8], "big") >> 11,
        key=f"{name} {version} {is_enabled}",
        version=version,
        is_enabled=is_enabled,
        is_premium=False,
        status="enabled" if is_enabled else "disabled",
        summary=f'{{"name":"{name}","version":"{version}"}}'.encode(),
        detail_head=b'{"steps":[',
        detail_tail=b"]}",
        detail_etag=etag_of(detail),
        detail_length=len(detail),
        steps=tuple(
            ServedStep(
                id=f"{name}.a.{n}",
                body=body,
                etag=etag_of(body),
                category="file",
                platforms=("linux",),
            )
            for n, body in enumerate(bodies)
        ),
        categories=("file",),
        problems=(),
        awaits_tag=False,
        is_hidden=False,
    )


def _served(libraries: Iterable[ServedLibrary], number: int = 0) -> Served:
    return make_served(
        libraries,
        commit=CommitId(f"{number:040}"),
        committed_at="2026-01-01T00:00:00Z",
        contiguous_max_bytes=_CONTIGUOUS,
    )


def _model(directory: Path, *, run: str = _RUN, code: str = "code") -> ReadModel:
    return ReadModel(directory, code=code, instance="production", run=run)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[WorkerPool]:
    """A process that reads."""
    pool = WorkerPool()
    yield pool
    pool.close()


def _read_again(directory: Path, code: str = "code") -> StoredState | None:
    model = _model(directory, code=code)
    try:
        return model.read()
    finally:
        model.close()


def _joined(served: Served) -> list[bytes]:
    return [b"".join(one.plain.pieces()) for one in served.lists.all()]


def _check(elsewhere: WorkerPool, directory: Path, served: Served) -> None:
    """What another process reads is what is served."""
    read = partial(elsewhere.run, process.read_list, directory, _RUN)
    assert [read(name) for name in model_layout.LISTS] == _joined(served)
    meta = elsewhere.run(process.read_meta, directory, _RUN)
    assert meta is not None
    assert meta.commit == served.commit
    for library in served.libraries.values():
        for one in library.steps:
            key = model_layout.step_key(one.id, is_visible=library.is_enabled)
            found = elsewhere.run(process.read_value, directory, _RUN, key)
            assert found is not None
            assert model_layout.step_parts(found) == (one.etag, one.body)
            other = model_layout.step_key(one.id, is_visible=not library.is_enabled)
            assert elsewhere.run(process.read_value, directory, _RUN, other) is None


def test_changes_one_after_the_other_are_the_same_as_all_at_once(
    directory: Path, elsewhere: WorkerPool
) -> None:
    served = _served(_library(f"lib-{n}") for n in range(40))
    model = _model(directory)
    model.replace(served)
    _check(elsewhere, directory, served)
    changes: list[tuple[list[ServedLibrary], list[str]]] = [
        ([_library("lib-3", "2.0.0")], []),
        ([_library("lib-4", is_enabled=False), _library("new-one")], []),
        ([], ["lib-5", "lib-39"]),
        ([_library("lib-4"), _library("lib-5", "3.0.0")], ["lib-6"]),
    ]
    for number, (changed, removed) in enumerate(changes, 1):
        served = next_served(
            served,
            changed,
            removed,
            commit=CommitId(f"{number:040}"),
            committed_at="2026-01-01T00:00:00Z",
            contiguous_max_bytes=_CONTIGUOUS,
        )
        model.change(served, [*removed, *(one.name for one in changed)])
        _check(elsewhere, directory, served)
    stepwise = _dump(model)
    model.replace(served)
    assert stepwise == _dump(model)
    model.close()
    state = _read_again(directory)
    assert state is not None
    assert {one.name: one for one in state.libraries} == served.libraries


def _dump(model: ReadModel) -> dict[bytes, bytes]:
    return {key: value for key, value in model.records() if key != model_layout.META}


def test_compressed_lists_go_with_the_list_that_they_are_of(
    directory: Path, elsewhere: WorkerPool
) -> None:
    served = _served(_library(f"lib-{n}") for n in range(10))
    model = _model(directory)
    model.replace(served)
    read = partial(elsewhere.run, process.read_list, directory, _RUN, model_layout.STEPS_LIST)
    assert read(b"gzip") is None
    for one in served.lists.all():
        one.compress(brotli_max_bytes=1 << 20)
    model.add_compressed(served)
    plain = read(b"")
    assert plain is not None
    packed = read(b"gzip")
    assert packed is not None
    assert gzip.decompress(packed) == plain
    assert read(b"br") == b"".join(served.lists.steps.compressed[0].pieces())
    after = next_served(
        served,
        [_library("lib-1", "2.0.0")],
        [],
        commit=CommitId("1" * 40),
        committed_at="2026-01-01T00:00:00Z",
        contiguous_max_bytes=_CONTIGUOUS,
    )
    model.change(after, ["lib-1"])
    assert read(b"gzip") is None
    model.add_compressed(served)  # of a state that is over
    assert read(b"gzip") is None
    model.close()


def test_a_long_answer_goes_on_with_what_it_began_with(
    directory: Path, elsewhere: WorkerPool
) -> None:
    before = _served([_library("a"), _library("b")])
    model = _model(directory)
    model.replace(before)
    elsewhere.run(process.begin_long_answer, directory, _RUN, model_layout.STEPS_LIST)
    for number in range(1, 20):
        after = _served([_library("a", f"{number}.0.0"), _library("b")], number)
        model.change(after, ["a"])
        if number == 10:
            model.replace(after)
        assert elsewhere.run(
            process.read_list, directory, _RUN, model_layout.STEPS_LIST
        ) == b"".join(after.lists.steps.plain.pieces())
    assert elsewhere.run(process.end_long_answer) == b"".join(before.lists.steps.plain.pieces())
    model.close()


def test_a_library_is_sent_in_pieces_that_make_up_its_detail(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """A worker once put it together, and hashed it, for each request: nobody else was answered."""
    library = _library("big", count=9_000)
    model = _model(directory)
    model.replace(_served([library]))
    path = "/api/v1/libraries/big"
    began = elsewhere.run(process.begin_slow_answer, directory, _RUN, path, 0.05)
    assert 0 < began < library.detail_length
    assert elsewhere.run(process.end_slow_answer) == library.detail_bytes()
    model.close()


@pytest.mark.parametrize("changed", ["", "lib-5999"])
def test_a_slow_client_holds_no_state_for_long(
    directory: Path, elsewhere: WorkerPool, changed: str
) -> None:
    """It is given the rest if that is still the same, and is never given a mixture."""
    served = _served(_library(f"lib-{n}") for n in range(6_000))
    model = _model(directory)
    model.replace(served)
    path = "/api/v1/steps"
    whole = b"".join(served.lists.steps.plain.pieces())
    began = elsewhere.run(process.begin_slow_answer, directory, _RUN, path, 0.05)
    assert 0 < began < len(whole)
    if changed:
        libraries = {**served.libraries, changed: _library(changed, "2.0.0")}
        model.change(_served(libraries.values(), 1), [changed])
    found = elsewhere.run(process.end_slow_answer)
    assert whole.startswith(found)
    assert (len(found) < len(whole)) is bool(changed)
    model.close()


def test_a_list_that_turns_out_damaged_ends_and_is_not_tried_again(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """A part of it was sent, and the connection did not end by an error that nobody handled."""
    served = _served(_library(f"lib-{n}") for n in range(6_000))
    model = _model(directory)
    model.replace(served)
    whole = b"".join(served.lists.steps.plain.pieces())
    assert model._file is not None
    first, last = [model_layout.piece_key(served.lists.steps.pieces[n].digest) for n in (0, -1)]
    assert first != last
    with model._file.env.begin(write=True) as txn:
        assert txn.delete(last)
    began = elsewhere.run(process.begin_slow_answer, directory, _RUN, "/api/v1/steps", 0.05)
    found = elsewhere.run(process.end_slow_answer)
    assert 0 < began <= len(found) < len(whole)
    assert whole.startswith(found)
    assert elsewhere.run(process.read_meta, directory, _RUN) is None
    assert model_files.current_name(directory) is None
    model.close()


def test_what_was_asked_for_is_kept_until_it_is_over_or_too_much(
    directory: Path, elsewhere: WorkerPool
) -> None:
    served = _served([_library("a", "2.0.0"), _library("ab")])
    model = ReadModel(directory, code="code", instance="production", run=_RUN, asked_bytes=20_000)
    model.replace(served)
    key = model_layout.filtered_key("file", None, None)
    pinned = {version: model_layout.pinned_key("a.a.0", version) for version in ("1.0.0", "1.1.0")}
    read = partial(elsewhere.run, process.read_value, directory, _RUN)
    model.keep_filtered(served, key, served.lists.steps)
    for version in pinned:
        model.keep_pinned(served.libraries["a"], version, _library("a", version).steps)
    model.keep_pinned(served.libraries["ab"], "1.0.0", _library("ab").steps)
    assert read(key) is not None
    assert None not in map(read, pinned.values())
    # A tag that came after its commit: the same commit, and other steps.
    untagged = _served([_library("a", "2.0.0")])
    model.keep_filtered(
        untagged, model_layout.filtered_key("other", None, None), served.lists.steps
    )
    assert read(model_layout.filtered_key("other", None, None)) is None
    model.keep_pinned(_library("a", "9.0.0"), "0.1.0", _library("a", "0.1.0").steps)
    assert read(model_layout.pinned_key("a.a.0", "0.1.0")) is None
    after = _served([_library("a", "3.0.0"), _library("ab")], 1)
    model.change(after, ["a"])
    assert read(key) is None
    assert set(map(read, pinned.values())) == {None}
    other = model_layout.pinned_key("ab.a.0", "1.0.0")
    assert read(other) is not None
    for number in range(20):
        model.keep_filtered(
            after, model_layout.filtered_key(f"{number}", None, None), after.lists.steps
        )
    assert read(other) is None
    assert read(model_layout.filtered_key("19", None, None)) is not None
    assert read(model_layout.filtered_key("0", None, None)) is None
    model.close()


def test_a_filtered_list_is_made_again_when_a_tag_comes_after_its_commit(directory: Path) -> None:
    model = _model(directory)
    states = [_served([_library("a")]), _served([_library("a"), _library("new")])]
    settings = Settings()
    pools = Pools(settings)
    lookups = Lookups(settings, lambda: states[0], lambda: None, pools.lists, model)

    async def count() -> int:
        answer, _ = await lookups.steps(StepFilter(library="new"))
        assert answer.long is not None
        return b"".join(answer.long.plain.pieces()).count(b'"id":"new.')

    assert asyncio.run(count()) == 0
    states.pop(0)
    assert asyncio.run(count()) == 3
    pools.close()
    lookups.pinned.close()
    model.close()


def test_workers_answer_only_with_what_was_vouched_for_in_this_run(
    directory: Path, elsewhere: WorkerPool
) -> None:
    served = _served([_library("a")])
    first = _model(directory, run="before")
    first.replace(served)
    first.close()
    assert elsewhere.run(process.read_meta, directory, _RUN) is None
    model = _model(directory)
    assert model.read() is not None
    assert elsewhere.run(process.read_meta, directory, _RUN) is None
    model.vouch(served)
    _check(elsewhere, directory, served)
    model.close()


def test_tokens_are_read_again_when_they_have_changed(
    directory: Path, elsewhere: WorkerPool
) -> None:
    model = _model(directory)
    model.replace(_served([_library("a")]))
    model.set_tokens([StoredToken(digest="abc", token_id=7, end=None)])
    found = elsewhere.run(process.read_tokens, directory, _RUN)
    assert found == {"abc": (7, float("inf"))}
    model.set_tokens([])
    assert elsewhere.run(process.read_tokens, directory, _RUN) == {}
    model.close()


@pytest.mark.parametrize("field", ["code", "instance", "boot", "format"])
def test_what_others_wrote_is_not_believed(directory: Path, field: str) -> None:
    model = _model(directory)
    model.replace(_served([_library("a")]))
    model.close()
    assert _read_again(directory) is not None
    name = model_files.current_name(directory)
    assert name is not None
    env = model_files.open_to_write(directory, name)
    with env.begin(write=True) as txn:
        meta = model_files.read_meta(txn)
        assert meta is not None
        other = msgspec.structs.replace(meta, **{field: 9 if field == "format" else "other"})
        txn.put(model_layout.META, msgspec.msgpack.encode(other))
    env.close()
    assert _read_again(directory) is None


def test_a_file_that_ended_who_read_it_is_not_read_again(directory: Path) -> None:
    model = _model(directory)
    model.replace(_served([_library("a")]))
    model.close()
    name = model_files.current_name(directory)
    assert name is not None
    assert model_files.begin_trial(directory, name)  # and then the process was killed
    with new_registry(directory.parent / "registry") as registry:
        assert not vouch_at_once(directory, registry, code="code", instance="production", run=_RUN)
    assert _read_again(directory) is None
    # Until there is another file: making it may fail, too.
    assert _read_again(directory) is None
    model = _model(directory)
    model.replace(_served([_library("a")]))
    model.close()
    assert _read_again(directory) is not None


def test_tokens_that_could_not_be_written_are_written_as_soon_as_that_is_possible(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """A revoked token went on reading until the next commit."""
    token = StoredToken(digest="abc", token_id=7, end=None)
    model = _model(directory)
    model.replace(_served([_library("a")]))
    model.set_tokens([token])
    assert model._file is not None
    model._file.env.close()  # as after a write that failed
    model.set_tokens([])
    assert elsewhere.run(process.read_tokens, directory, _RUN) == {}
    model.close()


def test_tokens_of_this_run_are_left_until_a_new_keeper_has_read_them(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """With the database down, a restart of the keeper once ended all reading."""
    served = _served([_library("a")])
    model = _model(directory)
    model.replace(served)
    model.set_tokens([StoredToken(digest="abc", token_id=7, end=None)])
    model.close()
    for run, left in ((_RUN, {"abc": (7, float("inf"))}), ("next", {})):
        again = _model(directory, run=run)
        assert again.read() is not None
        again.vouch(served)
        assert elsewhere.run(process.read_tokens, directory, run) == left
        again.close()


def test_a_damaged_file_is_not_answered_from_once_that_is_known(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """Workers went on until another file was written, which takes long, or may fail."""
    model = _model(directory)
    model.replace(_served([_library("a")]))
    assert elsewhere.run(process.read_meta, directory, _RUN) is not None
    assert model._file is not None
    with model._file.env.begin(write=True) as txn:
        txn.put(model_layout.step_key("a.a.0"), model_layout.step_value(etag_of(b"other"), b"{}"))
    model.close()
    assert _read_again(directory) is None
    assert elsewhere.run(process.read_meta, directory, _RUN) is None
    again = _model(directory)
    again.replace(_served([_library("a")]))
    elsewhere.run(process.look, directory, _RUN)
    assert elsewhere.run(process.read_meta, directory, _RUN) is not None
    again.close()


def test_a_state_whose_tokens_cannot_be_read_is_not_one_with_the_tokens_before(
    directory: Path, elsewhere: WorkerPool
) -> None:
    model = _model(directory)
    model.replace(_served([_library("a")]))
    model.set_tokens([StoredToken(digest="abc", token_id=7, end=None)])
    assert elsewhere.run(process.read_tokens, directory, _RUN)
    assert model._file is not None
    with model._file.env.begin(write=True) as txn:
        txn.put(model_layout.TOKENS, b"\xc1")
    for _ in range(2):
        assert elsewhere.run(process.read_meta, directory, _RUN) is None
        assert elsewhere.run(process.read_tokens, directory, _RUN) == {}
    model.close()


def test_a_file_that_could_not_be_opened_is_looked_for_again(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """A worker went on answering from the old file for good."""
    model = _model(directory)
    model.replace(_served([_library("a")]))
    assert elsewhere.run(process.read_meta, directory, _RUN) is not None
    model.close()
    after = _model(directory)
    after.replace(_served([_library("a", "2.0.0")], 1))  # the old file does not say so
    name = model_files.current_name(directory)
    assert name is not None
    for mode, number in ((0o620, 0), (0o600, 1)):
        (directory / name).chmod(mode)
        elsewhere.run(process.look, directory, _RUN)
        meta = elsewhere.run(process.read_meta, directory, _RUN)
        assert meta is not None
        assert meta.commit == f"{number:040}"
    after.close()


def test_a_file_that_is_deleted_while_it_is_opened_is_not_used(directory: Path) -> None:
    model = _model(directory)
    model.replace(_served([_library("a")]))
    assert model._file is not None
    file = directory / model._file.name
    assert model_files.is_whole(model._file.env, file)
    file.unlink()
    assert not model_files.is_whole(model._file.env, file)
    model.close()


def test_slots_of_a_killed_reader_are_free_at_the_next_change(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_files, "_READERS", 3)
    model = _model(directory)
    model.replace(_served([_library("a")]))
    pool = WorkerPool()
    for _ in range(3):
        pool.run(process.begin_long_answer, directory, _RUN, model_layout.STEPS_LIST)
    os.kill(pool.run(process.process_id), signal.SIGKILL)
    pool.close()
    model.change(_served([_library("a", "2.0.0")], 1), ["a"])
    model.close()


def test_a_file_that_cannot_become_the_read_model_is_not_left_there(directory: Path) -> None:
    model = _model(directory)
    (directory / "current").mkdir()
    for _ in range(3):
        with pytest.raises(OSError, match="current"):
            model.replace(_served([_library("a")]))
    assert not list(directory.glob("*.mdb*"))
    model.close()


def test_what_is_asked_for_is_not_kept_in_a_file_that_has_grown(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow reader keeps freed pages from being used again: odd filters filled the disk."""
    served = _served([_library("a")])
    model = _model(directory)
    model.replace(served)
    monkeypatch.setattr("server.readmodel.written_file._LEAST_BYTES", 0)
    monkeypatch.setattr("server.readmodel.written_file._GROWTH", 0.5)
    before = _dump(model)
    for number in range(20):
        key = model_layout.filtered_key(None, f"x{number}", None)
        model.keep_filtered(served, key, served.lists.steps)
    assert _dump(model) == before
    model.close()


def test_a_file_that_has_grown_is_made_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.readmodel.written_file._LEAST_BYTES", 0)
    monkeypatch.setattr("server.readmodel.written_file._GROWTH", 0.5)
    model = _model(directory)
    model.replace(_served([_library("a")]))
    before = model_files.current_name(directory)
    model.change(_served([_library("a", "2.0.0")], 1), ["a"])
    after = model_files.current_name(directory)
    assert after != before
    assert sorted(one.name for one in directory.glob("*.mdb")) == [after]
    model.close()


def test_only_one_server_owns_a_read_model(directory: Path) -> None:
    with model_files.owning(directory) as first, model_files.owning(directory) as second:
        assert first
        assert not second
    with model_files.owning(directory) as again:
        assert again


def test_a_worker_reads_nothing_that_other_code_has_made(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """After an upgrade beneath a running server the next keeper may keep records differently."""
    model = _model(directory, code="newer")
    model.replace(_served([_library("alpha")]))
    assert elsewhere.run(process.read_meta, directory, _RUN) is None
    model.close()


def test_a_keeper_waits_for_no_lock_that_one_before_it_has_left(
    directory: Path, elsewhere: WorkerPool
) -> None:
    """Where locks of killed processes are not given up, one stays as long as workers are there."""
    served = _served([_library("alpha")])
    model = _model(directory)
    model.replace(served)
    model.close()
    _check(elsewhere, directory, served)
    elsewhere.run(process.lock_to_write, directory)
    model_files.renew(directory)
    after = _model(directory)
    assert after.read() is not None
    after.vouch(served)
    elsewhere.run(process.look, directory, _RUN)
    _check(elsewhere, directory, served)
    elsewhere.run(process.unlock)
    after.close()


def test_a_copy_of_a_file_that_ended_a_keeper_is_not_made(directory: Path) -> None:
    model = _model(directory)
    model.replace(_served([_library("alpha")]))
    model.close()
    name = model_files.current_name(directory)
    assert name is not None
    assert model_files.begin_trial(directory, name)
    model_files.renew(directory)
    assert model_files.current_name(directory) is None


def test_the_file_of_locks_has_all_its_room_on_the_disk(directory: Path) -> None:
    """Writing to a page without room ends the process, such as a worker that sends a list."""
    model = _model(directory)
    model.replace(_served([_library("alpha")]))
    (file,) = directory.glob("*-lock")
    found = file.stat()
    assert found.st_blocks * 512 >= found.st_size >= 4_096 * 64
    model.close()


def test_a_directory_that_others_may_write_to_is_not_used(directory: Path) -> None:
    directory.chmod(0o777)
    with model_files.owning(directory) as is_own:
        assert not is_own
