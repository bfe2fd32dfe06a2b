"""What was released stays as it is: each way to alter it, by a pull request or by a tag."""

import shutil

import pytest

from builder.review.review import review
from registry.errors import GitError
from tests.builder.review.changing import Changing
from tests.registry.making import commit_all, commits_with_old_dates, files, git, put, write_files

ERROR, WARNING = "error", "warning"


def test_nothing_changed_has_no_problem(changing: Changing) -> None:
    assert changing.found() == set()


def test_releases_below_commits_with_old_dates_are_released(changing: Changing) -> None:
    commits_with_old_dates(changing.registry)
    changing.base = changing.registry.head()
    changing.candidate("1.1.1")
    assert changing.found() == set()


def test_good_candidate_has_no_problem(changing: Changing) -> None:
    changing.candidate("1.1.1")
    assert changing.found() == set()
    assert changing.found("olga") == set()


def test_edited_release_is_found_by_its_file(changing: Changing) -> None:
    changing.write("libraries/file-tools/1.0.0/docs/README.md", "# Other\n")
    (problem,) = changing.problems()
    assert problem.rule == "release-edited"
    assert problem.file == "libraries/file-tools/1.0.0/docs/README.md"


def test_operator_may_not_edit_a_release_either(changing: Changing) -> None:
    changing.write("libraries/file-tools/1.0.0/docs/new.md", "# New\n")
    assert changing.found("olga") == {("release-edited", ERROR)}


def test_deleted_release_is_found(changing: Changing) -> None:
    shutil.rmtree(changing.path / "libraries/file-tools/1.0.0")
    assert changing.found() == {("release-deleted", ERROR)}


def test_executable_bit_on_a_released_file_is_an_edit(changing: Changing) -> None:
    (changing.path / "libraries/file-tools/1.0.0/executors/copy.py").chmod(0o755)
    assert changing.found() == {("release-edited", ERROR)}


def test_release_replaced_by_a_link_is_found(changing: Changing) -> None:
    release = changing.path / "libraries/file-tools/1.0.0"
    shutil.rmtree(release)
    release.symlink_to("1.1.0")
    assert ("release-deleted", ERROR) in changing.found()


def test_number_of_a_deleted_release_is_not_used_again(changing: Changing) -> None:
    shutil.rmtree(changing.path / "libraries/file-tools/1.0.0")
    changing.settle()
    changing.candidate("1.0.0", description="Another.")
    assert changing.found() == {("version-reused", ERROR)}


def test_deleted_release_comes_back_with_the_same_bytes(changing: Changing) -> None:
    release = changing.path / "libraries/file-tools/1.0.0"
    shutil.move(release, changing.path.parent / "kept")
    changing.settle()
    shutil.move(changing.path.parent / "kept", release)
    assert changing.found() == set()


def test_ledger_entry_added_by_hand_is_found(changing: Changing) -> None:
    changing.candidate("1.1.1")
    facts = changing.facts()
    facts["ledger"]["1.1.1"] = dict(facts["ledger"]["1.1.0"])
    changing.write_facts(facts)
    assert changing.found() == {("ledger-added", ERROR)}


def test_altered_ledger_entry_is_found_at_its_line(changing: Changing) -> None:
    facts = changing.facts()
    facts["ledger"]["1.0.0"]["digest"] = "0" * 64
    changing.write_facts(facts)
    (problem,) = changing.problems()
    assert (problem.rule, problem.pointer) == ("ledger-changed", "/ledger/1.0.0")
    assert problem.line > 1


def test_removed_ledger_entry_is_found(changing: Changing) -> None:
    facts = changing.facts()
    del facts["ledger"]["1.0.0"]
    changing.write_facts(facts)
    assert changing.found() == {("ledger-removed", ERROR)}


def test_removed_library_is_found(changing: Changing) -> None:
    shutil.rmtree(changing.path / "libraries/file-tools")
    assert {("library-removed", ERROR), ("release-deleted", ERROR)} <= changing.found()


def test_library_of_candidates_only_may_go(changing: Changing) -> None:
    changing.new_library("draft-tools", ["jill"])
    changing.settle()
    shutil.rmtree(changing.path / "libraries/draft-tools")
    assert changing.found() == set()


def test_deleted_tag_is_found(changing: Changing) -> None:
    changing.git("tag", "-d", "file-tools/v1.0.0")
    changing.candidate("1.1.1")
    assert changing.found() == {("release-tag-missing", ERROR)}


def test_clone_without_tags_says_so_once(changing: Changing) -> None:
    changing.git("tag", "-d", "file-tools/v1.0.0", "file-tools/v1.1.0")
    changing.candidate("1.1.1")
    (problem,) = changing.problems()
    assert problem.rule == "release-tag-missing"
    assert "git fetch --tags" in problem.expected


def test_moved_tag_is_found(changing: Changing) -> None:
    changing.git("tag", "-f", "file-tools/v1.0.0", "file-tools/v1.1.0^{}")
    changing.candidate("1.1.1")
    assert changing.found() == {("release-tag-moved", ERROR)}


def test_tag_with_another_digest_is_found(changing: Changing) -> None:
    message = changing.git("cat-file", "tag", "file-tools/v1.0.0").partition("\n\n")[2]
    digest = changing.facts()["ledger"]["1.0.0"]["digest"]
    changing.git(
        "tag", "-f", "-a", "-F", "-", "file-tools/v1.0.0", "file-tools/v1.0.0^{}",
        stdin=message.replace(digest, "1" * 64).encode(),
    )  # fmt: skip
    changing.candidate("1.1.1")
    assert changing.found() == {("release-tag-moved", ERROR)}


