"""A Git repository that is no registry is left alone, and an unknown instance is not served."""

import subprocess
from pathlib import Path

import pytest

from tests.installed import command, opsteps
from tests.registry.making import commit_all, files, git, new_registry, put, write_files


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Somebody's application."""
    where = tmp_path / "plain"
    git(tmp_path, "init", "-q", "-b", "main", str(where))
    write_files(where, {"app.py": b"print()\n"})
    commit_all(where, "an application")
    write_files(tmp_path / "lib", files())
    return where


@pytest.mark.parametrize(
    "words",
    [
        ("add", "lib"),
        ("remove", "file-tools", "1.0.0"),
        ("release", "file-tools"),
        ("release", "--all"),
        ("install", "lib"),
        ("update",),
        ("toggle", "file-tools", "--off"),
        ("uninstall", "file-tools"),
        ("uninstall", "file-tools", "1.0.0"),
        ("yank", "file-tools", "1.0.0", "--reason", "x"),
        ("unyank", "file-tools", "1.0.0"),
        ("deprecate", "file-tools", "--reason", "x"),
        ("rollback", "file-tools", "--to", "1.0.0"),
        ("rollback", "--to", "HEAD"),
        ("lock",),
        ("upstream", "add", "pub", "https://steps.example.com/x.git"),
        ("search", "copy"),
        ("show", "file-tools"),
        ("serve", "--port", "0"),
    ],
    ids=" ".join,
)
def test_it_is_refused_and_nothing_is_written(plain: Path, words: tuple[str, ...]) -> None:
    before = git(plain, "for-each-ref")
    said = opsteps(plain.parent, *words, "-r", "plain", expect=3)
    assert "no registry" in said
    assert "--registry" in said
    assert "opsteps init" in said
    assert git(plain, "for-each-ref") == before
    assert git(plain, "status", "--porcelain") == ""


# Instances


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A registry where an operator of the instance `staging` switched something off."""
    with new_registry(tmp_path / "reg") as registry:
        put(registry, files())
    git(tmp_path / "reg", "reset", "-q", "--hard")
    opsteps(tmp_path, "toggle", "file-tools", "--off", "-r", "reg")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ("toggle", "file-tools", "--on"),
        ("install", "lib"),
        ("uninstall", "file-tools"),
        ("update",),
        ("lock",),
        ("rollback", "file-tools", "--to", "1.0.0"),
        ("serve", "--port", "0"),
    ],
    ids=" ".join,
)
def test_a_mistyped_instance_is_refused_by_its_name(where: Path, words: tuple[str, ...]) -> None:
    before = git(where / "reg", "rev-parse", "HEAD")
    said = opsteps(where, *words, "-r", "reg", "--instance", "prodution", expect=4)
    assert "there is no instance 'prodution'; there is: production" in said
    assert "did you mean 'production'?" in said
    assert "--new-instance" in said
    assert git(where / "reg", "rev-parse", "HEAD") == before


def test_a_new_instance_is_begun_by_saying_so_and_known_from_then_on(where: Path) -> None:
    staging = ("-r", "reg", "--instance", "staging")
    opsteps(where, "toggle", "file-tools", "--off", *staging, "--new-instance")
    # Back at the default there is no file of it any more, and it is known all the same.
    opsteps(where, "toggle", "file-tools", "--on", *staging)
    opsteps(where, "toggle", "file-tools", "--off", *staging)


def test_production_needs_no_files_to_be_known(where: Path) -> None:
    opsteps(where, "toggle", "file-tools", "--off", "-r", "reg", "--instance", "staging",
            "--new-instance")  # fmt: skip
    opsteps(where, "toggle", "file-tools", "--on", "-r", "reg")
    opsteps(where, "toggle", "file-tools", "--off", "-r", "reg")


def test_the_first_instance_may_have_any_name(tmp_path: Path) -> None:
    with new_registry(tmp_path / "reg") as registry:
        put(registry, files())
    git(tmp_path / "reg", "reset", "-q", "--hard")
    opsteps(tmp_path, "toggle", "file-tools", "--off", "-r", "reg", "--instance", "staging")


def test_a_server_of_a_new_instance_starts_by_option_and_by_setting(where: Path) -> None:
    wanted = ("serve", "-r", "reg", "--instance", "staging", "--port", "0", "--no-catalogue")
    with subprocess.Popen(
        command(*wanted, "--new-instance"), cwd=where, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Serving reg on http")
        process.terminate()
