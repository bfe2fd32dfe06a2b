"""Libraries from upstreams, by real registries: what comes along, what is refused, what is kept."""

from __future__ import annotations

import pytest

from registry.errors import ConflictError, NotFoundError, RegistryError
from registry.history.audit_trail import read_audit_trail
from registry.installing.errors import DependencyConflictError
from registry.names import parse_library_name
from registry.publishing.withdraw import yank
from registry.resolution.errors import ResolutionError
from registry.snapshots.registry import Registry
from registry.upstreams.apply_plan import apply_plan
from registry.upstreams.errors import UnreachableUpstreamError
from registry.upstreams.lock import lock_of, plan_of_lock
from registry.upstreams.lock_file import dump_lock, parse_lock
from registry.upstreams.offers import OfferStatus, described, offers, updates
from registry.upstreams.planning import parse_wish, plan
from tests.registry.making import files, git, new_registry, put, version
from tests.registry.upstreams.scene import BY, Scene, make_scene


def _statuses(scene: Scene) -> dict[str, str]:
    found = offers(scene.installer().view(), scene.upstreams(), host=scene.host)
    return {f"{one.upstream}/{one.name}": f"{one.status} {one.version}" for one in found}


def test_what_a_library_needs_comes_along_and_the_commit_names_where_from(scene: Scene) -> None:
    done = scene.install("top-tools")
    assert done.changed
    assert (scene.active("top-tools"), scene.active("base-tools")) == ("1.0.0", "1.1.0")
    snapshot = scene.registry.snapshot()
    library = snapshot.library(parse_library_name("base-tools"))
    assert library.instance.upstream == "pub"
    assert library.instance.version == "1.1.0"
    assert library.instance.digest == library.releases[0].digest
    assert not library.problems
    (entry,) = read_audit_trail(scene.registry, limit=1)
    assert entry.operation == "install"
    assert set(entry.libraries) == {"base-tools", "top-tools"}


def test_the_same_again_changes_nothing(scene: Scene) -> None:
    first = scene.install("top-tools")
    again = scene.install("top-tools")
    assert not again.changed
    assert again.commit == first.commit


def test_what_is_there_stays_where_it_fits(scene: Scene) -> None:
    scene.install("base-tools==1.0.0")
    assert scene.active("base-tools") == "1.0.0"
    scene.install("top-tools")
    assert scene.active("base-tools") == "1.0.0"


def test_an_update_takes_the_last_version_that_fits(scene: Scene, theirs: Registry) -> None:
    scene.install("base-tools==1.0.0")
    scene.install("top-tools")
    put(theirs, files("base-tools", "1.2.0"))
    put(theirs, files("base-tools", "2.0.0"))
    scene.upstreams().refresh()
    view = scene.installer().view()
    names = [parse_library_name("base-tools"), parse_library_name("top-tools")]
    assert updates(view, scene.upstreams(), names, host=scene.host) == ["base-tools"]
    with pytest.raises(ResolutionError, match=r"top-tools 1\.0\.0 needs base-tools<2,>=1"):
        scene.install("base-tools>=2", update=True)
    scene.install("base-tools", update=True)
    assert (scene.active("base-tools"), scene.pin("base-tools")) == ("1.2.0", None)


def test_a_pinned_library_is_updated_only_to_a_version_that_is_named(
    scene: Scene, theirs: Registry
) -> None:
    scene.install("base-tools==1.0.0")
    scene.installer().pin(parse_library_name("base-tools"), version("1.0.0"), by=BY)
    put(theirs, files("base-tools", "1.2.0"))
    scene.upstreams().refresh()
    with pytest.raises(ConflictError, match=r"is pinned to 1\.0\.0"):
        scene.install("base-tools", update=True)
    scene.install("base-tools==1.2.0", update=True)
    assert scene.active("base-tools") == "1.2.0"


def test_nothing_goes_back_because_another_library_would_like_it_to(
    scene: Scene, theirs: Registry
) -> None:
    put(theirs, files("old-fan", "1.0.0", dependencies=["base-tools<1.1"]))
    scene.upstreams().refresh()
    scene.install("base-tools")
    with pytest.raises(ResolutionError, match=r"old-fan 1\.0\.0 needs base-tools<1\.1"):
        scene.install("old-fan")
    assert scene.active("base-tools") == "1.1.0"


def test_a_conflict_names_both_who_ask_and_what_there_is(scene: Scene, theirs: Registry) -> None:
    put(theirs, files("left", "1.0.0", dependencies=["base-tools<1.1"]))
    put(theirs, files("right", "1.0.0", dependencies=["base-tools>=1.1"]))
    scene.upstreams().refresh()
    with pytest.raises(ResolutionError) as caught:
        scene.install("left", "right")
    for part in ("left 1.0.0 needs base-tools<1.1", "right 1.0.0 needs base-tools>=1.1", "1.1.0"):
        assert part in caught.value.message


