"""The pictures that a library's documents show: found in its releases, and held to their content.

A picture is published under a name made of its blob's id and of what its bytes are: nothing that
its author chose is part of an address.
"""

from __future__ import annotations

from collections.abc import Mapping

from builder.markdown import MARKDOWN_CHARACTERS, Picture, picture_paths
from builder.markdown.pictures import NotShownError, picture_facts
from registry.git.repository import GitRepository, Wave
from registry.git.trees import TreeEntry, parse_tree
from registry.names import ObjectId

PICTURES = 64
"""Pictures that are looked at for one library; what more its documents name is shown as text."""

_FOLDERS = frozenset({"assets", "docs"})
_ID_CHARACTERS = 24


class PictureReader:
    """Reads the pictures of one library's releases."""

    def __init__(self, repository: GitRepository) -> None:
        """Nothing is read yet."""
        self._repository = repository
        self._paths: dict[tuple[str, bytes], tuple[str, ...]] = {}
        self._listings: dict[ObjectId, dict[str, TreeEntry]] = {}
        self._pictures: dict[ObjectId, Picture | None] = {}
        self.files: dict[str, bytes] = {}
        """The pictures found so far, by the address below the library's page."""

    def read(self, tree: ObjectId, documents: Mapping[str, bytes]) -> dict[str, Picture]:
        """The pictures that the documents of a release show, by their path in the release."""
        found: dict[str, Picture] = {}
        for name, raw in documents.items():
            for path in self._named(f"docs/{name}", raw):
                entry = self._entry(tree, path)
                picture = self._picture(entry.object_id) if entry is not None else None
                if picture is not None:
                    found[path] = picture
        return found

    def _named(self, document: str, raw: bytes) -> tuple[str, ...]:
        paths = self._paths.get((document, raw))
        if paths is None:
            text = raw.decode(errors="replace")[:MARKDOWN_CHARACTERS]
            paths = tuple(dict.fromkeys(picture_paths(document, text)))
            self._paths[(document, raw)] = paths
        return paths

    def _entry(self, tree: ObjectId, path: str) -> TreeEntry | None:
        """The regular file at a path, reached through directories only."""
        *folders, name = path.split("/")
        if not folders or folders[0] not in _FOLDERS:
            return None
        for folder in folders:
            inner = self._listing(tree).get(folder)
            if inner is None or not inner.is_tree:
                return None
            tree = inner.object_id
        entry = self._listing(tree).get(name)
        return entry if entry is not None and entry.is_file else None

    def _listing(self, tree: ObjectId) -> dict[str, TreeEntry]:
        if tree not in self._listings:
            content = self._read(tree, "tree")
            entries = parse_tree(content) if content is not None else ()
            self._listings[tree] = {entry.name: entry for entry in entries}
        return self._listings[tree]

    def _picture(self, blob: ObjectId) -> Picture | None:
        if blob not in self._pictures:
            is_left = len(self._pictures) < PICTURES
            self._pictures[blob] = self._look_at(blob) if is_left else None
        return self._pictures[blob]

    def _look_at(self, blob: ObjectId) -> Picture | None:
        content = self._read(blob, "blob") or b""
        try:
            facts = picture_facts(content)
        except NotShownError:
            return None
        address = f"pictures/{blob[:_ID_CHARACTERS]}{facts.suffix}"
        self.files[address] = content
        return Picture(address=address, width=facts.width, height=facts.height)

    def _read(self, object_id: ObjectId, kind: str) -> bytes | None:
        wave = Wave(self._repository)
        wave.want(object_id)
        found = wave.fetch().get(object_id)
        return found.content if found is not None and found.type == kind else None
