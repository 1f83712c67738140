"""A provider whose streams end when the test says so."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

FIRST = (
    b'event: message_start\ndata: {"type": "message_start", "message": {"id": "msg_1", "type": "message", '
    b'"content": [], "role": "assistant", "model": "claude-opus-5-5", '
    b'"usage": {"input_tokens": 10, "output_tokens": 1}}}\n\n'
)
REST = (
    b'event: message_delta\ndata: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, '
    b'"usage": {"output_tokens": 5}}\n\n'
    b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
)


class Upstream:
    """Answers every request with `FIRST`, and with `REST` once `finish` is set."""

    def __init__(self) -> None:
        self.finish = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def settings(self) -> str:
        """For `config.toml`."""
        return f'[providers.anthropic]\nbase_url = "http://127.0.0.1:{self._listener.getsockname()[1]}"'

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._serve, args=[connection]))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(_HEAD + FIRST)
            self.finish.wait()
            connection.sendall(REST)


class Stream:
    """A client's streaming call through the daemon, after its first bytes have come."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        body: dict[str, object] = {"model": "claude-opus-5-5", "max_tokens": 100, "stream": True, "messages": []}
        self._connection.request("POST", f"/s/{token}/anthropic/v1/messages", json.dumps(body))
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.first = self._answer.read1()

    def rest(self) -> bytes:
        """What comes until the stream ends; raises if it is broken off."""
        try:
            return self._answer.read()
        finally:
            self._connection.close()
