"""The digest from hashes is the digest from files."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from registry.git.object_ids import blob_id
from registry.library.digest import release_digest
from registry.verifying.digests import digest_of_hashes

# Composed and decomposed letters: the digest takes paths in form NFC.
paths = st.text("aé/e\u0301ü.", min_size=1, max_size=8)


@given(st.dictionaries(paths, st.binary(max_size=8), max_size=6))
def test_digest_of_hashes_is_that_of_files(files: dict[str, bytes]) -> None:
    hashes = {blob_id(raw): hashlib.sha256(raw).hexdigest() for raw in files.values()}
    listed = [(path.encode(), blob_id(raw)) for path, raw in files.items()]
    assert digest_of_hashes(listed, hashes) == release_digest(files)
