"""Sets up the log of each process of the server, and its form."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from server.errors import SettingsError
from server.observing.log_lines import LOG_FORMS, TextLines


class _Log:
    """Standard error; a log that cannot be written, as on a full disk, ends no thread."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str, form: str = "") -> None:
    """Log to standard error: as ``form`` says, else text on a terminal and JSON elsewhere.

    Raises SettingsError.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise SettingsError(
            f"the log level is {level!r}", next_step="Use debug, info, warning or error"
        )
    # It logs every malformed form, in lines that are not JSON.
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # The values of variables are left out: there are tokens and licence keys among them.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
    ]
    structlog.configure(
        processors=[*processors, _renderer(form)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Log())),
        cache_logger_on_first_use=True,
    )


def _renderer(form: str) -> Any:
    if form not in LOG_FORMS:
        raise SettingsError(
            f"the log format is {form!r}", next_step="Use text or json, or leave it out"
        )
    if form == "json" or (not form and not sys.stderr.isatty()):
        return structlog.processors.JSONRenderer()
    return TextLines(coloured=sys.stderr.isatty() and not os.environ.get("NO_COLOR"))
