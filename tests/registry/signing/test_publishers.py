from pathlib import Path

import pytest

from registry.formats.timestamps import parse_time
from registry.names import LibraryName
from registry.problems import Problem
from registry.signing.errors import (
    ForeignPrefixError,
    KeyExpiredError,
    KeyNotYetValidError,
    KeyRevokedError,
    NotAnOwnerError,
    SigningError,
)
from registry.signing.keys import parse_public_key
from registry.signing.publishers import Publishers, withdrawn_revocations
from registry.signing.publishers_file import check_publishers, read_publishers

VECTORS = Path(__file__).parent / "vectors"
ED25519, ECDSA, RSA = (
    (VECTORS / f"{kind}.pub").read_text().strip() for kind in ("ed25519", "ecdsa", "rsa")
)
DECLARED = f"""\
name: demo
title: Demo registry
publishers:
  acme:
    prefixes: [acme, acme-labs]
    keys:
      - key: {ED25519}
        since: 2025-01-01T00:00:00Z
        until: "2026-01-01T00:00:00Z"
      - key: {ECDSA}
        revoked: 2025-06-01T00:00:00Z
  globex:
    keys:
      - key: {RSA}
"""


def declared(text: str = DECLARED) -> Publishers:
    parsed = read_publishers(text.encode())
    assert parsed.problems == ()
    assert parsed.value is not None
    return parsed.value


def problems_of(text: str) -> tuple[Problem, ...]:
    parsed = read_publishers(text.encode())
    assert parsed.value is None
    return parsed.problems


def refusal(
    line: str,
    library: str,
    *,
    owners: tuple[str, ...] = ("acme", "globex"),
    at: str = "2025-03-01T00:00:00Z",
) -> type[SigningError] | None:
    publishers = declared()
    held = publishers.holder(parse_public_key(line).blob)
    assert held is not None
    refused = publishers.refusal(
        held, library=LibraryName(library), owners=owners, at=parse_time(at)
    )
    allowed = publishers.signers(LibraryName(library), owners=owners, at=parse_time(at))
    assert (held in allowed) is (refused is None)
    return type(refused) if refused is not None else None


def test_publishers_are_read() -> None:
    publishers = declared()
    assert [publisher.name for publisher in publishers.all()] == ["acme", "globex"]
    acme = publishers.named("acme")
    assert acme is not None
    assert acme.prefixes == ("acme", "acme-labs")
    first, second = acme.keys
    assert first.since == parse_time("2025-01-01T00:00:00Z")
    assert first.until == parse_time("2026-01-01T00:00:00Z")
    assert second.revoked == parse_time("2025-06-01T00:00:00Z")
    assert publishers.holder(second.key.blob) == second
    assert len(publishers.all_keys()) == 3
    assert publishers.named("initech") is None
    assert publishers == declared()
    assert hash(publishers) == hash(declared())


def test_a_registry_without_publishers_has_none() -> None:
    assert declared("name: demo\ntitle: Demo\n") == Publishers()


@pytest.mark.parametrize(
    ("line", "at", "expected"),
    [
        (ED25519, "2024-12-31T23:59:59Z", KeyNotYetValidError),
        (ED25519, "2025-01-01T00:00:00Z", None),
        (ED25519, "2025-12-31T23:59:59Z", None),
        (ED25519, "2026-01-01T00:00:00Z", KeyExpiredError),
        (ECDSA, "2025-05-31T23:59:59Z", None),
        (ECDSA, "2025-06-01T00:00:00Z", KeyRevokedError),
    ],
)
def test_a_key_is_valid_at_some_dates(
    line: str, at: str, expected: type[SigningError] | None
) -> None:
    assert refusal(line, "acme-files", at=at) is expected


@pytest.mark.parametrize(
    ("line", "library", "expected"),
    [
        (ED25519, "acme", None),
        (ED25519, "acme-files", None),
        (ED25519, "acme-labs-files", None),
        (ED25519, "acmefiles", ForeignPrefixError),
        (ED25519, "files", ForeignPrefixError),
        (RSA, "files", None),
        (RSA, "acmefiles", None),
        (RSA, "acme", ForeignPrefixError),
        (RSA, "acme-files", ForeignPrefixError),
    ],
)
def test_prefixes_bind_the_publisher_and_keep_others_out(
    line: str, library: str, expected: type[SigningError] | None
) -> None:
    assert refusal(line, library) is expected


