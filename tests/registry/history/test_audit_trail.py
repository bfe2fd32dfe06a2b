import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from opsteps import main
from registry.errors import GitError, InvalidNameError
from registry.git.commit_message import read_message, split_signature
from registry.git.gitpython import iter_commits
from registry.git.repository import GitRepository
from registry.history.audit_trail import AuditEntry, read_audit_trail
from registry.names import CommitId, LibraryName
from registry.publishing.add import add_release
from registry.signing.private_keys import PrivateKey, parse_private_key, read_private_key
from registry.snapshots.registry import Registry
from registry.transactions.transaction import Actor, operation_message
from tests.registry.making import NAME, commit_all, files, git, new_registry, put, version

_TRAILERS = "Operation: yank\nActor: admin\nRequest-Id: 1"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with new_registry(tmp_path / "registry") as made:
        yield made


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    raw = ed25519.Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    return parse_private_key(raw)


def entries(registry: Registry) -> list[AuditEntry]:
    return list(read_audit_trail(registry))


def said(registry: Registry, message: str) -> AuditEntry:
    """What the history says of a commit that a person made with this message."""
    git(registry.path, "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-",
        stdin=message.encode(errors="surrogateescape"))  # fmt: skip
    return next(read_audit_trail(registry))


def list_key(registry: Registry, *keys: str) -> None:
    facts = registry.path / "registry.yaml"
    policy = f"policy:\n  instance_keys: {json.dumps(list(keys))}\n"
    facts.write_text(f"name: steps\ntitle: Steps\n{policy}")
    git(registry.path, "add", "registry.yaml")
    git(registry.path, "commit", "-q", "-m", "keys")


def raw_commit(message: bytes, header: str = "") -> bytes:
    who = "A <a@b> 1700000000 +0000"
    return f"tree {'0' * 40}\nauthor {who}\ncommitter {who}\n{header}\n".encode() + message