def test_a_prerelease_comes_only_when_it_is_asked_for(scene: Scene, theirs: Registry) -> None:
    put(theirs, files("base-tools", "1.2.0-rc.1"))
    scene.upstreams().refresh()
    scene.install("base-tools")
    assert scene.active("base-tools") == "1.1.0"
    scene.install("base-tools==1.2.0-rc.1")
    assert scene.active("base-tools") == "1.2.0-rc.1"


def test_a_yanked_release_is_never_chosen_and_the_refusal_says_so(
    scene: Scene, theirs: Registry
) -> None:
    yank(theirs, parse_library_name("base-tools"), version("1.1.0"), reason="broken", by=BY)
    scene.upstreams().refresh()
    scene.install("top-tools")
    assert scene.active("base-tools") == "1.0.0"
    with pytest.raises(ResolutionError, match=r"base-tools 1\.1\.0 is yanked"):
        scene.install("base-tools==1.1.0")


def test_a_library_for_a_later_opsconductor_is_incompatible(scene: Scene, theirs: Registry) -> None:
    put(theirs, files("future", "1.0.0", min_opsconductor_version="3.0.0"))
    put(theirs, files("base-tools", "1.2.0", min_opsconductor_version="2.0.0"))
    scene.upstreams().refresh()
    scene.install("base-tools")
    assert scene.active("base-tools") == "1.1.0"
    with pytest.raises(ResolutionError, match=r"future 1\.0\.0 needs OpsConductor 3\.0\.0"):
        scene.install("future")
    with pytest.raises(ConflictError, match=r"needs OpsConductor 2\.1\.0, and this is 1\.0\.0"):
        scene.upload("uploaded", "1.0.0", min_opsconductor_version="2.1.0")
    assert _statuses(scene) == {
        "pub/base-tools": "incompatible 1.2.0",
        "pub/future": "incompatible 1.0.0",
        "pub/top-tools": "available 1.0.0",
    }
    scene.host = version("3.0.0")
    assert _statuses(scene)["pub/base-tools"] == "update available 1.2.0"
    scene.install("future", "base-tools>=1.2")
    assert _statuses(scene)["pub/future"] == "installed 1.0.0"


def test_an_offer_says_what_its_manifest_says(scene: Scene) -> None:
    upstreams = scene.upstreams()
    found = offers(scene.installer().view(), upstreams, host=scene.host)
    told = described(upstreams, found)
    assert {one.display_name for one in told} == {"File tools"}
    assert {one.status for one in told} == {OfferStatus.AVAILABLE}


# Attacks


def test_dependency_confusion_a_greater_version_of_a_private_name_is_not_taken(
    scene: Scene, theirs: Registry
) -> None:
    scene.upload("acme-secrets", "1.0.0")
    put(theirs, files("acme-secrets", "99.0.0"))
    scene.upstreams().refresh()
    put(theirs, files("innocent", "1.0.0", dependencies=["acme-secrets>=99"]))
    scene.upstreams().refresh()
    assert scene.plan("acme-secrets").libraries[0].version == version("1.0.0")
    with pytest.raises(ResolutionError, match=r"acme-secrets>=99"):
        scene.install("innocent")
    assert scene.active("acme-secrets") == "1.0.0"
    assert _statuses(scene)["pub/acme-secrets"] == "elsewhere 99.0.0"


def test_dependency_confusion_a_name_of_the_private_upstream_is_not_asked_of_the_public_one(
    scene: Scene, theirs: Registry
) -> None:
    put(theirs, files("acme-secrets", "99.0.0"))
    with new_registry(scene.registry.path.parent / "private") as private:
        put(private, files("acme-secrets", "1.0.0"))
        scene.declare("private", private.path, "acme")
        scene.upstreams().refresh()
        scene.install("acme-secrets")
        assert scene.active("acme-secrets") == "1.0.0"
        wish = parse_wish("acme-secrets", upstream="pub")
        with pytest.raises(ConflictError, match="from the upstream 'private', not from 'pub'"):
            plan(scene.installer().view(), scene.upstreams(), [wish], host=scene.host)


def test_an_owner_that_cannot_be_reached_is_an_error_and_nobody_else_is_asked(
    scene: Scene, theirs: Registry
) -> None:
    with new_registry(scene.registry.path.parent / "second") as second:
        put(second, files("wanted", "1.0.0"))
        scene.declare("second", second.path)
        scene.upstreams().refresh()
        scene.install("wanted")
        theirs.path.rename(theirs.path.with_name("away"))
        failed = scene.upstreams().refresh()
        assert set(failed) == {"pub"}
        # It might have that name, too: only who was asked first can say.
        with pytest.raises(UnreachableUpstreamError, match="has is not known"):
            scene.install("other")
        # Whose owner is known goes on.
        assert not scene.install("wanted").changed
        theirs.path.with_name("away").rename(theirs.path)
        assert not scene.upstreams().refresh()
        with pytest.raises(NotFoundError, match="no upstream has"):
            scene.install("other")


