"""The audit log in the catalogue."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from benchmarks import content
from builder.catalogue import build_catalogue
from builder.catalogue.pages.log_page import ON_A_PAGE
from builder.catalogue.views.log_entries import OPERATIONS, read_log
from registry.names import LibraryName
from registry.publishing.add import add_release
from registry.publishing.withdraw import yank
from registry.transactions.transaction import Actor
from registry.versions import parse_version
from tests.builder.catalogue.conftest import Workshop
from tests.builder.catalogue.eventful import declaration, new_key
from tests.registry.making import commit_all, git


def log_of(workshop: Workshop, out: Path) -> str:
    build_catalogue(workshop.registry, out, jobs=1, search=False)
    return (out / "log/index.html").read_text()


def entries(page: str) -> list[str]:
    return re.findall(r'<li class="row log-row".*?</li>', page, re.DOTALL)


def test_every_operation_is_a_line_with_who_and_what(workshop: Workshop, tmp_path: Path) -> None:
    name = LibraryName(workshop.release_synthetic(1))
    workshop.release_synthetic(1, "1.1.0")
    yank(
        workshop.registry, name, parse_version("1.0.0"), reason="It lost data.",
        by=Actor(name="jane"),
    )  # fmt: skip
    found = entries(log_of(workshop, tmp_path / "site"))
    assert [re.findall(r'class="badge">(\w+)<', line)[0] for line in found] == [
        *("yank", "release", "add", "release", "add", "init")
    ]
    assert "jane" in found[0]
    assert "It lost data." in found[0]
    assert f'href="../libraries/{name}/"' in found[0]
    assert "not attested" in found[0]
    date = workshop.registry.snapshot().committed_at[:10]
    assert f">{date}</time>." in (tmp_path / "site/about/index.html").read_text()


def test_only_what_a_key_of_the_registry_signed_is_attested(
    workshop: Workshop, tmp_path: Path
) -> None:
    instance, stranger = new_key(), new_key()
    name = LibraryName(workshop.release_synthetic(1))
    workshop.commit({"registry.yaml": declaration(None, instance)})
    for number, key in ((2, instance), (3, stranger)):
        files = content.library(number, steps=1).files
        add_release(workshop.registry, files, by=Actor(name="ci", key=key))
    version = parse_version("1.0.0")
    yank(workshop.registry, name, version, reason="Bad", by=Actor(name="ci", key=stranger))
    workshop.release_synthetic(1, "1.1.0")
    found = entries(log_of(workshop, tmp_path / "site"))
    assert "Attested" not in "".join(found)  # the one that is, concerns a candidate: not shown
    yank(
        workshop.registry, name, parse_version("1.1.0"), reason="Bad",
        by=Actor(name="ci", key=instance),
    )  # fmt: skip
    found = entries(log_of(workshop, tmp_path / "site"))
    assert ["Attested" in line for line in found] == [True, *([False] * (len(found) - 1))]


def test_libraries_that_nobody_is_to_see_are_not_named(workshop: Workshop, tmp_path: Path) -> None:
    shown, disabled = workshop.release_synthetic(1), workshop.release_synthetic(2)
    candidate = content.library(3, steps=1)
    add_release(workshop.registry, candidate.files, by=Actor(name="author"))
    workshop.commit({f"instances/production/{disabled}.yaml": b"enabled: false\n"})
    page = log_of(workshop, tmp_path / "site")
    assert shown in page
    assert disabled not in page
    assert candidate.name not in page
    assert "about libraries that are not shown here" in page


def test_a_library_that_is_gone_is_named_and_not_linked_to(
    workshop: Workshop, tmp_path: Path
) -> None:
    name = workshop.release_synthetic(1)
    workshop.commit({f"libraries/{name}": None})
    page = log_of(workshop, tmp_path / "site")
    assert name in page
    assert f"libraries/{name}/" not in page


def test_the_log_comes_in_pages_and_ends_after_its_latest_operations(
    workshop: Workshop, tmp_path: Path
) -> None:
    assert " data-cut" not in log_of(workshop, tmp_path / "site")
    workshop.empty_commits(OPERATIONS + 3)
    first = log_of(workshop, tmp_path / "site")
    assert len(entries(first)) == ON_A_PAGE
    assert " data-cut" in first
    pages = re.findall(r'<a href="(\.\./log/[^"]*)"', first.partition("data-log-pages")[2])
    assert len(pages) == OPERATIONS // ON_A_PAGE
    found = [
        re.findall(r"<code>(\w+)</code>", entry)[0]
        for page in pages
        for entry in entries((tmp_path / "site/log" / page / "index.html").read_text())
    ]
    heads = git(workshop.path, "rev-list", f"--max-count={OPERATIONS}", "HEAD").split()
    assert found == [head[:12] for head in heads]


def test_what_was_dated_years_before_is_shown_on_the_day_it_came(
    workshop: Workshop, tmp_path: Path
) -> None:
    """An import gives commits the dates of the releases that it brings, in no order."""
    start = 1_900_000_000
    for later in (0, -3_000, -200, -4_000, 1, -2_500):
        workshop.commit({f"note-{later}": b""}, start + later * 86_400)
    page = log_of(workshop, tmp_path / "site")
    assert "<time" not in (tmp_path / "site/about/index.html").read_text()
    days = re.findall(r'<section class="day" aria-label="([^"]*)"', page)
    assert days == sorted(days, reverse=True)
    assert days[:2] == ["2030-03-18", "2030-03-17"]
    dated = [re.findall(r"<span>dated ([^<]*)</span>", line) for line in entries(page)]
    assert dated[:6] == [["2023-05-13"], [], ["2019-04-04"], ["2029-08-29"], ["2021-12-29"], []]


def test_a_log_that_goes_on_is_the_same_as_one_read_anew(workshop: Workshop) -> None:
    registry = workshop.registry

    def anew() -> object:
        return read_log(registry, registry.snapshot(), None)

    workshop.release_synthetic(1)
    known = read_log(registry, registry.snapshot(), None)
    for number in (2, 3):
        workshop.release_synthetic(number)
        known = read_log(registry, registry.snapshot(), known)
        assert known == anew()
    workshop.empty_commits(OPERATIONS + 3)
    known = read_log(registry, registry.snapshot(), known)
    assert known == anew()
    workshop.commit({"registry.yaml": declaration(None, new_key())})
    known = read_log(registry, registry.snapshot(), known)
    assert known == anew()
    git(workshop.path, "checkout", "-q", "-b", "side", "HEAD~2")
    commit_all(workshop.path, "On another branch")
    git(workshop.path, "checkout", "-q", "main")
    git(workshop.path, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    known = read_log(registry, registry.snapshot(), known)
    assert known == anew()
    git(workshop.path, "reset", "-q", "--hard", "HEAD~5")
    known = read_log(registry, registry.snapshot(), known)
    assert known == anew()
    known = read_log(registry, registry.snapshot(), msgspec.structs.replace(known, head="1" * 40))
    assert known == anew()


def test_a_head_that_went_back_is_built(workshop: Workshop, tmp_path: Path) -> None:
    workshop.release_synthetic(1)
    before = len(entries(log_of(workshop, tmp_path / "site")))
    git(workshop.registry.path, "reset", "-q", "--hard", "HEAD~1")
    assert len(entries(log_of(workshop, tmp_path / "site"))) == before - 1
