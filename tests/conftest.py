"""What all tests share: parts that need a program, real data that nobody here wrote, a bare Git."""

import atexit
import os
import shutil
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

from registry.locating import location
from scripts.system_packages import PROGRAMS, find_program

ROOT = Path(__file__).resolve().parent.parent
NOT_RUN = "not run: "

# No deadline for an example: two workers share two cores, and the first call pays for imports.
settings.register_profile("suite", deadline=None, print_blob=True)
settings.load_profile("suite")

# Nobody's own Git settings (identity, signing, hooks, name of the first branch) decide a test.
os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
# What tests derive is not kept with whoever runs them.
os.environ["OPSTEPS_CACHE"] = tempfile.mkdtemp(prefix="opsteps-tests-")
atexit.register(shutil.rmtree, os.environ["OPSTEPS_CACHE"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _no_registry_is_named() -> None:
    """A command that a test runs in its own process leaves behind which registry it named."""
    location._NAMED.set(None)


def cannot_run(part: str, remedy: str) -> None:
    """Skip and say so, or fail where CI=true: there a part that is not run must not look green."""
    reason = f"{NOT_RUN}{part} ({remedy})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name, program in PROGRAMS.items():
        if item.get_closest_marker(f"needs_{name}") and not find_program(name):
            cannot_run(program.part, f"{name} is missing: apt install {program.package}")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse tests that share an id: of those, only one would be run."""
    shared = [name for name, count in Counter(i.nodeid for i in session.items).items() if count > 1]
    if shared:
        raise pytest.UsageError(f"these tests share an id: {', '.join(shared[:5])}")
    is_grouped = os.environ.get("PYTEST_XDIST_WORKER") and session.config.option.loadgroup
    for item in session.items if is_grouped else ():
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} is not run with its group: see pytest-xdist")


_reported: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _reported.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where tests were collected and neither run nor named as not run."""
    is_worker = hasattr(session.config, "workerinput")
    is_cut_short = session.shouldstop or session.shouldfail or session.config.option.collectonly
    missing = session.testscollected - len(_reported)
    if missing and not is_worker and not is_cut_short and session.exitstatus == pytest.ExitCode.OK:
        reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"{missing} of {session.testscollected} collected tests were not run")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Name every part of the suite that was not run, however quiet the rest of the output is."""
    reasons = Counter(
        str(report.longrepr[2]).partition(NOT_RUN)[2]
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple) and NOT_RUN in report.longrepr[2]
    )
    if reasons:
        terminalreporter.section("parts not run")
    for reason, tests in sorted(reasons.items()):
        terminalreporter.write_line(f"{NOT_RUN}{reason}: {tests} test{'s'[: tests != 1]}")


@pytest.fixture(scope="session")
def corpus_archive() -> Path:
    """The step descriptions of the public Bitrise StepLib, packed."""
    directory = Path(os.environ.get("STEPLIB_CORPUS") or ROOT.parent / "shared" / "corpus")
    archive = directory / "bitrise-steplib.tar.xz"
    if not archive.is_file():
        cannot_run(
            "tests on the Bitrise StepLib",
            f"set STEPLIB_CORPUS to the directory that holds {archive.name}",
        )
    return archive


@pytest.fixture(scope="session")
def bitrise_steplib(corpus_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that holds `steps/<id>/<version>/step.yml`; tests leave it as it is."""
    target = tmp_path_factory.mktemp("corpus")
    with tarfile.open(corpus_archive) as archive:
        # Not extractall: newer Pythons want its `filter`, and Debian 12's does not know it.
        for member in archive:
            content = archive.extractfile(member)
            if content is None:
                continue
            path = target / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
    return target / "bitrise-steplib"
