"""The TCP port of the data path, on loopback only."""

from __future__ import annotations

import errno
import socket
from collections.abc import MutableMapping
from pathlib import Path

from tokenguard.errors import DaemonError
from tokenguard.platforms import systemd

BACKLOG = 512


def listen(port: int, env: MutableMapping[str, str], config_file: Path, earlier_port: int | None) -> socket.socket:
    """A listening socket: the one that systemd opened for us, or a new one at `port`.

    With port 0 it is at `earlier_port`, where agents still expect a daemon that died, or else at any free one.
    Raises `DaemonError` if the port is taken.
    """
    inherited = systemd.inherited_socket(env)
    if inherited is not None:
        return inherited
    if port == 0 and earlier_port is not None:
        try:
            return _bound(earlier_port)
        except OSError:
            pass  # somebody was quicker; those agents have to be started again
    try:
        return _bound(port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise DaemonError(
            f"port {port} {'is in use by another program' if taken else f'cannot be used: {error.strerror}'}",
            f"free it, or set another port in [daemon] of {config_file}",
        ) from error


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
