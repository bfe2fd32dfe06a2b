"""Read what is in releases: manifests and steps in bulk, files one release at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from registry.errors import LimitError
from registry.formats.model import Manifest, ReleaseContent, Step
from registry.formats.parsing import Parsed, parse_manifest, parse_step
from registry.git.repository import GitObject, GitRepository, Wave, is_genuine
from registry.git.trees import TreeEntry, parse_tree, read_tree
from registry.limits import BLOB_BYTES, DEFAULT_LIMITS, Limits
from registry.names import ObjectId
from registry.problems import Problem, errors_of

Outcome = tuple[ReleaseContent | None, tuple[Problem, ...]]


@dataclass(kw_only=True, slots=True)
class _Draft:
    """A release while it is being read."""

    manifest: Manifest | None = None
    definitions: list[ObjectId] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_content(repository: GitRepository, tree: ObjectId, limits: Limits) -> Outcome:
    """One release, parsed, and what is wrong with it."""
    return read_contents(repository, [tree], limits)[0]


def read_contents(
    repository: GitRepository, trees: Sequence[ObjectId | None], limits: Limits
) -> list[Outcome]:
    """Releases by the trees of their directories; ``(None, ())`` for a tree that is None."""
    listings = Wave(repository)
    for tree in trees:
        if tree is not None:
            listings.want(tree)
    roots = {
        tree: {entry.name: entry for entry in parse_tree(found.content)}
        for tree, found in listings.fetch().items()
        if found.type == "tree"
    }
    inner = Wave(repository)
    for entries in roots.values():
        for name in ("manifest.json", "steps", "executors"):
            if name in entries:
                inner.want(entries[name].object_id)
    found = inner.fetch()
    drafts = {tree: _plan(entries, found, limits) for tree, entries in roots.items()}
    steps = Wave(repository)
    for draft in drafts.values():
        for definition in draft.definitions:
            steps.want(definition)
    blobs = steps.fetch()
    parsed: dict[tuple[ObjectId, str], Parsed[Step]] = {}
    outcomes = {tree: _build(draft, blobs, parsed) for tree, draft in drafts.items()}
    missing: Outcome = (None, (_absent("manifest.json"),))
    return [(None, ()) if tree is None else outcomes.get(tree, missing) for tree in trees]


def _plan(
    entries: Mapping[str, TreeEntry], found: Mapping[ObjectId, GitObject], limits: Limits
) -> _Draft:
    entry = entries.get("manifest.json")
    if entry is None or not entry.is_file or entry.object_id not in found:
        return _Draft(problems=[_absent("manifest.json")])
    parsed = parse_manifest(found[entry.object_id].content)
    draft = _Draft(manifest=parsed.value, problems=list(errors_of(parsed.problems)))
    if parsed.value is None:
        return draft
    definitions = _listing(entries, "steps", found)
    executors = _listing(entries, "executors", found)
    if len(parsed.value.steps) > limits.steps_per_release:
        draft.problems.append(too_many_steps(len(parsed.value.steps), limits.steps_per_release))
        return draft
    for step in parsed.value.steps:
        definition = definitions.get(step.file)
        if definition is None:
            draft.problems.append(_absent(step.file))
        else:
            draft.definitions.append(definition)
        if step.executor is not None and step.executor not in executors:
            draft.problems.append(_absent(step.executor))
    return draft


def _listing(
    entries: Mapping[str, TreeEntry], name: str, found: Mapping[ObjectId, GitObject]
) -> dict[str, ObjectId]:
    """Path → blob of the regular files directly in one folder of a release."""
    entry = entries.get(name)
    if entry is None or not entry.is_tree or entry.object_id not in found:
        return {}
    children = parse_tree(found[entry.object_id].content)
    return {f"{name}/{child.name}": child.object_id for child in children if child.is_file}


def _build(
    draft: _Draft,
    blobs: Mapping[ObjectId, GitObject],
    known: dict[tuple[ObjectId, str], Parsed[Step]],
) -> Outcome:
    if draft.manifest is None or draft.problems:
        return None, tuple(draft.problems)
    problems: list[Problem] = []
    steps: list[Step] = []
    for file, object_id in zip(draft.manifest.steps, draft.definitions, strict=True):
        # Releases share most of their steps: each file is parsed once.
        parsed = known.get((object_id, file.file))
        if parsed is None:
            blob = blobs.get(object_id)
            parsed = parse_step(blob.content if blob else b"", file=file.file)
            known[(object_id, file.file)] = parsed
        problems.extend(errors_of(parsed.problems))
        if parsed.value is not None:
            steps.append(parsed.value)
    problems.extend(duplicate_steps(steps))
    if problems:
        return None, tuple(problems)
    return ReleaseContent(manifest=draft.manifest, steps=tuple(steps)), ()


def duplicate_steps(steps: Sequence[Step]) -> Iterator[Problem]:
    """A problem for each step whose name another one of the release already has."""
    seen: set[str] = set()
    for step in steps:
        if step.name in seen:
            yield Problem(
                rule="duplicate-step",
                file="manifest.json",
                pointer="/steps",
                message=f"two steps are named {step.name!r}",
                expected="give each step a name of its own",
            )
        seen.add(step.name)


def _absent(file: str) -> Problem:
    is_manifest = file == "manifest.json"
    return Problem(
        rule="manifest-missing" if is_manifest else "file-missing",
        file=file,
        message="there is no manifest.json" if is_manifest else "the file is not there",
        expected="name a release that has one"
        if is_manifest
        else "add the file, or take it out of manifest.json",
    )


def too_many_steps(amount: int, limit: int) -> Problem:
    """The problem of a release with more steps than are allowed."""
    return Problem(
        rule="limit-steps",
        file="manifest.json",
        pointer="/steps",
        message=f"the release has {amount:,} steps",
        expected=f"keep to at most {limit:,}",
    )


def read_files(
    repository: GitRepository,
    tree: ObjectId,
    under: str = "",
    *,
    limits: Limits = DEFAULT_LIMITS,
) -> dict[str, bytes]:
    """The regular files below a tree, by path relative to it; ``under`` is a path prefix.

    Raises LimitError for a tree of more files, folders or bytes than a release may have.
    """
    paths = {
        path: entry.object_id
        for path, entry in _walk(repository, tree, under, limits)
        if entry.is_file
    }
    found: dict[str, bytes] = {}
    # One that is too large for a release is told apart from all of them together.
    left = limits.release_bytes + BLOB_BYTES
    blobs = repository.objects(list(paths.values()))
    for (path, object_id), blob in zip(paths.items(), blobs, strict=True):
        if blob is None or not is_genuine(blob, object_id):
            continue
        found[path] = blob.content
        left -= len(blob.content)
        if left < 0:
            raise LimitError(
                f"the release has more than {limits.release_bytes:,} bytes", where=tree
            )
    return dict(sorted(found.items()))


def refuse_large_release(
    repository: GitRepository, tree: ObjectId, limits: Limits = DEFAULT_LIMITS
) -> None:
    """Raise LimitError for a release that is too large to be read, before any of it is.

    For what strangers packed: a few kilobytes of Git's packs can be gigabytes of files.
    """
    files = [(path, e.object_id) for path, e in _walk(repository, tree, "", limits) if e.is_file]
    asked = "".join(f"{object_id}\n" for _, object_id in files).encode()
    out = (
        repository.run("cat-file", "--batch-check=%(objectsize)", stdin=asked).decode().split("\n")
    )
    sizes = [int(text) if text.isdecimal() else 0 for text in out[: len(files)]]
    for (path, _), size in zip(files, sizes, strict=True):
        if size > limits.file_bytes:
            raise LimitError(
                f"{path!r} has {size:,} bytes",
                where=tree,
                next_step=f"What is right: at most {limits.file_bytes:,} bytes",
            )
    if sum(sizes) > limits.release_bytes:
        raise LimitError(
            f"the release has {sum(sizes):,} bytes",
            where=tree,
            next_step=f"What is right: at most {limits.release_bytes:,} bytes",
        )


def irregular_problems(
    repository: GitRepository, tree: ObjectId, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Problem]:
    """A problem for each symbolic link and submodule below a tree, which `read_files` passes by."""
    for path, entry in _walk(repository, tree, "", limits):
        if not entry.is_file:
            yield Problem(
                rule="path",
                file=path,
                message="it is a symbolic link or a submodule",
                expected="put in the file itself",
            )


def _walk(
    repository: GitRepository, tree: ObjectId, under: str, limits: Limits
) -> Iterator[tuple[str, TreeEntry]]:
    """Everything below a tree except trees."""
    pending = [("", tree)]
    seen = 0
    while pending:
        prefix, current = pending.pop()
        for entry in read_tree(repository, current):
            path = prefix + entry.name
            if not path.startswith(under) and not under.startswith(f"{path}/"):
                continue
            seen += 1
            # Trees that name each other over and over make millions of paths out of a few bytes.
            if seen > 2 * limits.release_files or path.count("/") > 2 * limits.path_depth:
                raise LimitError(
                    f"more than {limits.release_files:,} files or {limits.path_depth} levels",
                    where=tree,
                    next_step="Release fewer files",
                )
            if entry.is_tree:
                pending.append((f"{path}/", entry.object_id))
            else:
                yield path, entry
