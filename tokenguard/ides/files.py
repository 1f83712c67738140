"""Settings files of the user's: read and replaced with care, so that none is half written or somebody else's."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from tokenguard.errors import UsageError

_MOST_BYTES = 4 << 20


def read(file: Path) -> bytes | None:
    """What a file holds; None if there is none. Raises `UsageError` for what is not a file of the user's own."""
    try:
        found = file.stat()
    except FileNotFoundError:
        _check_folder(file.parent)
        return None
    except OSError as error:
        raise _failed(file, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise UsageError(f"{file} is not a file", "see what it is, and put a file in its place")
    if found.st_uid != os.getuid():
        raise UsageError(f"{file} belongs to another user", "run this as the user whose settings they are")
    if found.st_size > _MOST_BYTES:
        raise UsageError(f"{file} is larger than {_MOST_BYTES >> 20} MB", "no settings need as much; see what is in it")
    try:
        return file.read_bytes()
    except OSError as error:
        raise _failed(file, error) from error


def replace(file: Path, data: bytes, *, before: bytes | None, mode: int = 0o600) -> None:
    """Put `data` in place of what the file holds, all of it or nothing; a link is followed.

    A file that is there keeps its permissions; a new one gets `mode`. Raises `UsageError` if it does not hold `before`
    any more, or cannot be written.
    """
    target = Path(os.path.realpath(file))
    new = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        if before is not None:
            mode = stat.S_IMODE(target.stat().st_mode)
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            if read(file) != before:
                raise UsageError(f"{file} has just been changed by somebody else", "try again")
            new.replace(target)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise _failed(file, error) from error


def remove(file: Path) -> None:
    """Delete a file; a link is followed, and stays. Raises `UsageError` if it cannot be deleted."""
    try:
        Path(os.path.realpath(file)).unlink(missing_ok=True)
    except OSError as error:
        raise _failed(file, error) from error


def _check_folder(folder: Path) -> None:
    """A new file must not land in a folder of somebody else's."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder.stat().st_uid != os.getuid():
        raise UsageError(f"{folder} belongs to another user", "run this as the user whose settings they are")


def _failed(file: Path, error: OSError) -> UsageError:
    return UsageError(f"{file}: {error.strerror}", "check the permissions of the file and of its folder")