def test_only_owners_sign() -> None:
    assert refusal(ED25519, "acme-files", owners=("globex",)) is NotAnOwnerError
    assert refusal(RSA, "files", owners=()) is NotAnOwnerError


@pytest.mark.parametrize(
    ("old", "new", "rule", "pointer"),
    [
        ("  acme:", "  Acme:", "publisher-name", "/publishers/Acme"),
        ("  acme:", f"  {'a' * 65}:", "publisher-name", f"/publishers/{'a' * 65}"),
        ("  acme:", "  a/c:", "publisher-name", "/publishers/a~1c"),
        ("prefixes:", "prefix:", "publisher-fields", "/publishers/acme/prefix"),
        ("[acme, acme-labs]", "acme", "publisher-fields", "/publishers/acme/prefixes"),
        ("[acme, acme-labs]", "[acme-]", "publisher-prefix", "/publishers/acme/prefixes/0"),
        ("[acme, acme-labs]", "[acme, 3]", "publisher-prefix", "/publishers/acme/prefixes/1"),
        ("since:", "sinec:", "publisher-fields", "/publishers/acme/keys/0/sinec"),
        (
            "since: 2025-01-01T00:00:00Z",
            "since: 2025-01-01",
            "publisher-time",
            "/publishers/acme/keys/0/since",
        ),
        ("2025-06-01", "2025-06-31", "publisher-time", "/publishers/acme/keys/1/revoked"),
        (
            "revoked: 2025-06-01T00:00:00Z",
            "revoked: true",
            "publisher-time",
            "/publishers/acme/keys/1/revoked",
        ),
        ("2026-01-01", "2025-01-01", "publisher-time", "/publishers/acme/keys/0/until"),
        (RSA, RSA[:100], "publisher-key", "/publishers/globex/keys/0/key"),
        (RSA, ED25519, "publisher-key-twice", "/publishers/globex/keys/0/key"),
        (ECDSA, ED25519, "publisher-key-twice", "/publishers/acme/keys/1/key"),
        (f"- key: {RSA}", "- {}", "publisher-fields", "/publishers/globex/keys/0"),
        (f"- key: {RSA}", f"- {RSA}", "publisher-fields", "/publishers/globex/keys/0"),
        (
            f"keys:\n      - key: {RSA}",
            "prefixes: []",
            "publisher-fields",
            "/publishers/globex",
        ),
    ],
)
def test_each_mistake_is_one_problem_with_its_place(
    old: str, new: str, rule: str, pointer: str
) -> None:
    text = DECLARED.replace(old, new, 1)
    assert text != DECLARED
    (problem,) = problems_of(text)
    assert (problem.rule, problem.pointer, problem.file) == (rule, pointer, "registry.yaml")
    assert problem.line > 3
    assert problem.message


def test_all_mistakes_are_reported_at_once() -> None:
    text = DECLARED.replace("  acme:", "  Acme:").replace("since:", "from:").replace(RSA, "x y")
    assert [problem.rule for problem in problems_of(text)] == [
        "publisher-name",
        "publisher-fields",
        "publisher-key",
    ]


def test_a_publisher_that_is_no_mapping_is_a_problem() -> None:
    assert [p.rule for p in check_publishers({"acme": "key"}).problems] == ["publisher-fields"]
    (problem,) = problems_of("name: demo\ntitle: D\npublishers: []\n")
    assert problem.pointer == "/publishers"
    assert len(problems_of("name: demo\nname: demo\n")) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        revoked: 2025-06-01T00:00:00Z\n", ""),
        ("revoked: 2025-06-01", "revoked: 2025-06-02"),
        (f"      - key: {ECDSA}\n        revoked: 2025-06-01T00:00:00Z\n", ""),
    ],
    ids=["not-revoked", "revoked-later", "gone"],
)
def test_a_revocation_that_is_withdrawn_is_found(old: str, new: str) -> None:
    key = parse_public_key(ECDSA)
    after = declared(DECLARED.replace(old, new, 1))
    assert withdrawn_revocations(declared(), after) == {key.fingerprint: key}


def test_a_revocation_that_stays_or_begins_earlier_is_fine() -> None:
    earlier = declared(DECLARED.replace("revoked: 2025-06-01", "revoked: 2025-05-01"))
    assert withdrawn_revocations(declared(), declared()) == {}
    assert withdrawn_revocations(declared(), earlier) == {}
