"""Fuzzing with Atheris, by ``make fuzz``. What it found is in ``corpus/``; a test replays it."""
