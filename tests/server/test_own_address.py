"""What a served catalogue says of where it is, and what a server says of one that is not there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from registry.snapshots.cache_place import cache_directory
from tests.installed import command, opsteps
from tests.server.real_server import Client, making_place, serving, step, until


def built(client: Client) -> None:
    until(lambda: client.health()["catalogue"]["status"] == "ready")


def test_a_catalogue_that_is_published_nowhere_else_names_its_server(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0", [step("copy")])
        with serving(place.path, catalogue=True) as client:
            built(client)
            own = f"http://127.0.0.1:{client.port}/"
            assert f'<link rel="canonical" href="{own}">' in client.get("/").body.decode()
            for path in ("/libraries/alpha/", "/about/", "/schemas/", "/feed.xml", "/sitemap.xml"):
                said = client.get(path).body.decode()
                assert own in said, path
                assert "127.0.0.1:3011" not in said, path


def test_a_catalogue_that_was_deleted_is_built_again(tmp_path: Path) -> None:
    """Its pages said that it is being built until the next change, and health that it is ready."""
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0", [step("copy")])
        with serving(place.path, catalogue=True) as client:
            built(client)
            for one in cache_directory(place.registry).glob("catalogue*"):
                one.rename(tmp_path / one.name)  # in one moment, so that no build starts amid it
            assert client.get("/").status == 503
            until(lambda: client.health()["catalogue"]["status"] == "building")
            built(client)
            assert client.get("/libraries/alpha/").status == 200


def test_the_commands_of_a_served_catalogue_name_what_the_server_answers(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0", [step("copy")])
        with serving(place.path, catalogue=True) as client:
            built(client)
            page = client.get("/about/").body.decode()
            commands = re.findall(r"curl <span data-site>(.*?)</span>(/\S*?)(?:\n|<)", page)
            assert len(commands) == 3
            for address, path in commands:
                assert address == f"http://127.0.0.1:{client.port}"
                assert not path.endswith(".json")
                assert client.get(path).status == 200, path


def test_the_address_that_the_operator_says_is_that_of_the_catalogue(tmp_path: Path) -> None:
    """Not the Host of whoever asks: pages are made once, and anyone can say any name."""
    public = "https://steps.example.com/automation"
    with making_place(tmp_path / "registry") as place:
        place.publish("alpha", "1.0.0", [step("copy")])
        with serving(
            place.path, catalogue=True, public_url=f"{public}/", allowed_hosts="evil.example.net"
        ) as client:
            built(client)
            home = client.get("/", Host="evil.example.net").body.decode()
            assert f'<link rel="canonical" href="{public}/">' in home
            assert "evil" not in home
            assert f"{public}/libraries/alpha/" in client.get("/feed.xml").body.decode()


def test_one_that_is_published_elsewhere_keeps_that_address(tmp_path: Path) -> None:
    public = "https://steps.example.com"
    with making_place(tmp_path / "registry") as place:
        facts = (place.path / "registry.yaml").read_text()
        place.commit_file("registry.yaml", facts.replace("http://127.0.0.1:3011", public))
        with serving(place.path, catalogue=True) as client:
            built(client)
            assert f'<link rel="canonical" href="{public}/">' in client.get("/").body.decode()


def test_a_site_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "reg")
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, why in (
        ("nosite", "is not a directory"),
        ("file", "is not a directory"),
        ("empty", "holds no built catalogue"),
    ):
        said = opsteps(
            tmp_path, "serve", "--registry", "reg", "--site", name, "--port", "0", expect=2
        )
        assert f"opsteps: {name} {why}" in said
        assert f"'opsteps build --out {name} --registry reg'" in said


def test_a_site_that_goes_is_said_by_health_and_page(tmp_path: Path) -> None:
    opsteps(tmp_path, "init", "reg")
    opsteps(tmp_path, "build", "reg", "--no-search", "--base-url", "https://steps.example.com")
    site = tmp_path / "site"
    with serving(tmp_path / "reg", "--site", str(site)) as client:
        assert client.health()["status"] == "healthy"
        assert client.get("/").status == 200
        away = site.resolve()
        site.unlink()
        health = client.health()
        assert (health["status"], health["catalogue"]["status"]) == ("degraded", "failed")
        assert "site is not a directory" in health["catalogue"]["error"]
        page = client.get("/")
        assert page.status == 503
        assert b"is gone" in page.body
        assert b"try again" not in page.body
        site.symlink_to(away)
        assert client.health()["status"] == "healthy"
        shutil.rmtree(away)


def test_a_port_that_is_taken_is_said_before_the_demo_is_made(tmp_path: Path) -> None:
    with making_place(tmp_path / "registry") as place, serving(place.path) as client:
        demo = command("demo", "--directory", tmp_path / "demo", "--port", client.port)
        done = subprocess.run(demo, capture_output=True, text=True, check=False)
        assert done.returncode == 23
        assert f"cannot listen on 127.0.0.1 port {client.port}" in done.stderr
        assert "OPSTEPS_PORT=34" in done.stderr
        assert "make demo, or opsteps demo --port 34" in done.stderr
        assert not (tmp_path / "demo").exists()
