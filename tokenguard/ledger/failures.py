"""Errors of sqlite3 and of the file system as `LedgerError`: what happened, and what a person can do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tokenguard.errors import LedgerError

_HINTS = {
    sqlite3.SQLITE_FULL: "free some disk space",
    sqlite3.SQLITE_IOERR: "check the disk and free some space",
    sqlite3.SQLITE_BUSY: "close the other program that writes it",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "check that its folder exists and is writable",
    sqlite3.SQLITE_CORRUPT: "restart the daemon: it sets the file aside and begins a new one",
    sqlite3.SQLITE_NOTADB: "restart the daemon: it sets the file aside and begins a new one",
}
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_OUTAGES = {*_HINTS, *_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_PROTOCOL}


def _code(error: BaseException) -> int:
    # The low byte is the primary code; the rest says which variety.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_corrupt(error: BaseException) -> bool:
    """Whether the error says that the file is not, or no longer, a sound database."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_locked(error: BaseException) -> bool:
    """Whether the error says that another program holds the file."""
    return _code(error) in _LOCKED


def is_outage(error: BaseException) -> bool:
    """Whether the error is the file's or the disk's, and not that of what was to be written."""
    return _code(error) in _OUTAGES or isinstance(error, OSError)


def ledger_error(doing: str, error: Exception) -> LedgerError:
    """The error as `the ledger cannot be DOING: why`, with a remedy where one is known."""
    if isinstance(error, OSError):
        return LedgerError(f"the ledger cannot be {doing}: {error.strerror}", _HINTS[sqlite3.SQLITE_CANTOPEN])
    return LedgerError(f"the ledger cannot be {doing}: {error}", _HINTS.get(_code(error), ""))


def marker(path: Path) -> Path:
    """The file that stands for the suspicion against a ledger."""
    return path.with_name(f"{path.name}-suspect")


def suspect(path: Path) -> None:
    """Note that a ledger proved wrong in use: its next opening checks all of it, not only what it touches."""
    with suppress(OSError):
        marker(path).touch(mode=0o600)


def trust(path: Path) -> None:
    """Lift the suspicion against a ledger, all of which was checked. Raises `LedgerError`."""
    noted = marker(path)
    try:
        noted.unlink(missing_ok=True)
    except OSError as error:
        raise LedgerError(f"{noted} cannot be deleted: {error.strerror}", "delete it yourself") from error


@contextmanager
def closed_on_error(conn: sqlite3.Connection) -> Generator[None]:
    """Closes the connection if its body raises: whoever would close it later is not told of it."""
    try:
        yield
    except BaseException:
        conn.close()
        raise


@contextmanager
def translated(doing: str) -> Generator[None]:
    """Raises sqlite3's errors in its body as `LedgerError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise ledger_error(doing, error) from error
