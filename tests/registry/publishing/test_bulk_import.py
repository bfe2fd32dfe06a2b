from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry.formats.model import Deprecation
from registry.library.release_state import LibraryStatus, ReleaseState
from registry.names import LibraryName
from registry.publishing.add import add_release
from registry.publishing.bulk_import import ImportedRelease, import_releases
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, follow_head
from tests.registry.making import (
    NAME,
    commit_all,
    files,
    git,
    new_registry,
    put,
    version,
    write_files,
)

DATE = "2019-08-07T06:05:04Z"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        yield made


def item(name: str = "file-tools", text: str = "1.0.0", date: str = DATE) -> ImportedRelease:
    return ImportedRelease(
        name=LibraryName(name), version=version(text), files=files(name, text), date=date,
        owners=("owner",),
    )  # fmt: skip


def test_dates_owners_and_deprecation_are_kept(registry: Registry) -> None:
    old = Deprecation(reason="Use another.", replacement="other", date=DATE)
    done = import_releases(registry, [replace(item(), deprecated=old)], by=Actor(name="importer"))
    assert (done.released, done.present, done.refused) == (1, 0, ())
    library = registry.snapshot().library(NAME)
    assert library.active is not None
    assert library.active.date == DATE
    assert library.facts.owners == ("owner",)
    assert library.facts.deprecated == old
    assert library.status is LibraryStatus.DEPRECATED
    assert (
        git(registry.path, "log", "-1", "--format=%cI %an") == "2019-08-07T06:05:04+00:00 importer"
    )
    tagged = git(registry.path, "for-each-ref", "--format=%(taggerdate:iso-strict)", "refs/tags")
    assert tagged == "2019-08-07T06:05:04+00:00"


def test_each_release_is_one_commit_and_one_tag_and_all_are_served(registry: Registry) -> None:
    items = [item(name, text) for name in ("lib-a", "lib-b") for text in ("1.0.0", "1.1.0")]
    import_releases(registry, items, by=Actor(name="importer"))
    assert git(registry.path, "rev-list", "--count", "HEAD") == "5"
    assert len(git(registry.path, "tag").split()) == 4
    for library in registry.snapshot().libraries(registry.snapshot().names):
        assert {r.state for r in library.releases} == {ReleaseState.RELEASED}
    follow_head(registry)
    assert git(registry.path, "status", "--porcelain") == ""
    git(registry.path, "fsck", "--strict")
    assert git(registry.path, "for-each-ref", "refs/opsteps") == ""


def test_second_import_changes_nothing(registry: Registry) -> None:
    items = [item(text=text) for text in ("1.0.0", "1.1.0")]
    first = import_releases(registry, items, by=Actor(name="importer"))
    again = import_releases(registry, items, by=Actor(name="importer"))
    assert (again.released, again.present, again.commit) == (0, 2, first.commit)
    assert registry.head() == first.commit


def test_refused_releases_are_reported_and_the_others_go_on(registry: Registry) -> None:
    put(registry, files())
    broken = {**files("lib-b"), "manifest.json": b"{"}
    odd = {**files("lib-c"), "docs/\udcff.md": b""}
    items = [
        replace(item(), files=files(description="Other.")),
        item("lib-a"),
        replace(item("lib-b"), files=broken),
        replace(item("lib-c"), files=odd),
        item("lib-d", date="2019-99-99T00:00:00Z"),
        item("lib-e", date="yesterday"),
        replace(item("lib-f"), owners=("",), deprecated=Deprecation(reason="")),
        replace(item("lib-g"), name=LibraryName("lib-h")),
    ]
    done = import_releases(registry, items, by=Actor(name="importer"))
    assert done.released == 1
    assert [refused.name for refused in done.refused] == [
        "file-tools", "lib-b", "lib-c", "lib-d", "lib-e", "lib-f", "lib-h",
    ]  # fmt: skip
    assert all(p.expected and p.message for refused in done.refused for p in refused.problems)
    snapshot = registry.snapshot()
    assert snapshot.names == (NAME, "lib-a")
    assert snapshot.files(NAME, version("1.0.0")) == files()


def test_candidate_in_the_way_is_replaced_as_a_whole(registry: Registry) -> None:
    add_release(registry, files(extra={"docs/OLD.md": b"x"}), by=Actor(name="tester"))
    import_releases(registry, [item()], by=Actor(name="importer"))
    library = registry.snapshot().library(NAME)
    assert library.status is LibraryStatus.ENABLED
    assert registry.snapshot().files(NAME, version("1.0.0")) == files()


def test_stray_tag_in_the_way_refuses_only_its_release(registry: Registry) -> None:
    git(registry.path, "tag", "file-tools/v1.0.0")
    done = import_releases(registry, [item(), item("lib-a")], by=Actor(name="importer"))
    assert done.released == 1
    assert [refused.name for refused in done.refused] == [NAME]


def test_facts_that_cannot_be_read_are_not_overwritten(registry: Registry) -> None:
    write_files(registry.path, {"libraries/file-tools/library.yaml": b"ledger: ["})
    commit_all(registry.path)
    done = import_releases(registry, [item(), item("lib-a")], by=Actor(name="importer"))
    assert [refused.name for refused in done.refused] == [NAME]
    assert git(registry.path, "show", "HEAD:libraries/file-tools/library.yaml") == "ledger: ["


def test_source_that_fails_halfway_imports_nothing(registry: Registry) -> None:
    def items() -> Iterator[ImportedRelease]:
        yield item()
        raise RuntimeError("the source broke")

    head = registry.head()
    with pytest.raises(RuntimeError, match="the source broke"):
        import_releases(registry, items(), by=Actor(name="importer"))
    assert registry.head() == head
    assert git(registry.path, "for-each-ref", "--format=%(refname)") == "refs/heads/main"


def test_nothing_to_import_is_no_commit(registry: Registry) -> None:
    head = registry.head()
    assert (
        import_releases(registry, [], by=Actor(name="importer")).commit == head == registry.head()
    )


def test_thousands_of_releases_are_imported(registry: Registry) -> None:
    items = [item(f"lib-{n}", f"1.{m}.0") for n in range(200) for m in range(10)]
    seen: list[ImportedRelease] = []
    done = import_releases(registry, items, by=Actor(name="importer"), progress=seen.append)
    assert done.released == len(seen) == 2000
    assert len(list(registry.snapshot().libraries())) == 201
