from __future__ import annotations

import filecmp
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.search.browser.pagefind import (
    PagefindError,
    SearchRecord,
    record_html,
    run_pagefind,
    write_records,
)
from builder.search.browser.stable_order import decode, encode
from registry.names import LibraryName


def record(number: int, **changes: object) -> SearchRecord:
    fields: dict[str, object] = {
        "page": f"libraries/lib-{number}/index.html",
        "title": f"Library {number}",
        "name": f"lib-{number}",
        "summary": "Copies files <b>quickly</b>.",
        "steps": ("Copy a file", "file.copy"),
        "words": ("source", "destination"),
        "categories": (f"Category {number % 5}",),
        "platforms": ("linux", "macos")[: number % 2 + 1],
        "premium": number % 3 == 0,
        "meta": {"version": "1.0.0"},
        **changes,
    }
    return SearchRecord(**fields)  # type: ignore[arg-type]  # by name


def records(count: int) -> dict[LibraryName, SearchRecord]:
    return {LibraryName(f"lib-{n}"): record(n) for n in range(count)}


def tree(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        write_records(tmp_path / f"records-{name}", records(40))
        assert run_pagefind(tmp_path / f"records-{name}", tmp_path / name)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")
    entry = json.loads((tmp_path / "one" / "pagefind-entry.json").read_bytes())
    assert entry["languages"]["en"]["page_count"] == 40


def test_nothing_is_done_when_nothing_changed(tmp_path: Path) -> None:
    kept, out = tmp_path / "records", tmp_path / "pagefind"
    assert write_records(kept, records(5)) == 5
    assert run_pagefind(kept, out)
    assert write_records(kept, records(5)) == 0
    assert not run_pagefind(kept, out)
    changed = {LibraryName("lib-1"): record(1, title="Another")}
    assert write_records(kept, changed, removed=["libraries/lib-2/index.html"]) == 2
    assert run_pagefind(kept, out)
    entry = json.loads((out / "pagefind-entry.json").read_bytes())
    assert entry["languages"]["en"]["page_count"] == 4


def test_an_index_that_is_gone_is_made_again(tmp_path: Path) -> None:
    write_records(tmp_path / "records", records(2))
    run_pagefind(tmp_path / "records", tmp_path / "pagefind")
    (tmp_path / "pagefind" / "pagefind-entry.json").unlink()
    assert run_pagefind(tmp_path / "records", tmp_path / "pagefind")


def test_no_records_give_an_index_all_the_same(tmp_path: Path) -> None:
    assert run_pagefind(tmp_path / "records", tmp_path / "pagefind")
    assert (tmp_path / "pagefind" / "pagefind.js").is_file()


@pytest.mark.parametrize(
    "page", ["../x.html", "/x.html", "a/../../x.html", "x.js", "a\\..\\x.html"]
)
def test_a_page_outside_is_refused(tmp_path: Path, page: str) -> None:
    with pytest.raises(PagefindError):
        write_records(tmp_path, {LibraryName("x"): record(1, page=page)})


def test_a_failed_run_leaves_the_old_index(tmp_path: Path) -> None:
    write_records(tmp_path / "records", records(2))
    out = tmp_path / "pagefind"
    run_pagefind(tmp_path / "records", out)
    before = tree(out)
    # A configuration that Pagefind cannot read makes it fail.
    (tmp_path / "records" / "pagefind.toml").write_text("site = [", "utf-8")
    write_records(tmp_path / "records", records(3))
    with pytest.raises(PagefindError):
        run_pagefind(tmp_path / "records", out)
    assert tree(out) == before
    assert not filecmp.dircmp(tmp_path, tmp_path).left_only
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".pagefind")] == []


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}


@given(st.lists(st.text(max_size=60), min_size=5, max_size=5))
def test_hostile_text_stays_text(texts: list[str]) -> None:
    title, summary, step, category, meta = (f'"><script>alert(1)</script>{t}' for t in texts)
    page = record_html(
        record(1, title=title, summary=summary, steps=(step,), categories=(category,))
    ) + record_html(record(2, meta={"author": meta}))
    page.encode()
    tags = _Tags()
    tags.feed(page)
    assert tags.seen <= {"html", "head", "meta", "title", "body", "h1", "p", "ul", "li"}
    assert not any(name.startswith("on") for name in tags.attributes)


values = st.recursive(
    st.one_of(st.integers(0, 2**63), st.text(max_size=300)),
    lambda inner: st.lists(inner, max_size=30),
    max_leaves=50,
)


@given(values)
def test_cbor_comes_back_as_it_went(value: object) -> None:
    raw = encode(value)
    assert decode(raw) == (value, len(raw))
