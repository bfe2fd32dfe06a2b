"""What search leans on in Whoosh beside its documented interface; a release may move each of it."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from whoosh.query import Term

from builder.search.index_files import open_index
from builder.search.index_update import update_index
from builder.search.posting_codec import PostingCodec, PostingMatcher, read_postings
from builder.search.reader import CARD, LIBRARY, NAME, STEP_TEXT, TEXT, WORDS
from builder.search.state import read_index_state
from registry.publishing.bulk_import import ImportedRelease, import_releases
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor

Release = Callable[..., ImportedRelease]
_BUILDER = Path(__file__).parents[3] / "builder"


@pytest.fixture
def directory(tools: Registry, tmp_path: Path) -> Path:
    """Where an index of `tools` is."""
    update_index(tmp_path / "search", tools.snapshot())
    return tmp_path / "search"


def _opened(directory: Path) -> Any:
    state = read_index_state(directory)
    assert state is not None
    return open_index(directory / state.directory)


@pytest.fixture
def changed(directory: Path, tools: Registry, release: Release) -> Path:
    """The same after an update, so that a segment has documents that are deleted."""
    newer = release("chat-notifications", version="1.1.0", description="Shout.")
    import_releases(tools, [newer], by=Actor(name="tester"))
    update_index(directory, tools.snapshot())
    return directory


def _modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(_BUILDER.rglob("*.py")):
        if "search" in str(path.relative_to(_BUILDER)):
            yield path, ast.parse(path.read_text())


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def test_nothing_private_of_whoosh_is_named() -> None:
    importing = 0
    for path, module in _modules():
        names = [node for node in ast.walk(module) if isinstance(node, ast.ImportFrom)]
        from_whoosh = [node for node in names if (node.module or "").startswith("whoosh")]
        importing += bool(from_whoosh)
        assert not [a.name for node in from_whoosh for a in node.names if _is_private(a.name)], path
        for node in ast.walk(module):
            if isinstance(node, ast.Attribute) and _is_private(node.attr):
                # A class that derives from one of Whoosh's could meet a name of its parent's.
                assert not from_whoosh, f"{path}:{node.lineno} {node.attr}"
                assert ast.unparse(node.value) == "self", f"{path}:{node.lineno} {node.attr}"
    assert importing >= 3


def test_the_writer_takes_its_postings_from_a_pool_that_can_be_replaced(directory: Path) -> None:
    with _opened(directory).reader() as reader:
        assert {TEXT, WORDS, NAME, LIBRARY} <= set(reader.indexed_field_names())
        assert reader.doc_frequency(LIBRARY, "file-operations") == 3
        # Once a library, however many documents have the word.
        assert reader.doc_frequency(WORDS, "file") == 1


def test_a_term_is_kept_with_what_whoosh_wants_to_know_of_it(directory: Path) -> None:
    with _opened(directory).reader() as reader:
        found = read_postings(reader, STEP_TEXT, "file")
        info = reader.term_info(STEP_TEXT, "file")
    assert info.doc_frequency() == len(found) > 1
    assert info.weight() == pytest.approx(sum(found.weights))
    assert info.max_weight() == pytest.approx(max(found.weights))
    assert (info.min_id(), info.max_id()) == (found.documents[0], found.documents[-1])


def test_whoosh_reads_our_postings_through_our_codec(changed: Path) -> None:
    index = _opened(changed)
    with index.searcher() as searcher:
        assert isinstance(searcher.reader().leaf_readers()[0][0].codec(), PostingCodec)
        hits = searcher.search(Term(LIBRARY, "chat-notifications"), limit=None)
        assert len(hits) == 2, "the library and its step, without those that were replaced"
        found = searcher.search(Term(TEXT, "shout"), limit=None)
        assert [hit.score for hit in found] == pytest.approx(
            list(_weights(searcher.reader(), "shout"))
        )


def _weights(reader: Any, stem: str) -> Iterator[float]:
    for segment, _ in reader.leaf_readers():
        yield from read_postings(segment, TEXT, stem).weights


def test_a_segment_with_deletions_wraps_our_matcher_once(changed: Path) -> None:
    with _opened(changed).reader() as reader:
        segments = [segment for segment, _ in reader.leaf_readers()]
        (reduced,) = [segment for segment in segments if segment.has_deletions()]
        matcher = reduced.postings(LIBRARY, "chat-notifications")
        assert [type(inner) for inner in matcher.children()] == [PostingMatcher]
        every = read_postings(reduced, LIBRARY, "chat-notifications").documents
        assert set(every) == set(reduced.segment().deleted_docs())
        (whole,) = [segment for segment in segments if not segment.has_deletions()]
        assert not whole.postings(LIBRARY, "chat-notifications").children()


def test_documents_are_numbered_as_they_are_added(directory: Path) -> None:
    with _opened(directory).reader() as reader:
        cards = reader.column_reader(CARD, translate=False)
        ids = [orjson.loads(value)["id"] for value in cards]
        for library in ("file-operations", "network-tools"):
            own = read_postings(reader, LIBRARY, library).documents
            assert {ids[document].partition(".")[0] for document in own} == {library}


def test_a_seeded_program_gives_each_segment_a_name_of_its_own(
    tools: Registry, tmp_path: Path
) -> None:
    names = set()
    for attempt in ("one", "two"):
        random.seed(1)
        update_index(tmp_path / attempt, tools.snapshot())
        with _opened(tmp_path / attempt).reader() as reader:
            names |= {segment.segment().segment_id() for segment, _ in reader.leaf_readers()}
    assert len(names) == 2


def test_the_table_of_contents_is_small_enough_to_have_its_checksum(changed: Path) -> None:
    state = read_index_state(changed)
    assert state is not None
    (contents,) = [name for name in state.marks if name.endswith(".toc")]
    assert ":" in state.marks[contents]
