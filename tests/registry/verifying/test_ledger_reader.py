"""Reading ledgers in parts says what reading them as a whole says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats.library_file import facts_bytes
from registry.formats.model import Deprecation, LedgerEntry, LibraryFacts, Yank
from registry.formats.parsing import parse_library_facts
from registry.names import Digest
from registry.verifying.ledger_reader import FactsReader

ENTRY = f"    digest: {'a1' * 32}\n    date: '2020-01-01T00:00:00Z'\n".encode()
TWO = b"owners:\n- x\nledger:\n  1.0.0:\n" + ENTRY + b"  1.1.0:\n" + ENTRY

texts = st.text(max_size=40).filter(lambda text: text.isprintable())
entries = st.builds(
    LedgerEntry,
    digest=st.text("0123456789abcdef", min_size=64, max_size=64).map(Digest),
    date=st.dates().map(lambda day: f"{day}T00:00:00Z"),
    signature=st.none() | texts | st.just("-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END-----\n"),
)
facts = st.builds(
    LibraryFacts,
    owners=st.lists(texts.filter(bool), max_size=3, unique=True).map(tuple),
    state=st.sampled_from(["active", "uninstalled"]),
    ledger=st.dictionaries(
        st.tuples(*[st.integers(0, 30)] * 3).map(lambda v: ".".join(map(str, v))),
        entries,
        max_size=5,
    ),
    yanked=st.dictionaries(
        st.just("1.0.0"), st.builds(Yank, reason=texts.filter(bool)), max_size=1
    ),
    deprecated=st.none() | st.builds(Deprecation, reason=texts.filter(bool)),
)


@given(facts)
def test_files_that_we_write_are_read_as_they_were(written: LibraryFacts) -> None:
    raw = facts_bytes(written)
    reader = FactsReader()
    for _ in range(2):  # the second time from what is remembered
        assert reader.read(raw) == parse_library_facts(raw).value


@given(
    st.lists(
        st.sampled_from(
            [
                b"owners:\n", b"- x\n", b"ledger:\n", b"  1.0.0:\n", b"  1.1.0:\n", ENTRY,
                b"    date: x\n", b"yanked:\n", b"  1.0.0: {reason: x}\n", b"state: active\n",
                b'owners: ["\n', b'"]\n', b"deprecated:\n", b"  reason: |\n", b"   \n", b"\n",
                b"# ledger:\n", b"{\n", b"}\n", b"---\n", b"  ? a\n", b"    signature: '\n", b"'\n",
                b"ledger: {}\n", b"'ledger':\n",
            ]
        ),
        max_size=12,
    )
)  # fmt: skip
def test_files_of_others_are_never_read_as_something_else(parts: list[bytes]) -> None:
    """Where they cannot be read as a whole, reading them in parts may only say so as well."""
    raw = b"".join(parts)
    assert FactsReader().read(raw) == parse_library_facts(raw).value


@pytest.mark.parametrize(
    "raw",
    [
        b'owners: ["\nledger:\n  1.0.0:\n' + ENTRY + b'"]\n',
        TWO + b"ledger: {}\n",
        TWO + b"  1.1.0:\n" + ENTRY,
        b"deprecated:\n  reason: |\n    x\nledger:\n  1.0.0:\n" + ENTRY,
        TWO.replace(b"\n", b"\r\n"),
        b"# ledger:\n" + TWO,
        b"ledger:\n  1.0.0: {digest: x}\n",
        b"",
        b"\xff",
    ],
)
def test_odd_file_is_read_as_a_whole(raw: bytes) -> None:
    assert FactsReader().read(raw) == parse_library_facts(raw).value


def test_entry_that_stands_in_many_files_is_read_once() -> None:
    reader = FactsReader()
    first, second = reader.read(TWO), reader.read(TWO.replace(b"- x", b"- y"))
    assert first is not None
    assert second is not None
    assert second == replace(first, owners=("y",))
    assert second.ledger["1.0.0"] is first.ledger["1.0.0"]
