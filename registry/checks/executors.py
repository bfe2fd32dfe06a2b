"""Check that an executor is Python that can be called as a step, without running any of it."""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from collections.abc import Iterator
from io import BytesIO

from registry.problems import Problem

_ARGUMENTS = 2  # parameters, context
_FIELDS = 2_000
_FORMATTED = re.compile(r"[rR]?[fF][rR]?['\"]")


def executor_problems(raw: bytes, file: str) -> Iterator[Problem]:
    """Yield the problems of an executor's source; never raises for bad input."""
    try:
        _refuse_large_strings(raw)
        with warnings.catch_warnings():
            # An odd escape sequence is the author's linter's business.
            warnings.simplefilter("ignore")
            module = ast.parse(raw, filename=file)
    except tokenize.TokenError as error:
        line, column = error.args[1]
        yield _syntax(file, str(error.args[0]), line, column + 1)
        return
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


def _refuse_large_strings(raw: bytes) -> None:
    """Raise SyntaxError for an f-string of more than `_FIELDS` fields.

    Before 3.12 Python reads one in quadratic time: a minute for half a megabyte. What has so many
    braces and cannot be taken apart into tokens is not Python, and is not parsed either.
    """
    if raw.count(b"{") <= _FIELDS:
        return
    for token in tokenize.tokenize(BytesIO(raw).readline):
        line, column = token.start
        if token.type == tokenize.ERRORTOKEN and not token.string.isspace():
            raise SyntaxError("invalid syntax", ("", line, column + 1, ""))
        if _FORMATTED.match(token.string) and token.string.count("{") > _FIELDS:
            reason = f"a string has more than {_FIELDS:,} fields"
            raise SyntaxError(reason, ("", line, column + 1, ""))


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
    """True if ``execute(parameters, context)`` is a call that these arguments accept."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    named = any(default is None for default in arguments.kw_defaults)
    enough = positional >= _ARGUMENTS or arguments.vararg is not None
    return enough and needed <= _ARGUMENTS and not named
