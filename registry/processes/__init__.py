"""Processes of our own: each is a program with a module as its entry point.

Nothing here re-imports ``__main__``, as multiprocessing's ``spawn`` does: whatever started this
process (a console script, a test, another program) is not run a second time.
"""
