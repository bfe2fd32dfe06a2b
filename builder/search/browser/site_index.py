"""The search index of the catalogue: static files, of which a browser loads what a question needs.

All ranking is that of `builder.search.engine`; `catalog-site/assets/search-index.js` reads this.
Files are named by what is in them, and ``entry.bin`` names them. All are gzipped by themselves, as
a plain host compresses nothing.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import orjson

from builder.search.browser.posting_bytes import posting_entry
from builder.search.browser.records import SearchRecord
from builder.search.browser.shards import cut
from builder.search.card import FACETS, Card
from builder.search.rules import RULES
from builder.search.stems import stem
from builder.search.words import fold

DIRECTORY = "search-index/"
CARDS_EACH = 8
"""Cards in a file."""
_SHARD_BYTES = 12_000
_NAME_MARK = "="
_DIGITS = 8
_SUMMARY_LENGTH = 160


def index_files(records: Iterable[SearchRecord]) -> dict[str, bytes]:
    """Path → bytes of the whole index; libraries are numbered in the order of their first release.

    So a new library usually comes last, and no other changes its number.
    """
    ordered = sorted(records, key=lambda record: (record.card.first, record.card.id))
    files: dict[str, bytes] = {}
    terms, counts = _term_entries(ordered)
    cards = [record.card for record in ordered]
    numbers = {card.name: number for number, card in enumerate(cards)}
    entry = {
        "rules": RULES,
        "count": len(ordered),
        "terms": _add_all(files, cut(terms, _SHARD_BYTES)),
        "words": _add_all(files, cut(_word_entries(ordered, counts), _SHARD_BYTES)),
        "cards": [
            _add(
                files,
                orjson.dumps([_shown(record) for record in ordered[start : start + CARDS_EACH]]),
            )
            for start in range(0, len(cards), CARDS_EACH)
        ],
        "facets": _add(files, orjson.dumps(_facets(cards))),
        "orders": {
            name: _add(files, orjson.dumps(order)) for name, order in _orders(ordered).items()
        },
        "replaced": [
            [numbers[card.name], numbers[card.replacement]]
            for card in cards
            if card.replacement in numbers
        ],
    }
    files[f"{DIRECTORY}entry.bin"] = _packed(orjson.dumps(entry))
    return files


def _term_entries(
    records: Sequence[SearchRecord],
) -> tuple[list[tuple[str, bytes]], dict[str, int]]:
    """The postings of each stem and of each name, sorted; and how many documents a stem has."""
    documents: dict[str, list[int]] = {}
    weights: dict[str, bytearray] = {}
    for number, record in enumerate(records):
        for term, weight in zip(record.terms, record.weights, strict=True):
            known = documents.get(term)
            if known is None:
                documents[term] = [number]
                weights[term] = bytearray((weight,))
            else:
                known.append(number)
                weights[term].append(weight)
    counts = {term: len(found) for term, found in documents.items()}
    for number, record in enumerate(records):
        for name in record.names:
            marked = f"{name}{_NAME_MARK}"
            documents.setdefault(marked, []).append(number)
            weights.setdefault(marked, bytearray()).append(1)
    entries = [
        (term, posting_entry(term, documents[term], bytes(weights[term])))
        for term in sorted(documents)
    ]
    return entries, counts


def _word_entries(
    records: Sequence[SearchRecord], counts: dict[str, int]
) -> list[tuple[str, bytes]]:
    """Each word as it is written, with how many documents have its stem."""
    words = sorted({word for record in records for word in record.words})
    found = ((word, counts.get(stem(word), 0)) for word in words)
    return [(word, f"{word} {count}\n".encode()) for word, count in found if count]


def _shown(record: SearchRecord) -> list[object]:
    """The facts that a hit shows, in the order in which search-index.js names them."""
    card = record.card
    return [
        card.name,
        card.title,
        _shortened(card.summary),
        card.version,
        card.newest[:10],
        card.author,
        card.license,
        card.categories,
        card.platforms,
        [int(card.premium), int(card.deprecated), int(card.executor)],
        card.count,
        record.hue,
        record.initials,
        [[step.name, step.title] for step in card.steps],
    ]


def _shortened(text: str) -> str:
    """As much of a summary as a list shows."""
    if len(text) <= _SUMMARY_LENGTH:
        return text
    return text[: _SUMMARY_LENGTH - 1].rstrip("… ") + "…"


def _facets(cards: Sequence[Card]) -> dict[str, object]:
    """Facet → the combinations of values that occur, and of each library which one it has."""
    found: dict[str, object] = {}
    facets = [card.facets for card in cards]
    for place, name in enumerate(FACETS):
        if name == "kind":
            continue
        known: dict[tuple[str, ...], int] = {}
        column = [known.setdefault(values[place], len(known)) for values in facets]
        found[name] = [list(known), column]
    return found


def _orders(records: Sequence[SearchRecord]) -> dict[str, list[int]]:
    """Each library's place by name, by date and by quality."""
    every = range(len(records))
    by_id = sorted(every, key=lambda number: records[number].card.id)
    titles = [(fold(record.card.title), record.card.id) for record in records]
    by_name = sorted(every, key=titles.__getitem__)
    return {
        "name": _places(by_name),
        "newest": _places(
            sorted(by_id, key=lambda number: records[number].card.newest, reverse=True)
        ),
        "quality": _places(sorted(by_name, key=lambda number: -records[number].quality)),
    }


def _places(ordered: Sequence[int]) -> list[int]:
    places = [0] * len(ordered)
    for place, number in enumerate(ordered):
        places[number] = place
    return places


def _add_all(files: dict[str, bytes], shards: Iterator[tuple[str, bytes]]) -> dict[str, str]:
    return {key: _add(files, content) for key, content in shards}


def _add(files: dict[str, bytes], content: bytes) -> str:
    """Put a file in under a name made of its content; returns the name."""
    digest, packed = sha256(content).hexdigest(), _packed(content)
    # Names are short, as every browser loads them all; two contents seldom begin the same.
    for digits in range(_DIGITS, len(digest)):
        name = digest[:digits]
        if files.setdefault(f"{DIRECTORY}{name}.bin", packed) == packed:
            return name
    raise ValueError("two files of the search index have one digest")


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=6, mtime=0)
