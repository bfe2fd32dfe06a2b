from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.search.index import SearchIndex
from builder.search.index_update import update_index
from builder.search.query import (
    SearchQuery,
    SearchResults,
    SearchSettings,
    SearchUnavailableError,
    Sort,
)
from builder.search.state import read_index_state
from registry.formats.model import Deprecation
from registry.publishing.bulk_import import ImportedRelease, import_releases
from registry.publishing.create_registry import init_registry
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor

Release = Callable[..., ImportedRelease]


@pytest.fixture
def index(tools: Registry, tmp_path: Path) -> SearchIndex:
    update_index(tmp_path / "search", tools.snapshot())
    return SearchIndex.open(tmp_path / "search")


def ids(results: SearchResults) -> list[str]:
    return [hit.id for hit in results.hits]


def ask(index: SearchIndex, text: str, **filters: object) -> SearchResults:
    return index.search(SearchQuery(text=text, **filters))  # type: ignore[arg-type]  # by name


def test_names_titles_descriptions_parameters_and_tags_are_found(index: SearchIndex) -> None:
    assert ids(ask(index, "operations"))[0] == "file-operations"
    assert ids(ask(index, "look-up"))[0] == "network-tools"
    assert ids(ask(index, "look-up", kind="step"))[0] == "network-tools.dns.lookup"
    assert "network-tools" in ids(ask(index, "certificates"))
    assert ids(ask(index, "overwrite ", kind="step")) == ["file-operations.file.copy"]
    assert ids(ask(index, "replace exists ", kind="step")) == ["file-operations.file.copy"]
    assert ids(ask(index, "overwrite ")) == ["file-operations"]
    assert "file-operations" in ids(ask(index, "filesystem"))


def test_words_are_stemmed(index: SearchIndex) -> None:
    assert "file-operations.file.copy" in ids(ask(index, "copying ", kind="step"))
    assert "chat-notifications" in ids(ask(index, "notification "))


def test_the_last_word_may_be_unfinished(index: SearchIndex) -> None:
    for typed in ("not", "notific", "notificatio"):
        assert ids(ask(index, typed))[0] == "chat-notifications"
    # Finished, it is a mistake, which is mended.
    assert ask(index, "notificatio", prefix=False).did_you_mean == "notification"


def test_what_is_called_exactly_so_comes_first(index: SearchIndex) -> None:
    for typed in ("file operations", "file-operations", "File.Operations"):
        assert ids(ask(index, typed))[0] == "file-operations"


def test_a_typing_error_is_corrected(index: SearchIndex) -> None:
    results = ask(index, "netwrok tools")
    assert results.did_you_mean == "network tools"
    assert not results.is_complete
    assert ask(index, "network tools").did_you_mean is None


def test_documents_with_some_of_the_words_follow(index: SearchIndex) -> None:
    results = ask(index, "dns message ")
    assert not results.is_complete
    assert {"network-tools", "chat-notifications"} <= set(ids(results))


def test_a_phrase_asks_for_an_order(index: SearchIndex) -> None:
    assert ids(ask(index, '"one directory to another"')) == ["file-operations"]
    found = ask(index, '"one directory to another"', kind="step")
    assert ids(found) == ["file-operations.file.copy"]
    assert not ask(index, '"another directory to one"').total


def test_an_excluded_word_is_absent(index: SearchIndex) -> None:
    assert "file-operations.file.copy" in ids(ask(index, "file ", kind="step"))
    assert "file-operations.file.copy" not in ids(ask(index, "file -copy", kind="step"))


def test_filters_and_facets(index: SearchIndex) -> None:
    everything = ask(index, "")
    assert everything.facets["premium"] == {"no": 3, "yes": 1}
    assert everything.facets["kind"]["library"] == everything.total == 4
    assert ids(ask(index, "", premium=True)) == ["network-tools"]
    steps = ask(index, "", kind="step", category=("Files",))
    assert ids(steps) == ["file-operations.file.copy", "file-operations.file.move"]
    # A facet counts as if its own filter were not set.
    assert steps.facets["kind"] == {"step": 2, "library": 1}
    assert steps.facets["category"]["Network"] == 1
    assert "network-tools" not in ids(ask(index, "", platform=("windows",)))
    assert ids(ask(index, "", library="chat-notifications")) == ["chat-notifications"]
    own = ask(index, "", library="chat-notifications", kind="step")
    assert ids(own) == ["chat-notifications.chat.send"]


