"""Who may change what; each named way to take what is not one's own."""

from __future__ import annotations

import pytest

from builder.review.evidence.rights import Rights
from builder.review.rules import ownership
from registry.formats.model import Policy
from registry.signing.publishers import Publisher, PublisherName, Publishers
from tests.builder.review.changing import KEY, REGISTRY, Changing

ERROR, WARNING = "error", "warning"


def rights(actor: str | None) -> Rights:
    publisher = Publisher(name=PublisherName("acme"), keys=(), accounts=("ann",))
    return Rights(
        actor=actor, policy=Policy(operators=("olga",)), publishers=Publishers([publisher])
    )


@pytest.mark.parametrize("actor", ["jill", "ann", "olga"])
def test_owner_publishers_account_and_operator_may(actor: str) -> None:
    assert rights(actor).may_change(["jill", "acme"])


@pytest.mark.parametrize("actor", ["mallory", "Jill", "", None])
def test_nobody_else_may(actor: str | None) -> None:
    assert not rights(actor).may_change(["jill", "acme"])


def test_account_with_the_name_of_a_publisher_is_not_the_publisher() -> None:
    assert not rights("acme").may_change(["acme"])


def test_library_without_owners_is_the_operators() -> None:
    assert not rights("jill").may_change([])
    assert rights("olga").may_change([])


def test_candidate_of_a_stranger_is_refused(changing: Changing) -> None:
    changing.candidate("1.1.1")
    (problem,) = changing.problems("mallory")
    assert (problem.rule, problem.severity.value) == ("owner-needed", ERROR)
    assert "jill" in problem.expected


def test_stranger_who_makes_himself_an_owner_is_refused(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "owners": ["jill", "mallory"]})
    changing.candidate("1.1.1")
    assert changing.found("mallory") == {("owner-needed", ERROR), ("owner-self-added", ERROR)}


def test_stranger_who_names_himself_an_operator_is_refused(changing: Changing) -> None:
    changing.write_registry(policy={"operators": ["olga", "mallory"]})
    changing.candidate("1.1.1")
    assert {("owner-needed", ERROR), ("operator-needed", ERROR)} <= changing.found("mallory")


def test_owner_may_add_another(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "owners": ["jill", "joe"]})
    assert changing.found() == {("owners-changed", WARNING)}


def test_last_owner_cannot_leave(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "owners": []})
    assert changing.found() == {("owners-changed", WARNING), ("owners-empty", ERROR)}


def test_without_an_actor_it_is_said_once_that_owners_were_not_checked(
    changing: Changing,
) -> None:
    changing.candidate("1.1.1")
    changing.new_library("other-tools", ["joe"])
    assert [problem.rule for problem in changing.problems(None)] == ["owner-not-checked"]


def test_new_library_of_ones_own_is_good(changing: Changing) -> None:
    changing.new_library("other-tools", ["joe"])
    assert changing.found("joe") == set()


def test_new_library_for_others_is_looked_at(changing: Changing) -> None:
    changing.new_library("other-tools", ["joe"])
    assert changing.found("jill") == {("owner-foreign", WARNING)}


@pytest.mark.parametrize("actor", ["mallory", None])
def test_name_under_anothers_prefix_is_refused(changing: Changing, actor: str | None) -> None:
    changing.new_library("acme-tools", ["mallory"])
    assert ("owner-prefix", ERROR) in changing.found(actor)


def test_name_under_anothers_prefix_is_refused_with_the_publisher_as_owner(
    changing: Changing,
) -> None:
    changing.new_library("acme-tools", ["acme", "mallory"])
    assert changing.found("mallory") == {("owner-prefix", ERROR), ("owner-impersonated", ERROR)}


def test_publishers_account_may_use_its_prefix(changing: Changing) -> None:
    changing.new_library("acme-tools", ["acme"])
    assert changing.found("ann") == set()


def test_library_in_the_name_of_a_publisher_is_refused(changing: Changing) -> None:
    changing.new_library("other-tools", ["acme"])
    assert ("owner-impersonated", ERROR) in changing.found("mallory")


def test_id_collision_is_refused(changing: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    # No two names with the same 53 bits are known: the comparison is told to see fewer.
    monkeypatch.setattr(ownership, "same_id", lambda *_: "file-tools")
    changing.new_library("other-tools", ["jill"])
    assert changing.found() == {("name-id-taken", ERROR)}


def test_state_written_by_hand_is_looked_at(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "state": "uninstalled"})
    assert changing.found() == {("state-changed", WARNING)}