def test_tag_on_a_commit_outside_the_history_is_found(changing: Changing) -> None:
    message = changing.git("cat-file", "tag", "file-tools/v1.0.0").partition("\n\n")[2]
    outside = changing.git("commit-tree", "-m", "x", "HEAD^{tree}")
    changing.git("tag", "-f", "-a", "-F", "-", "file-tools/v1.0.0", outside, stdin=message.encode())
    changing.candidate("1.1.1")
    assert changing.found() == {("release-tag-detached", ERROR)}


def test_tag_without_a_ledger_entry_is_found(changing: Changing) -> None:
    changing.git("tag", "-a", "-m", "x", "file-tools/v1.2.0")
    changing.candidate("1.1.1")
    assert changing.found() == {("release-tag-unledgered", ERROR)}


def test_release_made_at_the_base_meanwhile_is_no_edit_of_the_change(changing: Changing) -> None:
    changing.git("checkout", "-q", "-b", "change")
    changing.candidate("1.1.1")
    git(changing.path, "add", "-A")
    git(changing.path, "commit", "-q", "-m", "change")
    changing.git("checkout", "-q", "main")
    put(changing.registry, files("other-tools"))
    put(changing.registry, files(version="1.2.0"))
    changing.base = changing.git("rev-parse", "main")
    changing.git("reset", "-q", "--hard")
    changing.git("checkout", "-q", "change")
    assert changing.found() == set()


def test_candidate_whose_number_was_released_meanwhile_is_found(changing: Changing) -> None:
    changing.git("checkout", "-q", "-b", "change")
    changing.candidate("1.1.1", description="Mine.")
    git(changing.path, "add", "-A")
    git(changing.path, "commit", "-q", "-m", "change")
    changing.git("checkout", "-q", "main")
    put(changing.registry, files(version="1.1.1"))
    changing.base = changing.git("rev-parse", "main")
    changing.git("reset", "-q", "--hard")
    changing.git("checkout", "-q", "change")
    assert changing.found() == {("version-reused", ERROR)}


def test_branches_that_merged_each_other_are_refused_until_the_base_is_merged(
    changing: Changing,
) -> None:
    changing.git("checkout", "-q", "-b", "change")
    changing.write("README.md", "harmless")
    harmless = commit_all(changing.path, "change")
    changing.git("checkout", "-q", "main")
    changing.write_facts({**changing.facts(), "yanked": {"1.1.0": {"reason": "it is harmful"}}})
    yanked = commit_all(changing.path, "yank")
    changing.git("merge", "-q", "--no-ff", "-m", "merge the change", "change")
    # The branch merges the yank too, and keeps its own tree: Git would merge the yank away.
    parents = ("-p", harmless, "-p", yanked)
    evil = changing.git("commit-tree", *parents, "-m", "merge main", f"{harmless}^{{tree}}")
    with pytest.raises(GitError, match="branched off at 2 places") as refused:
        review(changing.registry, "main", evil, actor="jill")
    assert refused.value.next_step is not None
    assert "Merge the base" in refused.value.next_step
    changing.git("checkout", "-q", evil)
    changing.git("merge", "-q", "-s", "ours", "-m", "merge main again", "main")
    again = review(changing.registry, "main", "HEAD", actor="jill")
    assert ("unyanked", ERROR) in {(p.rule, p.severity.value) for p in again.problems}


def test_yank_of_what_was_never_released_is_found(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "yanked": {"9.0.0": {"reason": "x"}}})
    assert changing.found() == {("yank-unknown", ERROR)}


def test_what_a_yank_says_is_not_rewritten(changing: Changing) -> None:
    changing.write_facts({**changing.facts(), "yanked": {"1.1.0": {"reason": "it leaks"}}})
    changing.settle()
    older = {"1.1.0": {"reason": "use this", "replacement": "1.0.0"}}
    changing.write_facts({**changing.facts(), "yanked": older})
    assert ("yank-rewritten", ERROR) in changing.found()
    assert ("yank-rewritten", WARNING) in changing.found("olga")


def test_owner_may_yank_with_a_replacement(changing: Changing) -> None:
    yanked = {"1.0.0": {"reason": "leaks", "replacement": "1.1.0"}}
    changing.write_facts({**changing.facts(), "yanked": yanked})
    assert changing.found() == set()


def test_replacement_that_is_no_release_is_found(changing: Changing) -> None:
    yanked = {"1.0.0": {"reason": "leaks", "replacement": "7.0.0"}}
    changing.write_facts({**changing.facts(), "yanked": yanked})
    assert changing.found() == {("replacement-unknown", WARNING)}


def test_yank_is_taken_back_by_operators_only(changing: Changing) -> None:
    facts = changing.facts()
    changing.write_facts({**facts, "yanked": {"1.0.0": {"reason": "leaks"}}})
    changing.settle()
    changing.write_facts(facts)
    assert changing.found("jill") == {("unyanked", ERROR)}
    assert changing.found("olga") == {("unyanked", WARNING)}


def test_library_without_facts_is_found(changing: Changing) -> None:
    write_files(changing.path / "libraries/new-tools/1.0.0", files("new-tools"))
    assert changing.found() == {("owners-empty", ERROR)}
