"""The journey that CI makes again with the installed wheel, with this environment's command."""

import subprocess
import sys
from pathlib import Path

from tests.installed import OPSTEPS

ROOT = Path(__file__).parents[2]


def test_an_author_and_an_operator_get_where_they_want(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/journey.py", OPSTEPS.parent, tmp_path, ROOT / "README.md"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
