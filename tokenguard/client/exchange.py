"""One HTTP exchange on a unix socket, by hand: importing http.client would cost more than the whole exchange.

The requests are HTTP/1.0, so that the answer is neither chunked nor followed by another one.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import BinaryIO, cast

from tokenguard.errors import DaemonError


class NotRunningError(DaemonError):
    """Nobody listens on the socket, or not any more."""

    def __init__(self) -> None:
        super().__init__("the daemon is not running", "start it with: tokenguard daemon start")


class SilentError(DaemonError):
    """Somebody listens, and does not answer in time."""

    def __init__(self) -> None:
        super().__init__("the daemon does not answer", "see: tokenguard daemon logs")


class Exchange:
    """A request that was sent, and its answer as it comes. `status` is there at once, the body is read on demand."""

    def __init__(self, path: Path, method: str, target: str, body: bytes = b"", timeout: float | None = 30) -> None:
        """Raises `NotRunningError`, `SilentError` after `timeout` seconds, `DaemonError` for what is no answer."""
        head = f"{method} {target} HTTP/1.0\r\nHost: tokenguard\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket = socket.socket(socket.AF_UNIX)
        self._file = cast(BinaryIO, self._socket.makefile("rb"))
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
            self._socket.sendall(head.encode("ascii") + body)
            self.status, self._length = _read_head(self._file)
        except OSError as error:
            self.close()
            raise _translated(error) from error
        except BaseException:
            self.close()
            raise

    def body(self) -> bytes:
        """The whole body. Raises `DaemonError` if it does not come."""
        try:
            body = self._file.read() if self._length is None else self._file.read(self._length)
        except OSError as error:
            raise _translated(error) from error
        if self._length is not None and len(body) < self._length:
            raise DaemonError("the daemon ended in the middle of an answer", "see: tokenguard daemon logs")
        return body

    def line(self) -> bytes:
        """The next line of the body; empty at its end, however that came about. Raises `TimeoutError`."""
        try:
            return self._file.readline()
        except ConnectionError:
            return b""

    def wait(self, timeout: float | None) -> None:
        """How long reading may take from now on, in seconds; None is for ever."""
        self._socket.settimeout(timeout)

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


def _read_head(file: BinaryIO) -> tuple[int, int | None]:
    """Status and content length of an answer."""
    line = file.readline(1024)
    if not line:
        raise NotRunningError
    words = line.split(maxsplit=2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise DaemonError("the daemon did not answer the request", "see: tokenguard daemon logs")
    length = None
    while (line := file.readline(65536)).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(words[1]), length


def _translated(error: OSError) -> DaemonError:
    # A reset is a daemon that is closing its door.
    if isinstance(error, FileNotFoundError | NotADirectoryError | ConnectionError):
        return NotRunningError()
    if isinstance(error, TimeoutError):
        return SilentError()
    return DaemonError(f"the daemon cannot be reached: {error.strerror or error}", "see: tokenguard daemon logs")
