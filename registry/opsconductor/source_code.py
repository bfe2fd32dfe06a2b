"""Find out by parsing what a ``steps.py`` holds: nothing of it is ever run."""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

_PARAMETERS = 1  # the dictionary, besides the object itself
_TREE = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True, slots=True)
class StepCode:
    """Classes with the methods that can be called with one dictionary, and what is imported."""

    problem: str = ""
    """The reason why it is not Python that can be read; else empty."""
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The classes that have a method, by the method's name."""
    misfits: frozenset[str] = frozenset()
    """Methods that are there and cannot be called with one dictionary."""
    needs: tuple[str, ...] = ()
    """Packages besides the standard library, by the names that are imported."""


def read_code(raw: bytes, siblings: frozenset[str] = frozenset()) -> StepCode:
    """Parse it; never raises for bad input. ``siblings`` are modules that come with it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(raw)
    except SyntaxError as error:
        return StepCode(problem=f"line {error.lineno or 1}: {error.msg[:200]}")
    except (ValueError, RecursionError, MemoryError) as error:
        return StepCode(problem=str(error)[:200] or type(error).__name__)
    methods: dict[str, list[str]] = {}
    misfits: set[str] = set()
    for one in module.body:
        if isinstance(one, ast.ClassDef):
            is_made = _can_be_made(one)
            for method in _methods(one):
                if is_made and _takes_one(method):
                    methods.setdefault(method.name, []).append(one.name)
                else:
                    misfits.add(method.name)
    needs = set(_imports(module)) - sys.stdlib_module_names - siblings - {"__future__"}
    return StepCode(
        methods={name: tuple(dict.fromkeys(owners)) for name, owners in methods.items()},
        misfits=frozenset(misfits - methods.keys()),
        needs=tuple(sorted(needs)),
    )


def _methods(one: ast.ClassDef) -> Iterator[_TREE]:
    """The last definition of each name counts, as in Python."""
    found = {node.name: node for node in one.body if isinstance(node, _TREE)}
    yield from found.values()


def _can_be_made(one: ast.ClassDef) -> bool:
    """True if an object can be made without arguments."""
    made = next((m for m in _methods(one) if m.name == "__init__"), None)
    return made is None or _needed(made.args) <= 1


def _takes_one(method: _TREE) -> bool:
    decorators = {one.id for one in method.decorator_list if isinstance(one, ast.Name)}
    if "property" in decorators:
        return False
    own = 0 if "staticmethod" in decorators else 1
    arguments = method.args
    takes = len(arguments.posonlyargs) + len(arguments.args)
    enough = takes >= own + _PARAMETERS or arguments.vararg is not None
    named = any(default is None for default in arguments.kw_defaults)
    return enough and _needed(arguments) <= own + _PARAMETERS and not named


def _needed(arguments: ast.arguments) -> int:
    return len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)


def _imports(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