def test_versions_of_one_library_never_come_from_two_places(scene: Scene) -> None:
    scene.install("base-tools")
    with pytest.raises(ConflictError, match=r"is from the upstream 'pub'.*this registry itself"):
        scene.upload("base-tools", "5.0.0")


def test_a_forged_digest_in_an_upstreams_ledger_is_found_before_anything_is_installed(
    scene: Scene, theirs: Registry
) -> None:
    place = theirs.path
    git(place, "checkout", "-q", "-f", "HEAD")
    facts = place / "libraries/base-tools/library.yaml"
    library = theirs.snapshot().library(parse_library_name("base-tools"))
    digest = next(str(r.digest) for r in library.releases if str(r.version) == "1.1.0")
    forged = "ab" * 32
    facts.write_text(facts.read_text().replace(digest, forged))
    git(place, "commit", "-q", "--no-verify", "-am", "forge")
    message = git(place, "tag", "-l", "--format=%(contents)", "base-tools/v1.1.0")
    git(place, "tag", "-f", "-a", "-m", message.replace(digest, forged), "base-tools/v1.1.0")
    scene.upstreams().remove(scene.upstreams().declared.get("pub").alias)
    assert not scene.upstreams().refresh()
    before = scene.registry.head()
    with pytest.raises(ConflictError, match=f"{forged} is asked for"):
        scene.install("base-tools")
    assert scene.registry.head() == before


# Lock files


def test_a_locked_set_is_installed_exactly_elsewhere_also_what_was_yanked_since(
    scene: Scene, theirs: Registry
) -> None:
    scene.install("base-tools==1.0.0")
    scene.install("top-tools")
    lock = parse_lock(dump_lock(lock_of(scene.installer())))
    assert {name: str(one.version) for name, one in lock.libraries.items()} == {
        "base-tools": "1.0.0",
        "top-tools": "1.0.0",
    }
    yank(theirs, parse_library_name("base-tools"), version("1.0.0"), reason="broken", by=BY)
    with new_registry(scene.registry.path.parent / "elsewhere") as registry:
        other = make_scene(registry)
        other.declare("pub", theirs.path)
        other.upstreams().refresh()
        for _ in range(2):
            found = plan_of_lock(other.installer().view(), other.upstreams(), lock)
            done = apply_plan(
                other.installer(), other.upstreams(), found, operation="install", by=BY
            )
        assert not done.changed
        assert (other.active("base-tools"), other.active("top-tools")) == ("1.0.0", "1.0.0")
        assert lock_of(other.installer()).libraries == lock.libraries
        other.close()


def test_a_lock_with_another_digest_is_refused_by_name(scene: Scene, theirs: Registry) -> None:
    scene.install("top-tools")
    raw = dump_lock(lock_of(scene.installer())).decode()
    digest = parse_lock(raw.encode()).libraries[parse_library_name("base-tools")].digest
    wrong = parse_lock(raw.replace(digest, "0" * 64).encode())
    with pytest.raises(ConflictError, match=r"base-tools 1\.1\.0 is locked with another digest"):
        plan_of_lock(scene.installer().view(), scene.upstreams(), wrong)
    assert theirs.head()


def test_what_a_lock_leaves_without_its_needs_is_refused(scene: Scene) -> None:
    scene.install("top-tools")
    lock = lock_of(scene.installer())
    alone = parse_lock(dump_lock(lock))
    only_top = type(alone)(
        registry=alone.registry,
        upstreams=alone.upstreams,
        libraries={
            parse_library_name("top-tools"): alone.libraries[parse_library_name("top-tools")]
        },
    )
    with new_registry(scene.registry.path.parent / "bare") as registry:
        other = make_scene(registry)
        other.declare("pub", scene.registry.path.parent / "theirs")
        other.upstreams().refresh()
        found = plan_of_lock(other.installer().view(), other.upstreams(), only_top)
        with pytest.raises(DependencyConflictError, match="base-tools is not installed"):
            apply_plan(other.installer(), other.upstreams(), found, operation="install", by=BY)
        other.close()


@pytest.mark.parametrize("wish", ["core", "core>=1"])
def test_the_built_in_library_is_not_installed(scene: Scene, wish: str) -> None:
    with pytest.raises(RegistryError, match="built in"):
        scene.install(wish)
