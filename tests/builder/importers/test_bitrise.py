from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.commands.import_ import import_source
from builder.importers import IMPORTERS, FindingKind, ImportFinding, find_importer
from builder.importers.bitrise_release import ReleaseInput, UnusableStepError, convert_release
from builder.importers.model import ImportSourceError, UnknownImporterError
from registry.checks.release import check_release
from registry.names import parse_library_name
from registry.problems import errors_of
from registry.publishing.bulk_import import ImportedRelease
from registry.publishing.create_registry import init_registry
from registry.transactions.transaction import Actor
from registry.versions import parse_version

BITRISE = IMPORTERS["bitrise-steplib"]

STEP = """
title: Send a message
summary: Sends it.
description: |-
  Sends a message to *somebody*.
website: https://github.com/example/send
source_code_url: https://github.com/example/send
support_url: https://github.com/example/send/issues
published_at: 2024-03-19T13:54:48.081077+01:00
source:
  git: https://github.com/example/send.git
  commit: 0123456789abcdef
host_os_tags: [osx-10.10, ubuntu-16.04]
project_type_tags: [ios, android]
type_tags: [code-sign, notification]
is_always_run: true
run_if: .IsCI
toolkit:
  go:
    package_name: example.com/send
inputs:
- api_token: $TOKEN
  opts:
    title: Token
    is_required: "true"
    is_sensitive: true
    is_expand: false
- verbose: "no"
  opts:
    title: Verbose
    summary: Say more?
    value_options: ["yes", "no"]
- appName: ""
  opts:
    category: Application
- app_name: |-
    two
    lines
- level: high
  opts:
    value_options: [low, medium]
outputs:
- SEND_ID: null
  opts:
    title: Id
    description: What was sent.
- SEND_STATE:
  opts:
    value_options: [sent, failed]
"""


def write_step(root: Path, name: str, version: str, text: str = STEP, info: str = "") -> None:
    folder = root / "steps" / name / version
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "step.yml").write_text(text, "utf-8")
    if info:
        (folder.parent / "step-info.yml").write_text(info, "utf-8")


def convert(root: Path) -> tuple[list[ImportedRelease], list[ImportFinding]]:
    items = list(BITRISE.releases(root))
    releases = [item for item in items if isinstance(item, ImportedRelease)]
    return releases, [item for item in items if isinstance(item, ImportFinding)]


@pytest.fixture
def send(tmp_path: Path) -> tuple[ImportedRelease, list[ImportFinding]]:
    write_step(tmp_path, "send", "1.2.3")
    (tmp_path / "LICENSE").write_text("The MIT License (MIT)\n\nMIT License", "utf-8")
    releases, findings = convert(tmp_path)
    return releases[0], findings


def step_of(release: ImportedRelease) -> dict[str, Any]:
    step: dict[str, Any] = json.loads(release.files[f"steps/{release.name}.json"])
    return step


def test_a_step_becomes_a_release_that_passes_validation(
    send: tuple[ImportedRelease, list[ImportFinding]],
) -> None:
    release, _ = send
    checked = check_release(release.files, name="send", version="1.2.3", strict=True)
    assert not errors_of(checked.problems)
    assert checked.content is not None
    manifest = checked.content.manifest
    assert (manifest.display_name, manifest.author) == ("Send a message", "example")
    assert manifest.license == "MIT"
    assert release.files["LICENSE"]
    assert manifest.repository == "https://github.com/example/send"
    assert manifest.categories == ("Code Sign", "Notification")
    assert manifest.required_permissions == ()
    assert manifest.steps[0].executor is None
    assert release.date == "2024-03-19T12:54:48Z"


def test_inputs_become_parameters(send: tuple[ImportedRelease, list[ImportFinding]]) -> None:
    parameters = step_of(send[0])["parameters"]
    assert list(parameters) == ["api_token", "verbose", "app_name_2", "app_name", "level"]
    token = parameters["api_token"]
    assert (token["type"], token["required"], token["secret"]) == ("string", True, True)
    assert "not expanded" in token["description"]
    assert parameters["verbose"]["type"] == "select"
    assert parameters["verbose"]["options"] == ["yes", "no"]
    assert parameters["verbose"]["default"] == "no"
    assert parameters["verbose"]["description"] == "Verbose\n\nSay more?"
    assert parameters["app_name"]["multiline"] is True
    assert "Group: Application" in parameters["app_name_2"]["description"]
    assert "`appName`" in parameters["app_name_2"]["description"]


