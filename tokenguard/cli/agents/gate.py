"""A proxy through which nobody gets, and which notes the hosts that were asked for."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from urllib.parse import urlsplit

_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_PATIENCE_S = 5


class Gate:
    """A context manager; listens on loopback while it is open."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, name="gate", daemon=True).start()

    @property
    def variables(self) -> dict[str, str]:
        """The environment that sends programs here."""
        url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        return {name: url for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}

    def hosts(self) -> tuple[str, ...]:
        """Those that were asked for since it was last asked."""
        found, self._hosts = self._hosts, set()
        return tuple(sorted(found))

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._refuse, args=(connection,), daemon=True).start()

    def _refuse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, IndexError, ValueError):
            connection.settimeout(_PATIENCE_S)
            # `CONNECT host:443 HTTP/1.1` or `GET http://host/path HTTP/1.1`
            method, target = connection.recv(65536).decode("latin-1").split(" ")[:2]
            host = urlsplit(f"//{target}" if method == "CONNECT" else target).hostname
            if host:
                self._hosts.add(host)
            connection.sendall(_REFUSED)
