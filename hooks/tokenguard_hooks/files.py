"""Files in folders of the user's: put there as a whole, and never over anything that was not looked at."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tokenguard.errors import TokenguardError


def is_there(file: Path) -> bool:
    """Whether there is something of this name; a link that leads nowhere is something."""
    return os.path.lexists(file)


def read(file: Path) -> bytes | None:
    """What a file holds; None if there is none, or nothing that can be read."""
    try:
        return file.read_bytes()
    except OSError:
        return None


def same(file: Path, other: Path) -> bool:
    """Whether two names are of one file."""
    try:
        return os.path.samestat(file.lstat(), other.lstat())
    except OSError:
        return False


def put(file: Path, data: bytes, mode: int) -> bool:
    """Let a file hold this; whether it did not before. Whoever reads it sees all of the one or of the other.

    Raises `TokenguardError`.
    """
    with told(file):
        if read(file) == data and not file.is_symlink() and file.stat().st_mode & 0o777 == mode:
            return False
        new = file.with_name(f".{file.name}.{secrets.token_hex(4)}.tmp")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with open(os.open(new, flags, 0o600), "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            new.replace(file)
        finally:
            with suppress(OSError):
                new.unlink()
    return True


def give_second_name(file: Path, name: Path) -> None:
    """Let a file, or a link as such, be there under another name as well, which must be free.

    Where the file system knows no second names, it moves there. Raises `TokenguardError`.
    """
    with told(name):
        try:
            os.link(file, name, follow_symlinks=False)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):  # the latter where links themselves can have no second name
            if is_there(name):
                raise
            file.rename(name)


@contextmanager
def told(file: Path) -> Generator[None]:
    """What the system says against it, with the name of the file. Raises `TokenguardError`."""
    try:
        yield
    except OSError as error:
        raise TokenguardError(
            f"{file}: {error.strerror or error}", "check the permissions of the file and of its folder"
        ) from error
