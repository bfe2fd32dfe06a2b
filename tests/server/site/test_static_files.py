from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.real_server import Client, Place, serving, until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    (root / "secret.txt").write_text("secret")
    first = root / "first"
    (first / "libraries" / "alpha").mkdir(parents=True)
    (first / "assets").mkdir()
    (first / "index.html").write_text("<!doctype html><title>home</title>")
    (first / "404.html").write_text("<!doctype html><title>not here</title>")
    (first / "libraries" / "alpha" / "index.html").write_text("<!doctype html>alpha")
    (first / "assets" / "site.css").write_text("body{}")
    (first / "assets" / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (first / "assets" / "site.0123456789ab.js").write_text("// " + "words " * 60)
    (first / "libraries" / "alpha" / "pictures").mkdir()
    for suffix in ("png", "jpg", "gif", "webp"):
        (first / "libraries" / "alpha" / "pictures" / f"a.{suffix}").write_text("<script>")
    (first / "assets" / "data.bin").write_bytes(b"x" * 1000)
    (first / ".hidden").write_text("secret")
    (first / "link.txt").symlink_to(root / "secret.txt")
    (first / "out").symlink_to(root)
    os.mkfifo(first / "pipe")
    (root / "current").symlink_to("first")
    return root


@pytest.fixture(scope="module")
def site_client(standing_place: Place, site: Path) -> Iterator[Client]:
    with serving(
        standing_place.path, "--site", str(site / "current"), site_file_bytes=500
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/libraries/alpha/", "text/html; charset=utf-8"),
        ("/assets/site.css", "text/css; charset=utf-8"),
        ("/assets/logo.svg", "image/svg+xml"),
        ("/libraries/alpha/pictures/a.png", "image/png"),
        ("/libraries/alpha/pictures/a.jpg", "image/jpeg"),
        ("/libraries/alpha/pictures/a.gif", "image/gif"),
        ("/libraries/alpha/pictures/a.webp", "image/webp"),
        ("/?q=x", "text/html; charset=utf-8"),
    ],
)
def test_files_have_their_types_and_headers(
    site_client: Client, path: str, content_type: str
) -> None:
    reply = site_client.get(path)
    assert reply.status == 200
    assert reply.headers["content-type"] == content_type
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert ("sandbox" in policy) == content_type.startswith("image/")
    again = site_client.get(path, If_None_Match=reply.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert site_client.ask("HEAD", path).body == b""


def test_a_directory_without_its_slash_is_redirected(site_client: Client) -> None:
    reply = site_client.get("/libraries/alpha")
    assert (reply.status, reply.headers["location"]) == (308, "/libraries/alpha/")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/../../secret.txt",
        "/..%2fsecret.txt",
        "/%252e%252e/secret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/link.txt",
        "/out/secret.txt",
        "/.hidden",
        "/pipe",
        "/assets/data.bin",
        "/assets",
        "/index.html/",
        "/index.html%00.css",
        "/nothing",
        "/" + "a" * 300,
    ],
)
def test_nothing_else_is_sent(site_client: Client, path: str) -> None:
    reply = site_client.get(path)
    assert reply.status in {400, 404}
    assert b"secret" not in reply.body
    if reply.status == 404:
        assert b"not here" in reply.body


def test_a_new_build_is_served_at_once(standing_place: Place, site: Path) -> None:
    second = site / "second"
    second.mkdir()
    (second / "index.html").write_text("second")
    link = site / "moving"
    link.symlink_to("first")
    with serving(standing_place.path, "--site", str(link)) as client:
        assert b"home" in client.get("/").body
        (site / "new").symlink_to("second")
        (site / "new").rename(link)
        assert client.get("/").body == b"second"
        link.unlink()
        assert client.get("/").status == 503


def test_catalogue_and_search_are_kept_up_to_date(place: Place) -> None:
    with serving(place.path, settle_seconds=0) as client:

        def built() -> bool:
            health = client.health()
            assert health["catalogue"]["status"] != "failed", health["catalogue"]["error"]
            return bool(health["catalogue"]["commit"] == place.registry.head())

        until(built, seconds=120)
        assert client.health()["search"] == "ready"
        found = client.get("/api/v1/search?q=copy").json()
        assert [hit["id"] for hit in found["hits"]] == ["alpha"]
        assert "file.copy" in [step["name"] for step in found["hits"][0]["steps"]]
        assert b"<html" in client.get("/").body
        static = client.get("/libraries/alpha/")
        assert static.status == 200
        place.publish("gamma", "1.0.0")
        until(built, seconds=120)
        until(lambda: client.get("/api/v1/search?q=gamma").json()["total"], seconds=30)
        assert b"gamma" in client.get("/libraries/gamma/").body


def test_search_pages_narrow_and_suggest(place: Place) -> None:
    with serving(place.path, settle_seconds=0) as client:
        until(lambda: client.health()["search"] == "ready", seconds=120)
        everything = client.get("/api/v1/search?q=file&limit=100").json()
        seen: list[str] = []
        path: str | None = "/api/v1/search?q=file&limit=2"
        while path:
            page = client.get(path).json()
            seen += [hit["id"] for hit in page["hits"]]
            cursor = page["next_cursor"]
            path = f"/api/v1/search?q=file&limit=2&cursor={cursor}" if cursor else None
        assert seen == [hit["id"] for hit in everything["hits"]]
        steps = client.get("/api/v1/search?q=file&kind=step&library=alpha").json()
        assert {hit["kind"] for hit in steps["hits"]} == {"step"}
        assert client.get("/api/v1/search?q=file&premium=true").json()["total"] == 0


def test_without_an_index_search_says_so(place: Place) -> None:
    with serving(place.path, "--no-catalogue") as client:
        reply = client.get("/api/v1/search?q=copy")
    assert reply.status == 503
    assert "retry-after" in reply.headers
    assert "index" in reply.json()["detail"]


def test_a_text_is_sent_compressed_to_those_who_take_it(
    standing_place: Place, tmp_path: Path
) -> None:
    text = "<!doctype html>" + "<p>many of the same words</p>" * 200
    (tmp_path / "index.html").write_text(text)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG" + b"\0" * 2_000)
    with serving(standing_place.path, "--site", str(tmp_path)) as client:
        plain = client.get("/")
        packed = client.get("/", Accept_Encoding="br;q=0, gzip")
        assert plain.body.decode() == gzip.decompress(packed.body).decode() == text
        assert packed.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
        assert len(packed.body) * 10 < len(plain.body)
        tag = packed.headers["etag"]
        assert tag != plain.headers["etag"]
        again = client.get("/", Accept_Encoding="gzip", If_None_Match=tag)
        assert (again.status, again.body) == (304, b"")
        refused = client.get("/", Accept_Encoding="gzip;q=0")
        assert "content-encoding" not in refused.headers
        picture = client.get("/picture.png", Accept_Encoding="gzip")
        assert "content-encoding" not in picture.headers


def test_only_what_changes_its_name_with_its_content_is_kept(site_client: Client) -> None:
    kept = site_client.get("/assets/site.0123456789ab.js").headers["cache-control"]
    assert kept == "max-age=31536000, immutable"
    for path in ("/", "/assets/site.css", "/assets/0123456789ab"):
        assert site_client.get(path).headers["cache-control"] == "no-cache"
