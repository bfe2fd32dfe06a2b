"""Programs of ours that end with whoever started them, with real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from registry.processes.lifeline import WITH_PARENT, lifeline
from registry.processes.program import program_environment

_WORKS = """
import subprocess, sys
from registry.processes.lifeline import WITH_PARENT, end_with_starter
import os
end_with_starter()
assert WITH_PARENT not in os.environ
child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""


def test_a_program_and_what_it_started_end_with_the_other_end_of_the_line() -> None:
    with lifeline() as end:
        process = subprocess.Popen(
            [sys.executable, "-c", _WORKS],
            env={**program_environment(), WITH_PARENT: str(end)},
            pass_fds=[end],
            stdout=subprocess.PIPE,
            process_group=0,
        )
        assert process.stdout is not None
        assert process.stdout.readline().strip().isdigit()
        assert process.poll() is None
    # Its output ends when the last one that holds it has ended: the child holds it as well.
    assert process.stdout.read() == b""
    process.stdout.close()
    assert process.wait(30) == -9


def test_a_program_without_a_line_works_to_its_end(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(
        "from registry.processes.lifeline import end_with_starter\nend_with_starter()\nprint(1)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script], env=program_environment(), capture_output=True, check=True
    )
    assert done.stdout == b"1\n"
