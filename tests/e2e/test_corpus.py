"""The Bitrise StepLib, which nobody here wrote: imported, validated, built, searched, served."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import orjson
import pytest

from builder.catalogue import build_catalogue
from builder.commands.search import index_directory
from builder.importers import FindingKind
from builder.search.index import SearchIndex
from builder.search.index_update import update_index
from builder.search.query import SearchQuery
from registry.library.release_state import LibraryStatus
from registry.names import LibraryName
from tests.e2e.conftest import Corpus
from tests.server.real_server import Client, serving

pytestmark = pytest.mark.xdist_group("corpus")

LIBRARIES, EMPTY, RELEASES = 440, 3, 3_697


@pytest.fixture(scope="session")
def corpus_index(
    corpus_registry: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SearchIndex]:
    directory = tmp_path_factory.mktemp("corpus-search")
    update_index(directory, corpus_registry.snapshot)
    index = SearchIndex.open(directory)
    yield index
    index.close()


def test_every_version_became_a_release_that_is_served(corpus_registry: Corpus) -> None:
    report = corpus_registry.report
    assert report.of(FindingKind.FAILED) == ()
    assert (report.libraries, report.releases) == (LIBRARIES, RELEASES)
    libraries = list(corpus_registry.snapshot.libraries(corpus_registry.snapshot.names))
    served = [record for library in libraries for record in library.releases if record.is_served]
    assert (len(libraries), len(served)) == (LIBRARIES, RELEASES)
    assert not [library.name for library in libraries if library.problems]
    statuses = {library.status for library in libraries}
    assert statuses == {LibraryStatus.ENABLED, LibraryStatus.DEPRECATED}


def test_what_did_not_fit_is_reported(corpus_registry: Corpus, bitrise_steplib: Path) -> None:
    report = corpus_registry.report
    empty = [f for f in report.of(FindingKind.LEFT_OUT) if "no version" in f.reason]
    assert len(empty) == EMPTY
    assert len(list((bitrise_steplib / "steps").iterdir())) == LIBRARIES + EMPTY
    renamed = {finding.file for finding in report.of(FindingKind.RENAMED)}
    assert {
        "steps/deploygate--upload-app-bitrise-step",
        "steps/dsym-upload-to-crashlytics--no-cocoapods",
    } <= renamed
    assert any("does not exist" in finding.reason for finding in report.of(FindingKind.ADJUSTED))


def test_meaning_is_kept(corpus_registry: Corpus) -> None:
    library = corpus_registry.snapshot.library(LibraryName("git-clone"))
    assert library.content is not None
    (step,) = library.content.steps
    reset = step.parameters["reset_repository"]
    assert (reset.type, reset.options, reset.default) == ("select", ("No", "Yes"), "No")
    assert step.parameters["build_api_token"].secret
    assert step.parameters["repository_url"].required
    assert "GIT_CLONE_COMMIT_HASH" in step.returns["properties"]
    assert library.releases[0].date is not None
    deprecated = [
        library
        for library in corpus_registry.snapshot.libraries(corpus_registry.snapshot.names)
        if library.facts.deprecated is not None
    ]
    # As many step-info.yml have deprecate_notes.
    assert len(deprecated) == 41


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git clone", "git-clone"),
        ("xcode archive", "xcode-archive"),
        ("send slack message", "slack"),
        ("cocoapods inst", "cocoapods-install"),
        ("appstore connect deploy", "deploy-to-itunesconnect-application-loader"),
        ("gradle unit tests", "gradle-unit-test"),
    ],
)
def test_steps_are_found(corpus_index: SearchIndex, text: str, expected: str) -> None:
    hits = corpus_index.search(SearchQuery(text=text, kind="library", limit=5)).hits
    assert expected in [hit.id for hit in hits]


def test_mistakes_are_corrected(corpus_index: SearchIndex) -> None:
    found = corpus_index.search(SearchQuery(text="cocoapds"))
    assert found.did_you_mean == "cocoapods"
    assert all("cocoapods" in hit.id for hit in found.hits[:4])
    found = corpus_index.search(SearchQuery(text="xcode archve"))
    assert found.did_you_mean == "xcode archive"
    assert found.hits[0].id == "xcode-archive"


def test_the_catalogue_is_built(
    corpus_registry: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = tmp_path_factory.mktemp("corpus-site") / "site"
    report = build_catalogue(corpus_registry.registry, site)
    assert report.rendered == LIBRARIES + 1
    assert (site / "libraries" / "git-clone" / "index.html").is_file()
    step = json.loads((site / "api/v1/steps/git-clone.git-clone.json").read_bytes())
    assert step["library"] == "git-clone"
    entry = orjson.loads(gzip.decompress((site / "search-index" / "entry.bin").read_bytes()))
    assert entry["count"] == LIBRARIES + 1


@pytest.fixture(scope="session")
def corpus_client(corpus_registry: Corpus) -> Iterator[Client]:
    update_index(index_directory(corpus_registry.registry), corpus_registry.snapshot)
    with serving(corpus_registry.registry.path) as client:
        yield client


def test_the_whole_corpus_is_served(corpus_registry: Corpus, corpus_client: Client) -> None:
    listed = corpus_client.get("/api/v1/libraries").json()
    assert len({library["id"] for library in listed}) == LIBRARIES + 1
    steps = corpus_client.get("/api/v1/steps").json()
    assert {"git-clone", "slack"} <= {step["library"] for step in steps["steps"]}
    for library in corpus_registry.snapshot.libraries(corpus_registry.snapshot.names):
        active = library.active
        assert active is not None
        step_id = f"{library.name}.{library.name}"
        answer = corpus_client.get(f"/api/v1/steps/{step_id}")
        assert answer.status == 200, step_id
        pinned = corpus_client.get(f"/api/v1/steps/{step_id}@{active.version}")
        assert pinned.body == answer.body, step_id


def test_every_step_is_what_the_document_says(corpus_client: Client) -> None:
    document = corpus_client.get("/openapi.json").json()
    for path, name in (("/api/v1/steps", "StepList"), ("/api/v1/libraries/slack", "LibraryDetail")):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.Draft202012Validator(schema).validate(corpus_client.get(path).json())


def test_an_old_release_is_served_when_it_is_pinned(corpus_client: Client) -> None:
    step = corpus_client.get("/api/v1/steps/git-clone.git-clone@4.0.17").json()
    assert step["version"] == "4.0.17"


def test_it_is_searched_over_http(corpus_client: Client) -> None:
    answer = corpus_client.get("/api/v1/search?q=git+clone&kind=step").json()
    assert answer["hits"][0]["id"] == "git-clone.git-clone"
    assert answer["facets"]["category"]["Utility"] > 0
    assert corpus_client.get("/api/v1/search?q=cocoapds").json()["did_you_mean"] == "cocoapods"
