"""What stops a benchmark."""

from __future__ import annotations


class BenchmarkError(Exception):
    """A benchmark cannot be run; ``next_step`` says what to do about it."""

    def __init__(self, message: str, *, next_step: str) -> None:
        """Keep the two parts apart for the table."""
        super().__init__(f"{message}. {next_step}")
        self.message = message
        self.next_step = next_step
