"""The daemon's log: rotated, in UTC, and without anything that came from an agent or a provider."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from tokenguard.errors import ConfigError, TokenguardError

MAX_BYTES = 1_000_000
KEPT = 3
"""Old files beside the current one."""

_TOKEN = re.compile(r"/s/[^/\s\"']+")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_OURS = (TokenguardError, OSError, sqlite3.Error)
"""Errors whose text is about this machine. That of others may quote a request."""


class Formatter(logging.Formatter):
    """`2026-11-21T10:00:00.123Z WARNING tokenguard.proxy: text`, tracebacks without the text of foreign errors."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self.converter = time.gmtime

    def formatException(self, ei: _ExcInfo) -> str:
        """The frames of an error and of its causes, outermost last."""
        error = ei[1]
        lines: list[str] = []
        while error is not None:
            text = f": {error}" if isinstance(error, _OURS) else ""
            frames = "".join(traceback.format_tb(error.__traceback__))
            lines.insert(0, f"{frames}{type(error).__qualname__}{text}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)

    def format(self, record: logging.LogRecord) -> str:
        """The record's lines, with the token taken out of every path."""
        return _TOKEN.sub("/s/...", super().format(record))


def start(file: Path, *, foreground: bool) -> None:
    """Log to a file, and with `foreground` to stderr too. Raises `ConfigError` if the file cannot be written."""
    try:
        handlers: list[logging.Handler] = [RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=KEPT)]
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", "check the folder's permissions") from error
    if foreground:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(Formatter())
    logging.basicConfig(level=logging.INFO, handlers=handlers, force=True)