def test_filters_combine_and_several_values_of_one_are_alternatives(index: SearchIndex) -> None:
    either = ask(index, "", category=("Files", "Messaging"))
    assert ids(either) == ["chat-notifications", "file-operations"]
    assert either.facets["category"]["Network"] == 1
    assert not ask(index, "", category=("Files",), premium=True).total
    assert ask(index, "", author=("Somebody",), license=("MIT",), executor=False).total == 3


def test_hits_are_sorted_by_name_or_by_date(
    tools: Registry, tmp_path: Path, release: Release, index: SearchIndex
) -> None:
    by_name = ["chat-notifications", "core", "file-operations", "network-tools"]
    assert ids(ask(index, "", sort=Sort.NAME)) == by_name
    newer = replace(release("network-tools", version="1.1.0"), date="2026-05-01T00:00:00Z")
    import_releases(tools, [newer], by=Actor(name="tester"))
    update_index(tmp_path / "search", tools.snapshot())
    index.refresh()
    newest = ask(index, "", sort=Sort.NEWEST)
    # The core library is as old as this program.
    assert ids(newest)[:2] == ["core", "network-tools"]
    assert newest.hits[1].newest == "2026-05-01T00:00:00Z"


def test_the_best_steps_stand_inside_a_hit(index: SearchIndex) -> None:
    hit = ask(index, "copy a file").hits[0]
    assert (hit.id, [step.name for step in hit.steps]) == (
        "file-operations",
        ["file.copy", "file.move"],
    )


def test_another_word_for_it_finds_it_too(tools: Registry, tmp_path: Path) -> None:
    index = SearchIndex.open(_updated(tools, tmp_path))
    assert ids(ask(index, "duplicate folder"))[0] == "file-operations"
    assert not ask(index, "paperwork ").total
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=tools.path, check=True)
    facts = (tools.path / "registry.yaml").read_text("utf-8")
    own = facts.replace("synonyms: []", "synonyms: [[files, paperwork]]")
    (tools.path / "registry.yaml").write_text(own, "utf-8")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, "commit", "-qam", "Synonyms"], cwd=tools.path, check=True)
    _updated(tools, tmp_path)
    assert tools.snapshot().facts.synonyms == (("files", "paperwork"),)
    assert index.refresh()
    assert ids(ask(index, "paperwork ")) == ["file-operations"]


def _updated(registry: Registry, directory: Path) -> Path:
    update_index(directory / "synonyms", registry.snapshot())
    return directory / "synonyms"


def test_a_deprecated_library_stands_below_its_successor(
    tools: Registry, tmp_path: Path, release: Release
) -> None:
    fields = {"title": "Print", "description": "Print documents on paper."}
    old = replace(
        release("print-tools", **fields),
        deprecated=Deprecation(reason="Old.", replacement="paper-kit"),
    )
    new = release("paper-kit", description="Prints.", title="Printing, the new way")
    import_releases(tools, [old, new], by=Actor(name="tester"))
    update_index(tmp_path / "search", tools.snapshot())
    index = SearchIndex.open(tmp_path / "search")
    for question in ("print documents", "print", "print-tools", "printing"):
        found = ask(index, question)
        if "paper-kit" in ids(found):
            assert ids(found).index("paper-kit") < ids(found).index("print-tools"), question
    assert ids(ask(index, "print"))[0] == "paper-kit"
    assert ask(index, "print", deprecated=True).total == 1


def test_a_long_tail_is_cut(tools: Registry, tmp_path: Path, release: Release) -> None:
    rare = {"run": {"parameters": {f"p{n}": {"type": "string"} for n in range(30)}}}
    rare["run"]["parameters"]["x"] = {"type": "string", "description": "Such as a zebra."}
    many = [release(f"tail-{n}", steps=rare, description="words " * 200) for n in range(10)]
    zebra = release("zebra-tools", title="Zebra", description="Feeds a zebra.", tags=["zebra"])
    import_releases(tools, [*many, zebra], by=Actor(name="tester"))
    update_index(tmp_path / "search", tools.snapshot())
    assert ids(ask(SearchIndex.open(tmp_path / "search"), "zebra")) == ["zebra-tools"]