def test_a_default_outside_of_the_options_keeps_both(
    send: tuple[ImportedRelease, list[ImportFinding]],
) -> None:
    level = step_of(send[0])["parameters"]["level"]
    assert (level["type"], level["default"]) == ("string", "high")
    assert "`low`, `medium`" in level["description"]


def test_outputs_become_what_it_returns(send: tuple[ImportedRelease, list[ImportFinding]]) -> None:
    assert step_of(send[0])["returns"] == {
        "type": "object",
        "properties": {
            "SEND_ID": {"type": "string", "title": "Id", "description": "What was sent."},
            "SEND_STATE": {"type": "string", "enum": ["sent", "failed"]},
        },
    }


def test_platforms_tags_and_category(send: tuple[ImportedRelease, list[ImportFinding]]) -> None:
    step = step_of(send[0])
    assert step["platform_support"] == ["linux", "macos"]
    assert step["tags"] == ["ios", "android", "code-sign", "notification"]
    assert step["category"] == "Code Sign"


def test_the_readme_has_what_no_field_holds(
    send: tuple[ImportedRelease, list[ImportFinding]],
) -> None:
    text = send[0].files["docs/README.md"].decode()
    for part in ("# Send a message", "*somebody*", "/issues>", ".IsCI", "earlier step failed"):
        assert part in text
    assert "`https://github.com/example/send.git` at `0123456789abcdef`" in text


def test_everything_that_did_not_fit_is_reported(
    send: tuple[ImportedRelease, list[ImportFinding]],
) -> None:
    reasons = [f"{finding.kind}: {finding.reason}" for finding in send[1]]
    assert any("left-out: the field 'toolkit'" in reason for reason in reasons)
    assert any("renamed: the input 'appName'" in reason for reason in reasons)
    assert any("adjusted: the default 'high' of 'level'" in reason for reason in reasons)
    assert len(reasons) == 3


def test_names_versions_and_order(tmp_path: Path) -> None:
    for name, version in (("b--c", "1.0.0"), ("b-c", "1.10.0"), ("b-c", "1.9.0"), ("a", "1.0")):
        write_step(tmp_path, name, version)
    releases, findings = convert(tmp_path)
    assert [f"{r.name} {r.version}" for r in releases] == [
        "b-c-2 1.0.0",
        "b-c 1.9.0",
        "b-c 1.10.0",
    ]
    kinds = {finding.kind: finding for finding in findings if finding.kind != "left-out"}
    assert kinds[FindingKind.RENAMED].file == "steps/b--c" or "appName" in str(kinds)
    assert kinds[FindingKind.FAILED].file == "steps/a/1.0"


def test_deprecation_is_kept_also_with_a_day_that_does_not_exist(tmp_path: Path) -> None:
    write_step(tmp_path, "old", "1.0.0", info="deprecate_notes: Use new.\nremoval_date: 2025-09-31")
    write_step(tmp_path, "older", "1.0.0", info='removal_date: "2022-08-26"\nmaintainer: bitrise')
    (old, older), findings = convert(tmp_path)
    assert old.deprecated is not None
    assert old.deprecated.date is None
    assert old.deprecated.reason == "Use new.\n\nRemoval date: 2025-09-31"
    assert any("does not exist" in finding.reason for finding in findings)
    assert older.deprecated is not None
    assert older.deprecated.date == "2022-08-26T00:00:00Z"
    assert json.loads(older.files["manifest.json"])["author"] == "Bitrise"


@pytest.mark.parametrize("text", ["", "[]", "a: [", "text", "\tx: 1", "a: &b c\nd: [*b, *b]\n---"])
def test_a_file_that_is_no_step_fails_alone(tmp_path: Path, text: str) -> None:
    write_step(tmp_path, "bad", "1.0.0", text)
    write_step(tmp_path, "good", "1.0.0")
    releases, findings = convert(tmp_path)
    assert [release.name for release in releases] == ["good"]
    failed = [finding for finding in findings if finding.kind is FindingKind.FAILED]
    assert [finding.file for finding in failed] == ["steps/bad/1.0.0/step.yml"]


