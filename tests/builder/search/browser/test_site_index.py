from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from builder.catalogue.data.search_record import library_record
from builder.search.browser.posting_bytes import posting_entry
from builder.search.browser.records import SearchRecord, read_records, write_records
from builder.search.browser.shards import END, cut
from builder.search.browser.site_index import DIRECTORY, index_files
from registry.names import CORE
from registry.publishing.bulk_import import import_releases
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor
from tests.builder.search.conftest import Release

words = st.text(alphabet="abcé字", min_size=1, max_size=6)


def records(registry: Registry) -> list[SearchRecord]:
    snapshot = registry.snapshot()
    libraries = snapshot.libraries((CORE, *snapshot.names))
    found = (library_record(library, 50, snapshot.facts) for library in libraries)
    return [record for record in found if record is not None]


def entry_of(files: Mapping[str, bytes]) -> Any:
    return orjson.loads(gzip.decompress(files[f"{DIRECTORY}entry.bin"]))


def content(files: Mapping[str, bytes], name: str) -> Any:
    return orjson.loads(gzip.decompress(files[f"{DIRECTORY}{name}.bin"]))


@given(st.dictionaries(words, st.binary(min_size=1, max_size=40), min_size=1), st.integers(1, 200))
def test_every_word_is_in_the_file_that_a_browser_looks_into(
    entries: dict[str, bytes], most: int
) -> None:
    found = dict(cut(sorted(entries.items()), most))
    assert sum(map(len, found.values())) == sum(map(len, entries.values()))
    for word, raw in entries.items():
        beginnings = (f"{word}{END}"[:length] for length in range(1, len(word) + 2))
        keys = [key for key in beginnings if key in found]
        assert len(keys) == 1
        assert raw in found[keys[0]]
    for key, joined in found.items():
        alone = sum(f"{word}{END}".startswith(key) for word in entries) == 1
        assert len(joined) <= most or alone or len(key) == 1


def _read(raw: bytes) -> tuple[str, list[int], bytes]:
    """A posting entry as search-index.js reads it."""
    at = 0

    def number() -> int:
        nonlocal at
        value, shift = 0, 0
        while raw[at] >= 128:
            value |= (raw[at] - 128) << shift
            shift += 7
            at += 1
        at += 1
        return value | raw[at - 1] << shift

    length = number()
    term, at = raw[at : at + length].decode(), at + length
    count, size = number(), number()
    end, documents, document = at + size, [], 0
    while at < end:
        document += number()
        documents.append(document)
    assert len(documents) == count
    return term, documents, raw[at:]


@given(words, st.sets(st.integers(0, 300_000), min_size=1, max_size=300))
def test_postings_come_back_as_they_went(term: str, numbers: set[int]) -> None:
    documents = sorted(numbers)
    weights = bytes(number % 255 + 1 for number in documents)
    assert _read(posting_entry(term, documents, weights)) == (term, documents, weights)


def test_the_same_libraries_give_the_same_bytes_in_any_order(tools: Registry) -> None:
    found = records(tools)
    assert index_files(found) == index_files(list(reversed(found)))


def test_a_new_library_comes_last_and_a_change_rewrites_little(
    tools: Registry, release: Release
) -> None:
    old = index_files(records(tools))
    added = replace(release("new-library", title="Quite new"), date="2026-09-01T00:00:00Z")
    changed = release("chat-notifications", version="1.1.0", description="Shout at people.")
    import_releases(tools, [added, changed], by=Actor(name="tester"))
    new = index_files(records(tools))
    before, after = entry_of(old), entry_of(new)
    assert after["count"] == before["count"] + 1 == 5
    names = [card[0] for name in after["cards"] for card in content(new, name)]
    assert set(names) == {
        *("core", "file-operations", "network-tools", "chat-notifications", "new-library"),
    }
    # The others keep their numbers.
    assert (names[0], names[-1]) == ("core", "new-library")
    same = sum(after["terms"].get(key) == name for key, name in before["terms"].items())
    assert same > len(before["terms"]) / 2


def test_facets_and_orders_have_a_place_for_every_library(tools: Registry) -> None:
    files = index_files(records(tools))
    entry = entry_of(files)
    facets = content(files, entry["facets"])
    assert set(facets) == {
        *("category", "platform", "premium", "license", "author", "deprecated", "executor"),
    }
    for values, column in facets.values():
        assert len(column) == entry["count"]
        assert max(column) < len(values)
    for name in entry["orders"].values():
        assert sorted(content(files, name)) == list(range(entry["count"]))


def test_nothing_at_all_is_an_index_too() -> None:
    assert entry_of(index_files([]))["count"] == 0


def test_records_are_kept_and_forgotten(tools: Registry, tmp_path: Any) -> None:
    found = {record.card.name: record for record in records(tools)}
    write_records(tmp_path / "records", found)
    assert list(read_records(tmp_path / "records", found)) == list(found.values())
    write_records(tmp_path / "records", {"core": None, "never-there": None})
    left: Sequence[SearchRecord] = list(read_records(tmp_path / "records", found))
    assert "core" not in {record.card.name for record in left}
    assert len(left) == len(found) - 1
