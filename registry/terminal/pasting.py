"""Words of a line that somebody pastes into a shell: names in it may be a stranger's.

Git allows ``;``, ``$`` and more in the names of remotes, branches and tags, and a clone that was
copied brings its own.
"""

from __future__ import annotations

import shlex

from registry.problems import printable


def word(text: str) -> str:
    """One word, quoted where a shell would see more in it."""
    return shlex.quote(printable(text))


def git_line(*words: str) -> str:
    """``git`` with these words."""
    return " ".join(map(word, ("git", *words)))
