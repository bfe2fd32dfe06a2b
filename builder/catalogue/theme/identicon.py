"""Pictures that are drawn, so that no font has to have them: a library's tile, a step's sign."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from registry.formats.model import Step

_HUES = 8
_VARIANT = "\ufe0f"
"""Asks for the colourful form of a sign; it says nothing about which sign."""
_SIGNS = {
    "file": "📄📃📝📖📋🖋✏📰🧾📑",
    "folder": "📁📂🗂🗃🗄",
    "package": "📦🧰🎁🧱",
    "network": "🌐📡🛰🌍🌎🌏🔌📶",
    "link": "🔗⛓",
    "terminal": "💻🖥⌨⚡🐚",
    "lock": "🔐🔒🔑🛡🔏🗝",
    "chart": "📊📈📉🧮",
    "repeat": "🔁🔄🔃♻",
    "branch": "🔀🌿🧭",
    "message": "💬📮📧✉📨📣🔔📢",
    "search": "🔎🔍🎯",
    "move": "🚚➡⤴📤📥🚀⬆⬇",
    "bin": "🗑🧹❌✖",
    "squeeze": "🗜",
    "clock": "⏱⏰⏲⌛⏳🕒",
    "play": "▶⏯🏁🟢",
    "stop": "⏹⏸🛑🔴",
    "test": "🧪✅✔🔬",
    "cloud": "☁⛅",
    "gear": "⚙🔧🔨🛠🪛",
}
_BY_SIGN = {sign: name for name, signs in _SIGNS.items() for sign in signs}
_DEFAULT_SIGN = "📄"
"""The sign of a step that names none; its category says more."""
_BY_WORD = {
    "file": "file",
    "storage": "folder",
    "cache": "folder",
    "artifact": "package",
    "installer": "package",
    "dependency": "package",
    "network": "network",
    "http": "network",
    "code-sign": "lock",
    "security": "lock",
    "access-control": "lock",
    "test": "test",
    "testing": "test",
    "build": "gear",
    "deploy": "move",
    "notification": "message",
    "messaging": "message",
    "utility": "gear",
    "workflow": "branch",
    "flow": "branch",
    "data": "chart",
    "monitoring": "chart",
    "cloud": "cloud",
    "command": "terminal",
    "system": "terminal",
}


def hue_of(name: str) -> int:
    """Return the colour of a library's tile, the same for ever."""
    return int(sha256(name.encode()).hexdigest()[:4], 16) % _HUES


def initials_of(title: str) -> str:
    """One or two letters for a library's tile."""
    words = [word for word in title.replace("-", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def symbol_of(step: Step) -> str:
    """Return the symbol of ``icons.svg`` for a step: that of its own sign, or of its category.

    >>> from registry.names import StepName
    >>> symbol_of(Step(name=StepName("archive.make"), icon="🗜️"))
    'squeeze'
    >>> symbol_of(Step(name=StepName("archive.make"), category="Code Sign"))
    'lock'
    """
    return _symbol(step.icon, step.category)


@lru_cache(maxsize=1024)
def _symbol(icon: str, category: str) -> str:
    sign = icon.strip().replace(_VARIANT, "")
    if sign != _DEFAULT_SIGN and sign in _BY_SIGN:
        return _BY_SIGN[sign]
    words = category.lower().replace("_", " ").replace("-", " ").split()
    for word in ("-".join(words), *words):
        found = _BY_WORD.get(word) or _BY_WORD.get(word.removesuffix("s"))
        if found is not None:
            return found
    return "step"