def test_pages_of_hits_do_not_overlap(index: SearchIndex) -> None:
    whole = ids(ask(index, ""))
    pages = [ids(ask(index, "", limit=2, offset=at)) for at in range(0, len(whole), 2)]
    assert [hit for page in pages for hit in page] == whole
    assert len(whole) == len(set(whole)) == ask(index, "").total


def test_the_steps_of_core_are_found(index: SearchIndex) -> None:
    assert ids(ask(index, "join", kind="step"))[0].startswith("core.")


def test_a_question_without_words_finds_nothing(index: SearchIndex) -> None:
    assert ask(index, "***").total == 0


def test_only_what_changed_is_written(
    tools: Registry, tmp_path: Path, release: Release, index: SearchIndex
) -> None:
    nothing = update_index(tmp_path / "search", tools.snapshot())
    assert (nothing.added, nothing.removed, nothing.unchanged) == (0, 0, 4)
    assert not index.refresh()
    newer = release("chat-notifications", version="1.1.0", description="Shout at people.")
    import_releases(
        tools, [newer, release("new-library", title="Brand new")], by=Actor(name="tester")
    )
    report = update_index(tmp_path / "search", tools.snapshot())
    assert (report.added, report.removed, report.unchanged) == (2, 0, 3)
    assert not ask(index, "shouting ").total, "an open generation does not change"
    assert index.refresh()
    assert ids(ask(index, "shouting ")) == ["chat-notifications"]
    assert ids(ask(index, "brand"))[0] == "new-library"
    steps = ask(index, "", library="chat-notifications", kind="step")
    assert ids(steps) == ["chat-notifications.run"]
    assert index.commit == tools.head()


def test_a_library_that_is_gone_is_not_found(tools: Registry, tmp_path: Path) -> None:
    directory = tmp_path / "search"
    with_it = tools.snapshot()
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=tools.path, check=True)
    subprocess.run(["git", "rm", "-rq", "libraries/network-tools"], cwd=tools.path, check=True)
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, "commit", "-qm", "Remove it"], cwd=tools.path, check=True)
    update_index(directory, with_it)
    report = update_index(directory, tools.snapshot())
    assert (report.added, report.removed) == (0, 1)
    assert not ask(SearchIndex.open(directory), "", library="network-tools").total


def test_many_small_updates_keep_few_segments_and_the_same_answers(
    tools: Registry, tmp_path: Path, release: Release
) -> None:
    step_by_step, at_once = tmp_path / "steps", tmp_path / "once"
    for number in range(12):
        changed = release("chat-notifications", version=f"1.{number + 1}.0", title=f"Chat {number}")
        import_releases(tools, [changed, release(f"extra-{number}")], by=Actor(name="tester"))
        update_index(step_by_step, tools.snapshot(), settings=SearchSettings(segments=4))
    update_index(at_once, tools.snapshot())
    state = read_index_state(step_by_step)
    assert state is not None
    segments = list((step_by_step / state.directory).glob("*.seg"))
    assert len(segments) <= 4
    one, other = SearchIndex.open(step_by_step), SearchIndex.open(at_once)
    for text in ("", "chat", "chat 11", "file copy", "extra", "netwrok"):
        ours, theirs = ask(one, text, limit=100), ask(other, text, limit=100)
        assert ids(ours) == ids(theirs)
        assert (ours.total, ours.facets) == (theirs.total, theirs.facets)
        assert [hit.score for hit in ours.hits] == pytest.approx([h.score for h in theirs.hits])


def test_without_an_index_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SearchUnavailableError) as raised:
        SearchIndex.open(tmp_path)
    assert raised.value.next_step


