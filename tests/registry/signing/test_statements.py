from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats.timestamps import format_time, parse_time
from registry.names import CommitId, Digest, is_library_name, parse_library_name
from registry.signing.errors import MalformedStatementError
from registry.signing.statements import (
    HeadStatement,
    ReleaseStatement,
    parse_head_statement,
    parse_release_statement,
)
from registry.versions import parse_version

DIGEST = "0123456789abcdef" * 4
COMMIT = "0123456789" * 4
RELEASE = f"opsteps-release-v1\nfile-operations\n1.2.0\n{DIGEST}\n"
HEAD = f"opsteps-head-v1\n{COMMIT}\n7\n2025-01-31T12:00:00Z\n"

names = st.from_regex(r"[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,8}){0,3}", fullmatch=True).filter(
    is_library_name
)
numbers = st.integers(0, 999_999_999)
versions = st.builds(
    "{}.{}.{}{}".format,
    numbers,
    numbers,
    numbers,
    st.one_of(st.just(""), st.builds("-rc.{}".format, numbers)),
)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
commits = st.binary(min_size=20, max_size=20).map(bytes.hex)
times = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0))


@given(names, versions, digests)
def test_a_release_statement_comes_back(name: str, version: str, digest: str) -> None:
    statement = ReleaseStatement(
        name=parse_library_name(name), version=parse_version(version), digest=Digest(digest)
    )
    assert bytes(statement) == f"opsteps-release-v1\n{name}\n{version}\n{digest}\n".encode()
    assert parse_release_statement(bytes(statement)) == statement


@given(commits, st.integers(1, 10**18 - 1), times)
def test_a_head_statement_comes_back(head: str, sequence: int, time: datetime) -> None:
    statement = HeadStatement(head=CommitId(head), sequence=sequence, time=time)
    assert parse_head_statement(bytes(statement)) == statement


def test_a_head_statement_in_another_time_zone_is_written_in_utc() -> None:
    time = datetime(2025, 1, 31, 14, tzinfo=timezone(timedelta(hours=2)))
    assert bytes(HeadStatement(head=CommitId(COMMIT), sequence=7, time=time)) == HEAD.encode()


@pytest.mark.parametrize(
    "altered",
    [
        "",
        RELEASE[:-1],
        RELEASE + "\n",
        RELEASE + RELEASE,
        " " + RELEASE,
        RELEASE.replace("\n", "\r\n"),
        RELEASE.replace("v1", "v2"),
        RELEASE.replace("opsteps-release", "opsteps-head"),
        RELEASE.replace("1.2.0", "1.2"),
        RELEASE.replace("1.2.0", "01.2.0"),
        RELEASE.replace("1.2.0", "1.2.0 "),
        RELEASE.replace("1.2.0", "1.2.0+build"),
        RELEASE.replace("1.2.0", "1.2.٣"),
        RELEASE.replace("file-operations", "File-operations"),
        RELEASE.replace("file-operations", "core"),
        RELEASE.replace("file-operations", "../x"),
        RELEASE.replace("file-operations\n", ""),
        RELEASE.replace(DIGEST, DIGEST.upper()),
        RELEASE.replace(DIGEST, DIGEST[:-1]),
        RELEASE.replace(DIGEST, f"sha256:{DIGEST}"),
        RELEASE + "x" * 2_000,
        HEAD,
    ],
)
def test_anything_but_a_release_statement_is_refused(altered: str) -> None:
    with pytest.raises(MalformedStatementError):
        parse_release_statement(altered.encode())


@pytest.mark.parametrize(
    "altered",
    [
        HEAD[:-1],
        HEAD + "\n",
        HEAD.replace("v1", "v2"),
        HEAD.replace(COMMIT, COMMIT[1:]),
        HEAD.replace(COMMIT, "HEAD"),
        HEAD.replace("\n7\n", "\n0\n"),
        HEAD.replace("\n7\n", "\n07\n"),
        HEAD.replace("\n7\n", "\n-7\n"),
        HEAD.replace("\n7\n", f"\n{10**18}\n"),
        HEAD.replace("Z", "+00:00"),
        HEAD.replace("Z", ""),
        HEAD.replace("00Z", "00.5Z"),
        HEAD.replace("T", " "),
        HEAD.replace("-31T", "-32T"),
        HEAD.replace("T12", "T24"),
        HEAD.replace("2025-01", "2025-02"),
        RELEASE,
    ],
)
def test_anything_but_a_head_statement_is_refused(altered: str) -> None:
    with pytest.raises(MalformedStatementError):
        parse_head_statement(altered.encode())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_break_nothing(raw: bytes) -> None:
    for parse in (parse_release_statement, parse_head_statement):
        with pytest.raises(MalformedStatementError):
            parse(raw)


@given(times)
def test_a_time_comes_back(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment


def test_a_ledgers_time_may_have_a_fraction() -> None:
    assert parse_time("2025-01-31T12:00:00.1234567890Z").microsecond == 123_456