def test_unknown_replacement_of_a_deprecated_library_is_found(changing: Changing) -> None:
    deprecated = {"reason": "old", "replacement": "nowhere"}
    changing.write_facts({**changing.facts(), "deprecated": deprecated})
    assert changing.found() == {("replacement-unknown", WARNING)}


def test_library_yaml_with_unknown_fields_is_an_error(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "owner": "mallory"})
    assert changing.found() == {("schema-additionalProperties", ERROR)}


def test_unreadable_library_yaml_gives_nobody_rights(changing: Changing) -> None:
    changing.write("libraries/file-tools/library.yaml", "owners: [mallory\n")
    changing.settle()
    changing.candidate("1.1.1")
    assert ("owner-needed", ERROR) in changing.found("mallory")


# --- what is the operators' -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "instances/production/file-tools.yaml", "advisories/a.yaml", ".gitlab-ci.yml", "CODEOWNERS",
        ".github/workflows/registry.yml", "registry.yaml.sig", ".gitattributes",
    ],
)  # fmt: skip
def test_what_governs_the_registry_needs_an_operator(changing: Changing, path: str) -> None:
    changing.write(path, "{}\n")
    assert ("operator-needed", ERROR) in changing.found("jill")
    assert ("operator-needed", WARNING) in changing.found(None)
    assert not {rule for rule, _ in changing.found("olga")} & {"operator-needed", "stray-file"}


def test_instances_are_checked(changing: Changing) -> None:
    changing.write("instances/production/file-tools.yaml", "enabled: maybe\n")
    assert changing.found("olga") == {("schema-type", ERROR)}


def test_advisories_are_checked(changing: Changing) -> None:
    changing.write("advisories/OPS-2026-1.yaml", "id: OPS-2026-1\nsummary: [no text]\n")
    assert ERROR in {severity for _, severity in changing.found("olga")}


def test_stray_file_at_the_top_is_found(changing: Changing) -> None:
    changing.write("Makefile", "x:\n")
    assert changing.found("olga") == {("stray-file", WARNING)}


def test_readme_of_the_registry_is_free(changing: Changing) -> None:
    changing.write("README.md", "# Registry\n")
    assert changing.found("mallory") == set()


def test_withdrawn_revocation_is_found(changing: Changing) -> None:
    revoked = {"key": KEY, "revoked": "2026-01-01T00:00:00Z"}
    changing.write_registry(publishers={"acme": {"keys": [revoked]}})
    changing.settle()
    changing.write_registry(publishers={"acme": {"keys": [{"key": KEY}]}})
    assert changing.found("olga") == {
        ("revocation-withdrawn", ERROR), ("publishers-changed", WARNING),
    }  # fmt: skip


def test_changed_keys_and_policy_are_looked_at(changing: Changing) -> None:
    changing.write_registry(publishers={}, policy={"operators": ["olga", "otto"]})
    found = changing.found("olga")
    assert found == {("publishers-changed", WARNING), ("policy-changed", WARNING)}


def test_broken_keys_are_an_error(changing: Changing) -> None:
    changing.write_registry(publishers={"acme": {"keys": [{"key": "ssh-ed25519 AAAA x"}]}})
    assert ("publisher-key", ERROR) in changing.found("olga")


def test_stale_signature_of_the_registry_is_found(changing: Changing) -> None:
    changing.write("registry.yaml.sig", "signed")
    changing.settle()
    changing.write_registry(title="Other")
    assert changing.found("olga") == {("registry-signature-stale", ERROR)}
    changing.write("registry.yaml.sig", "signed again")
    assert changing.found("olga") == set()


def test_removed_signature_of_the_registry_is_found(changing: Changing) -> None:
    changing.write("registry.yaml.sig", "signed")
    changing.settle()
    (changing.path / "registry.yaml.sig").unlink()
    assert changing.found("olga") == {("registry-signature-stale", ERROR)}


def test_removed_registry_yaml_is_found(changing: Changing) -> None:
    (changing.path / "registry.yaml").unlink()
    assert changing.found("olga") == {("registry-removed", ERROR)}


def test_registry_yaml_that_breaks_its_schema_is_found(changing: Changing) -> None:
    changing.write_registry(policy={"escalation": "never"})
    assert ("schema-enum", ERROR) in changing.found("olga")


def test_unreadable_base_gives_nobody_rights(changing: Changing) -> None:
    changing.write("registry.yaml", "a: [\n")
    changing.settle()
    changing.write_registry()
    found = changing.found("olga")
    assert {("policy-unreadable", WARNING), ("operator-needed", ERROR)} <= found
    assert REGISTRY["policy"] == {"operators": ["olga"]}