@pytest.mark.parametrize("damage", ["truncate", "delete", "state", "toc"])
def test_a_damaged_index_is_made_anew(tools: Registry, tmp_path: Path, damage: str) -> None:
    directory = tmp_path / "search"
    update_index(directory, tools.snapshot())
    segment = next(directory.glob("*/*.seg"))
    if damage == "truncate":
        segment.write_bytes(segment.read_bytes()[: segment.stat().st_size // 2])
    elif damage == "delete":
        segment.unlink()
    elif damage == "state":
        (directory / "state.json").write_bytes(b'{"format": 1')
    else:
        toc = next(directory.glob("*/*.toc"))
        toc.write_bytes(b"\0" * toc.stat().st_size)
    report = update_index(directory, tools.snapshot())
    assert report.added == 4
    assert ask(SearchIndex.open(directory), "dns").total


# Whoosh leaves files that it cannot make sense of to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_damaged_index_never_breaks_a_question_otherwise(tools: Registry, tmp_path: Path) -> None:
    directory = tmp_path / "search"
    update_index(directory, tools.snapshot())
    segment = next(directory.glob("*/*.seg"))
    whole = segment.read_bytes()
    for start in range(0, len(whole), max(1, len(whole) // 40)):
        segment.write_bytes(whole[:start] + b"\xff" * 64 + whole[start + 64 :])
        try:
            ask(SearchIndex.open(directory), "file copy nothng")
        except SearchUnavailableError as error:
            assert error.next_step  # noqa: PT017 - either is right; any other error is not
    gc.collect()


_KILLED = """
import sys
from pathlib import Path
from builder.search.index_update import update_index
from registry.snapshots.registry import Registry
registry = Registry.open(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
update_index(Path(sys.argv[2]), registry.snapshot())
print("done", flush=True)
"""


def test_a_killed_update_leaves_the_old_index_or_the_new_one(
    tools: Registry, tmp_path: Path, release: Release
) -> None:
    directory = tmp_path / "search"
    update_index(directory, tools.snapshot())
    added = [release(f"more-{number:02}", title="Fresh") for number in range(30)]
    import_releases(tools, added, by=Actor(name="tester"))
    old = ask(SearchIndex.open(directory), "").total
    for delay in (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
        process = subprocess.Popen(
            [sys.executable, "-c", _KILLED, str(tools.path), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "COVERAGE_PROCESS_CONFIG": ""},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.write(b"\n")
        process.stdin.flush()
        deadline = time.monotonic() + delay
        while time.monotonic() < deadline:
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert ask(SearchIndex.open(directory), "").total in {old, old + 30}
    update_index(directory, tools.snapshot())
    assert ask(SearchIndex.open(directory), "").total == old + 30


def test_readers_and_two_writers_at_once(tools: Registry, tmp_path: Path, release: Release) -> None:
    directory = tmp_path / "search"
    update_index(directory, tools.snapshot())
    index = SearchIndex.open(directory)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            index.refresh()
            assert ask(index, "file", kind="step").total >= 2

    def write() -> None:
        registry = Registry.open(tools.path)
        update_index(directory, registry.snapshot())
        registry.close()

    with ThreadPoolExecutor() as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for number in range(6):
                import_releases(tools, [release(f"other-{number}")], by=Actor(name="tester"))
                for writer in [pool.submit(write), pool.submit(write)]:
                    writer.result()
        finally:
            stop.set()
        for reader in readers:
            reader.result()
    index.refresh()
    assert ask(index, "other", kind="library").total == 6


_HOLDER = """
import fcntl, sys
with open(sys.argv[1], "a") as held:
    fcntl.flock(held, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_writer_waits_no_longer_than_it_is_told(tools: Registry, tmp_path: Path) -> None:
    directory = tmp_path / "search"
    update_index(directory, tools.snapshot())
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(directory / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(SearchUnavailableError, match="another process"):
        update_index(directory, tools.snapshot(), settings=SearchSettings(lock_seconds=0.1))
    holder.communicate()


@pytest.fixture(scope="module")
def shared_index(tmp_path_factory: pytest.TempPathFactory) -> SearchIndex:
    """One index for many questions: it holds `core` only."""
    root = tmp_path_factory.mktemp("shared")
    registry = init_registry(
        root / "registry", name="empty", title="Empty", by=Actor(name="tester")
    )
    update_index(root / "search", registry.snapshot())
    registry.close()
    return SearchIndex.open(root / "search")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.text(max_size=600),
        st.text(alphabet='"-*?()[]{}\\|^$.+~: aejoinflow', max_size=600),
    ),
    limit=st.integers(-5, 500),
    offset=st.integers(-5, 20_000),
)
def test_any_question_is_answered(
    shared_index: SearchIndex, text: str, limit: int, offset: int
) -> None:
    results = shared_index.search(SearchQuery(text=text, limit=limit, offset=offset))
    assert len(results.hits) <= max(0, min(limit, 200))
    assert results.total >= len(results.hits)
    assert results.total == results.facets["kind"].get("library", 0)
