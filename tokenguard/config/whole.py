"""Files of ours that are replaced as a whole: nobody ever reads half of one."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from tokenguard.errors import ConfigError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def replace(file: Path, data: bytes, *, lasting: bool = False) -> None:
    """Put a file in place that only its owner may read; with `lasting` it survives a power loss.

    Raises `ConfigError` if it cannot be written, and then it is as it was.
    """
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(data)
            if lasting:
                stream.flush()
                os.fsync(descriptor)
        temporary.chmod(0o600)
        temporary.replace(file)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        remedy = "make room on the disk" if error.errno in _FULL else "check the folder's permissions"
        raise ConfigError(f"{file} cannot be written: {error.strerror}", remedy) from error
