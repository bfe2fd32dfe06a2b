"""Whether an executor is Python that can be called as a step, without running any of it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from registry.problems import Problem

_ARGUMENTS = 2  # parameters, context


def executor_problems(raw: bytes, file: str) -> Iterator[Problem]:
    """What is wrong with the source of an executor; never raises for bad input."""
    try:
        with warnings.catch_warnings():
            # An odd escape sequence is the author's linter's business.
            warnings.simplefilter("ignore")
            module = ast.parse(raw, filename=file)
    except SyntaxError as error:
        yield _syntax(file, error.msg, max(error.lineno or 1, 1), max(error.offset or 1, 1))
        return
    except (ValueError, RecursionError, MemoryError) as error:
        yield _syntax(file, str(error) or type(error).__name__, 1, 1)
        return
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    execute = next((f for f in reversed(functions) if f.name == "execute"), None)
    if execute is None or not _takes_two(execute.args):
        yield Problem(
            rule="executor-entry",
            file=file,
            line=execute.lineno if execute else 1,
            column=execute.col_offset + 1 if execute else 1,
            message="there is no function execute(parameters, context)",
            expected="write def execute(parameters, context), which returns a dict",
        )


def _syntax(file: str, reason: str, line: int, column: int) -> Problem:
    return Problem(
        rule="executor-syntax",
        file=file,
        line=line,
        column=column,
        message=f"this is not Python: {reason[:200]}",
        expected="write Python that the oldest supported version reads",
    )


def _takes_two(arguments: ast.arguments) -> bool:
    """Whether ``execute(parameters, context)`` is a call that these arguments accept."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    named = any(default is None for default in arguments.kw_defaults)
    enough = positional >= _ARGUMENTS or arguments.vararg is not None
    return enough and needed <= _ARGUMENTS and not named
