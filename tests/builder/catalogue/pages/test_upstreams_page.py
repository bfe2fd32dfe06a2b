"""What upstreams offer, in the catalogue."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.catalogue import build_catalogue
from registry.transactions.transaction import follow_head
from tests.registry.making import files, new_registry, put
from tests.registry.upstreams.scene import Scene, make_scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Our registry, with ``base`` 1.0.0 from an upstream that has more by now."""
    with new_registry(tmp_path / "theirs") as theirs, new_registry(tmp_path / "ours") as ours:
        put(theirs, files("base", "1.0.0"))
        made = make_scene(ours)
        made.declare("pub", theirs.path)
        made.upstreams().refresh()
        made.install("base")
        put(theirs, files("base", "1.1.0"))
        put(theirs, files("future", "1.0.0", min_opsconductor_version="3.0.0"))
        odd = 'A "quoted" & odd > name'
        put(theirs, files("new", "1.0.0", display_name=odd, description="It's new"))
        follow_head(ours)
        yield made
        made.close()


def page(scene: Scene, out: Path) -> str:
    build_catalogue(scene.registry, out, jobs=1, search=False)
    return (out / "upstreams/index.html").read_text()


def rows(text: str) -> dict[str, str]:
    """The offers by name."""
    offered = text.partition('id="g1"')[2]
    found = re.findall(r'<li class="row">.*?</li>', offered, re.DOTALL)
    return {re.findall(r"<code>(.*?)</code>", row)[0]: row for row in found}


def test_each_offer_says_what_it_is(scene: Scene, tmp_path: Path) -> None:
    scene.upstreams().refresh()
    found = rows(page(scene, tmp_path / "site"))
    assert set(found) == {"base", "future", "new"}
    assert "Update available" in found["base"]
    assert "1.0.0 → 1.1.0" in found["base"]
    assert 'href="../libraries/base/"' in found["base"]
    assert "Incompatible" in found["future"]
    assert "needs OpsConductor 3.0.0" in found["future"]
    assert "Available" in found["new"]
    assert "from pub" in found["new"]


def test_it_says_where_each_is_when_it_was_fetched_and_what_is_installed(
    scene: Scene, tmp_path: Path
) -> None:
    put_before = page(scene, tmp_path / "site")
    assert "Installed, up to date" in put_before
    assert 'href="../libraries/base/"' in put_before
    scene.upstreams().refresh()
    text = page(scene, tmp_path / "site")
    source = text.partition('id="sources"')[2].partition("</section>")[0]
    (upstream,) = scene.upstreams()
    state = scene.upstreams().state(upstream)
    assert f"<h3>{upstream.alias}</h3>" in source
    assert str(upstream.address) in source
    assert "1 installed of 3" in source
    assert f'datetime="{state.fetched_at}"' in source
    assert "failed" not in source


def test_an_upstream_that_cannot_be_fetched_says_so(scene: Scene, tmp_path: Path) -> None:
    shutil.move(tmp_path / "theirs", tmp_path / "away")
    scene.upstreams().refresh()
    text = page(scene, tmp_path / "site")
    assert "The last fetch failed:" in text
    assert "Nothing is known of what they offer" in text


def test_what_strangers_wrote_is_text(scene: Scene, tmp_path: Path) -> None:
    scene.upstreams().refresh()
    text = page(scene, tmp_path / "site")
    assert "A &#34;quoted&#34; &amp; odd &gt; name" in text
    assert "It&#39;s new" in text


def test_the_page_follows_what_is_fetched_without_a_commit(scene: Scene, tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert set(rows(page(scene, site))) == {"base"}
    scene.upstreams().refresh()
    assert "new" in rows(page(scene, site))
    home = (site / "index.html").read_text()
    assert 'href="./upstreams/"' in home


def test_without_upstreams_there_is_no_page(tmp_path: Path) -> None:
    with new_registry(tmp_path / "alone") as registry:
        put(registry, files("base", "1.0.0"))
        build_catalogue(registry, tmp_path / "site", jobs=1, search=False)
    assert not (tmp_path / "site/upstreams").exists()
    assert "upstreams/" not in (tmp_path / "site/index.html").read_text()
