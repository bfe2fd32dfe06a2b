"""Operations killed at random points: always the old state or the new one, and work goes on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROUNDS = 300
_SEED = "20261123"


@pytest.mark.parametrize("what", ["releasing", "installing"])
def test_three_hundred_kills_leave_the_old_state_or_the_new_one(tmp_path: Path, what: str) -> None:
    root = Path(__file__).parents[3]
    # Measuring what is killed anyway would only make it slow to start.
    environment = {k: v for k, v in os.environ.items() if k != "COVERAGE_PROCESS_CONFIG"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.registry.crashing",
            tmp_path / "registry",
            str(_ROUNDS),
            _SEED,
            what,
        ],
        cwd=root,
        env={**environment, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    counts = json.loads(done.stdout)
    assert counts["killed"] >= _ROUNDS
    # The kills met what they should: before the move, after it, and in between.
    assert min(counts["at the old commit"], counts["at the new commit"]) > 20
    assert counts["refs moving"] > 0
    assert counts["tree not following"] > 0
    assert counts["acknowledged"] > 0