def test_a_file_that_is_too_large_fails_alone(tmp_path: Path) -> None:
    write_step(tmp_path, "big", "1.0.0", "title: x\n# " + "x" * 2_000_000)
    releases, findings = convert(tmp_path)
    assert not releases
    assert findings[-1].kind is FindingKind.FAILED


def test_a_directory_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError):
        list(BITRISE.releases(tmp_path))


def test_an_unknown_importer_names_those_there_are() -> None:
    with pytest.raises(UnknownImporterError, match="bitrise-steplib"):
        find_importer("nothing")


def test_an_import_is_one_release_a_version_and_can_be_repeated(tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        write_step(tmp_path / "source", "send", version)
    registry = init_registry(
        tmp_path / "registry", name="into", title="Into", by=Actor(name="tester")
    )
    first = import_source(BITRISE, tmp_path / "source", registry, by=Actor(name="tester"))
    assert (first.libraries, first.releases, first.present) == (1, 2, 0)
    again = import_source(BITRISE, tmp_path / "source", registry, by=Actor(name="tester"))
    assert (again.releases, again.present) == (0, 2)
    library = registry.snapshot().library(parse_library_name("send"))
    assert [str(record.version) for record in library.releases] == ["1.1.0", "1.0.0"]
    assert library.facts.owners == ("tester",)
    assert not (registry.path / "libraries/send/1.1.0/executors").exists()
    assert (registry.path / "libraries/send/1.1.0/manifest.json").is_file()
    registry.close()


def test_other_content_under_a_released_version_is_reported(tmp_path: Path) -> None:
    write_step(tmp_path / "source", "send", "1.0.0")
    registry = init_registry(
        tmp_path / "registry", name="into", title="Into", by=Actor(name="tester")
    )
    import_source(BITRISE, tmp_path / "source", registry, by=Actor(name="tester"))
    write_step(tmp_path / "source", "send", "1.0.0", STEP.replace("Sends it.", "Sends that."))
    report = import_source(BITRISE, tmp_path / "source", registry, by=Actor(name="tester"))
    assert report.releases == 0
    assert "released with other content" in report.of(FindingKind.FAILED)[0].reason
    registry.close()


scalars = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from(
        ["yes", "<script>x</script>", "javascript:", "\u202e", "$X", "true", "2025-01-01"]
    ),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=4,
)
options = st.dictionaries(
    st.sampled_from(
        ["title", "summary", "description", "value_options", "is_required", "is_sensitive",
         "category", "is_expand", "odd"]
    ),
    st.one_of(scalars, st.lists(scalars, max_size=4), anything),
)  # fmt: skip
ports = st.one_of(
    anything,
    st.lists(
        st.builds(
            lambda name, value, opts: {name: value, "opts": opts},
            st.text(max_size=12),
            scalars,
            options,
        ),
        max_size=5,
    ),
)
steps = st.fixed_dictionaries(
    {},
    optional={
        "title": anything,
        "summary": anything,
        "description": anything,
        "website": anything,
        "source_code_url": anything,
        "source": anything,
        "type_tags": anything,
        "project_type_tags": anything,
        "host_os_tags": anything,
        "deps": anything,
        "is_always_run": anything,
        "inputs": ports,
        "outputs": ports,
        "strange": anything,
    },
)


@given(steps)
def test_whatever_is_converted_passes_validation(step: dict[str, Any]) -> None:
    given_step = ReleaseInput(
        name=parse_library_name("any"),
        version=parse_version("1.0.0"),
        step=step,
        source_id="any",
        file="any/step.yml",
        maintainer="",
        license_text=b"",
    )
    try:
        converted = convert_release(given_step)
    except UnusableStepError:
        assert not step
        return
    checked = check_release(converted.files, name="any", version="1.0.0", strict=True)
    assert not errors_of(checked.problems), errors_of(checked.problems)
    assert converted == convert_release(given_step)