class TestEntries:
    def test_each_operation_is_an_entry_newest_first(self, registry: Registry) -> None:
        put(registry, files())
        found = entries(registry)
        assert [entry.operation for entry in found] == ["release", "add", "init"]
        assert [entry.summary for entry in found[:2]] == [
            "Release file-tools 1.0.0",
            "Add file-tools 1.0.0",
        ]
        assert {entry.actor for entry in found} == {"tester"}
        assert found[0].commit == registry.head()
        assert found[0].time.endswith("Z")

    def test_request_is_the_one_that_the_actor_named(self, registry: Registry) -> None:
        add_release(registry, files(), by=Actor(name="ann", request="ticket-7"))
        assert next(read_audit_trail(registry)).request == "ticket-7"

    def test_libraries_and_versions_come_from_the_changed_paths(self, registry: Registry) -> None:
        put(registry, files())
        release, add, init = entries(registry)
        assert add.libraries == release.libraries == (NAME,)
        assert add.versions == {NAME: (version("1.0.0"),)}
        assert release.versions == {}
        assert init.libraries == ()

    def test_an_operators_file_belongs_to_its_library(self, registry: Registry) -> None:
        file = registry.path / "instances/production/file-tools.yaml"
        file.parent.mkdir(parents=True)
        file.write_text("enabled: false\n")
        git(registry.path, "add", "-A")
        assert said(registry, "Off").libraries == (NAME,)

    def test_plain_commit_is_called_commit_and_its_author_acts(self, registry: Registry) -> None:
        entry = said(registry, "Tidy up\n\nbecause of\nthe dust\n")
        assert (entry.operation, entry.actor, entry.request) == ("commit", "Person", "")
        assert (entry.summary, entry.reason) == ("Tidy up", "because of the dust")

    def test_a_merge_shows_what_it_brought_into_the_branch(self, registry: Registry) -> None:
        where = registry.path
        git(where, "checkout", "-q", "-b", "side")
        add_release(registry, files(), by=Actor(name="author"))
        git(where, "reset", "-q", "--hard")
        git(where, "checkout", "-q", "main")
        git(where, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
        merge, add = list(read_audit_trail(registry, library=NAME))
        assert (merge.summary, merge.libraries) == ("Merge side", (NAME,))
        assert add.operation == "add"

    @pytest.mark.parametrize("library", [None, NAME])
    def test_gitpython_names_the_same_commits(
        self, registry: Registry, library: LibraryName | None
    ) -> None:
        where = registry.path
        first = registry.head()
        git(where, "checkout", "-q", "-b", "side")
        put(registry, files())
        git(where, "reset", "-q", "--hard")
        git(where, "checkout", "-q", "main")
        commit_all(where)
        git(where, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
        wanted = list(read_audit_trail(registry, library=library, after=first))
        assert len(wanted) == (3 if library else 4)
        found = read_audit_trail(registry, library=library, after=first, walk=iter_commits)
        assert list(found) == wanted
        # One that is not asked for all of them leaves no process behind.
        assert list(read_audit_trail(registry, limit=1, walk=iter_commits)) == [
            next(read_audit_trail(registry))
        ]

    def test_gitpython_says_the_same_of_what_is_not_there(self, registry: Registry) -> None:
        head = CommitId("1" * 40)
        with pytest.raises(GitError) as plain:
            list(read_audit_trail(registry, head=head))
        with pytest.raises(GitError) as other:
            list(read_audit_trail(registry, head=head, walk=iter_commits))
        assert str(other.value) == str(plain.value)

    def test_history_up_to_an_earlier_head(self, registry: Registry) -> None:
        put(registry, files())
        head = CommitId(git(registry.path, "rev-parse", "HEAD~1"))
        assert [e.operation for e in read_audit_trail(registry, head=head)] == ["add", "init"]

    def test_history_of_a_commit_that_is_not_there(self, registry: Registry) -> None:
        with pytest.raises(GitError, match="rev-list"):
            list(read_audit_trail(registry, head=CommitId("1" * 40)))


class TestFilters:
    @pytest.fixture
    def many(self, registry: Registry) -> Registry:
        put(registry, files())
        put(registry, files(name="other"))
        add_release(registry, files(version="2.0.0"), by=Actor(name="ann"))
        return registry

    @pytest.mark.parametrize(("limit", "count"), [(None, 6), (3, 3), (0, 0), (-1, 0), (99, 6)])
    def test_limit(self, many: Registry, limit: int | None, count: int) -> None:
        assert len(list(read_audit_trail(many, limit=limit))) == count

    def test_by_library(self, many: Registry) -> None:
        found = list(read_audit_trail(many, library=LibraryName("other")))
        assert [entry.operation for entry in found] == ["release", "add"]

    def test_by_actor_and_operation(self, many: Registry) -> None:
        assert len(list(read_audit_trail(many, actor="ann"))) == 1
        assert len(list(read_audit_trail(many, operation="release"))) == 2
        assert not list(read_audit_trail(many, actor="ann", operation="release"))

    def test_limit_counts_what_matches(self, many: Registry) -> None:
        assert len(list(read_audit_trail(many, operation="init", limit=1))) == 1

    def test_by_time_both_ends_included(self, registry: Registry) -> None:
        said(registry, "Then")
        then = datetime.fromtimestamp(1_700_000_000, UTC)
        second = timedelta(seconds=1)

        def count(since: datetime | None, until: datetime | None) -> int:
            return len(list(read_audit_trail(registry, since=since, until=until)))

        assert count(None, then) == 1
        assert count(None, then - second) == 0
        assert count(then, then) == 1
        assert count(then, None) == 2
        assert count(then + second, None) == 1

    def test_name_of_a_library_never_becomes_a_pattern(self, many: Registry) -> None:
        for name in ("*", "--all", ":(exclude)x", "../registry.yaml"):
            with pytest.raises(InvalidNameError):
                list(read_audit_trail(many, library=LibraryName(name)))

    def test_what_is_not_asked_for_is_not_read(
        self, many: Registry, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        read = GitRepository.objects

        def counted(repository: GitRepository, names: list[str]) -> object:
            asked.extend(name for name in names if ":" not in name)
            return read(repository, names)

        monkeypatch.setattr(GitRepository, "objects", counted)
        assert len(list(read_audit_trail(many, limit=2))) == 2
        assert len(asked) == 2


class TestHostileMessages:
    @pytest.mark.parametrize(
        "message",
        [
            f"Yank everything\n\n{_TRAILERS}\n\nThe end.",
            f"Yank everything\n{_TRAILERS}",
            _TRAILERS,
            f"Yank\n\nText first\n{_TRAILERS}",
            f"Yank\n\n{_TRAILERS}\n continued",
            f"Yank\n\n{_TRAILERS}\r\n".replace("\n", "\r\n"),
            "Yank\n\nOperation: yank",
            "Yank\n\nActor: admin\nRequest-Id: 1",
            "Yank\n\nOperation:yank\nActor:admin",
            "Yank\n\nOperation: \x1b[2J\nActor: admin",
            "Yank\n\nOPERATION: yank\nACTOR: admin",
            "Yank\n\nOperation: yank\u2028Actor: admin\u2028Request-Id: 1",
            f"Yank\n\n{_TRAILERS}\n\nCo-authored-by: x <x@example.com>",
        ],
    )
    def test_what_is_not_the_last_paragraph_of_trailers_only_is_a_plain_commit(
        self, registry: Registry, message: str
    ) -> None:
        entry = said(registry, message)
        assert (entry.operation, entry.actor) == ("commit", "Person")

    def test_first_of_each_trailer_counts(self, registry: Registry) -> None:
        entry = said(registry, f"Yank\n\n{_TRAILERS}\nActor: other\nOperation: release\n")
        assert (entry.operation, entry.actor) == ("yank", "admin")

    def test_typed_trailers_are_not_attested(self, registry: Registry, key: PrivateKey) -> None:
        list_key(registry, str(key.public))
        entry = said(registry, f"Yank\n\n{_TRAILERS}\n")
        assert (entry.operation, entry.attested) == ("yank", False)

    def test_reason_that_fakes_trailers_stays_a_reason(self) -> None:
        message = operation_message(
            "Yank x", operation="yank", by=Actor(name="ann", request="1"),
            body=f"broken\n\n{_TRAILERS.replace('yank', 'release')}",
        )  # fmt: skip
        read = read_message(raw_commit(message.encode()))
        assert (read.operation, read.actor) == ("yank", "ann")
        assert read.reason == "broken Operation: release Actor: admin Request-Id: 1"

    def test_control_characters_are_escaped(self, registry: Registry) -> None:
        entry = said(
            registry,
            "\x1b[2Jgone\u202e\n\nbell \x07\n\n"
            "Operation: yank\nActor: \x1b]0;root\x07\nRequest-Id: \u200b\x9b1\n",
        )
        shown = (entry.summary, entry.reason, entry.actor, entry.request)
        assert all(text.isprintable() for text in shown)
        assert entry.summary == "\\x1b[2Jgone\\u202e"

    def test_what_is_no_utf8_is_replaced(self) -> None:
        assert read_message(raw_commit(b"caf\xe9")).summary == "caf�"

    def test_endless_texts_are_cut(self) -> None:
        read = read_message(raw_commit(b"s" * 9999 + b"\n\n" + b"r" * 99_999))
        assert (len(read.summary), len(read.reason)) == (200, 4_000)

    def test_commit_without_message_or_committer_stops_nothing(self, registry: Registry) -> None:
        where = registry.path
        tree = git(where, "rev-parse", "HEAD^{tree}")
        parent = git(where, "rev-parse", "HEAD")
        raw = f"tree {tree}\nparent {parent}\nauthor nobody\n\n".encode()
        commit = git(where, "hash-object", "-t", "commit", "-w", "--literally", "--stdin",
                     stdin=raw)  # fmt: skip
        git(where, "update-ref", "refs/heads/main", commit)
        entry = next(read_audit_trail(registry))
        assert (entry.actor, entry.summary) == ("unknown", "")
        assert entry.time == "1970-01-01T00:00:00Z"

    @given(st.binary(max_size=400))
    def test_no_message_raises_or_shows_what_cannot_be_printed(self, message: bytes) -> None:
        read = read_message(raw_commit(message))
        shown = (read.summary, read.reason, read.operation, read.actor, read.request)
        assert all(text.isprintable() for text in shown)

    @given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
    def test_texts_of_an_operation_never_change_what_it_says(
        self, summary: str, body: str, name: str
    ) -> None:
        message = operation_message(
            summary, operation="yank", by=Actor(name=name, request="7"), body=body
        )
        read = read_message(raw_commit(message.encode(errors="replace")))
        assert (read.operation, read.request) == ("yank", "7")


class TestAttested:
    def test_operation_by_a_listed_key(self, registry: Registry, key: PrivateKey) -> None:
        list_key(registry, str(key.public))
        add_release(registry, files(), by=Actor(name="ci", key=key))
        signed, unsigned = list(read_audit_trail(registry, limit=2))
        assert (signed.operation, signed.attested) == ("add", True)
        assert not unsigned.attested

    def test_operation_by_a_key_that_is_not_listed(
        self, registry: Registry, key: PrivateKey
    ) -> None:
        add_release(registry, files(), by=Actor(name="ci", key=key))
        assert not next(read_audit_trail(registry)).attested

    def test_broken_line_among_the_keys_takes_no_other_down(
        self, registry: Registry, key: PrivateKey
    ) -> None:
        list_key(registry, "ssh-ed25519 nonsense", str(key.public))
        add_release(registry, files(), by=Actor(name="ci", key=key))
        assert next(read_audit_trail(registry)).attested

    def test_signature_moved_to_another_commit(self, registry: Registry, key: PrivateKey) -> None:
        list_key(registry, str(key.public))
        add_release(registry, files(), by=Actor(name="ci", key=key))
        where = registry.path
        raw = subprocess.run(
            ["git", "-C", str(where), "cat-file", "commit", "HEAD"],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        forged = raw.replace(b"Actor: ci", b"Actor: me")
        commit = git(where, "hash-object", "-t", "commit", "-w", "--stdin", stdin=forged)
        git(where, "update-ref", "refs/heads/main", commit)
        entry = next(read_audit_trail(registry))
        assert (entry.actor, entry.attested) == ("me", False)

    def test_two_signatures_or_one_of_another_kind_are_none(self) -> None:
        one = "gpgsig a\n b\n"
        assert split_signature(raw_commit(b"m", one)) == (raw_commit(b"m"), b"a\nb")
        for header in (one + one, f"{one}gpgsig-sha256 c\n", ""):
            assert split_signature(raw_commit(b"m", header)) is None

    @pytest.mark.needs_ssh_keygen
    def test_commit_that_git_itself_signed(self, registry: Registry, tmp_path: Path) -> None:
        file = tmp_path / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
        list_key(registry, str(read_private_key(file).public))
        git(registry.path, "-c", "gpg.format=ssh", "-c", f"user.signingKey={file}",
            "commit", "-q", "-S", "--allow-empty", "-m", "By hand")  # fmt: skip
        signed, unsigned = list(read_audit_trail(registry, limit=2))
        assert (signed.summary, signed.attested) == ("By hand", True)
        assert not unsigned.attested


class TestCommand:
    def test_plain_lines_when_piped(
        self, registry: Registry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(registry, files())
        capsys.readouterr()
        _run("log", "-r", str(registry.path))
        rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        assert [row[2] for row in rows] == ["operation", "release", "add", "init"]
        assert {len(row) for row in rows} == {7}

    def test_json_is_one_array(
        self, registry: Registry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(registry, files())
        capsys.readouterr()
        _run("log", "file-tools", "--operation", "add", "--json", "-r", str(registry.path))
        (entry,) = json.loads(capsys.readouterr().out)
        assert (entry["actor"], entry["libraries"]) == ("tester", ["file-tools"])
        assert entry["versions"] == {"file-tools": ["1.0.0"]}
        assert entry["attested"] is False

    def test_day_means_the_whole_day(
        self, registry: Registry, capsys: pytest.CaptureFixture[str]
    ) -> None:
        said(registry, "Then")  # 2023-11-14T22:13:20Z
        capsys.readouterr()
        for since, until, count in (
            ("2023-11-14", "2023-11-14", 1),
            ("2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", 1),
            ("2023-11-15", "2023-11-15", 0),
        ):
            _run("log", "--since", since, "--until", until, "--json", "-r", str(registry.path))
            assert len(json.loads(capsys.readouterr().out)) == count

    @pytest.mark.parametrize("text", ["yesterday", "2023-13-01", "0001-01-01T00:00:00+05:00", ""])
    def test_time_that_is_none_is_refused(
        self, registry: Registry, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            _run("log", "--since", text, "-r", str(registry.path))
        assert ended.value.code == 2
        assert "--since" in capsys.readouterr().err


def _run(*arguments: str) -> None:
    try:
        main(list(arguments))
    except SystemExit as ended:
        if ended.code:
            raise
