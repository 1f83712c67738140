"""What really goes over the wires: between agent and tokenguard, and between tokenguard and provider."""

from __future__ import annotations

import http.client
import io
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_OF_ONE_CONNECTION = ("connection", "keep-alive", "transfer-encoding", "sec-websocket-accept")

_SHIM = """\
import os, pathlib, re, shutil, sys
here = os.path.dirname(os.path.abspath(__file__))
path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != here)
files = [file for file in pathlib.Path({runs!r}).rglob("*") if file.is_file() and not file.is_symlink()]
texts = {{file: file.read_text() for file in files}}
given = [*sys.argv[1:], *os.environ.values(), *texts.values()]
port = next(found[1] for text in given if (found := re.search(r"127\\.0\\.0\\.1:(\\d+)/s/", text)))
pathlib.Path({target!r}).write_text(port)
tapped = lambda text: text.replace("127.0.0.1:" + port + "/s/", "127.0.0.1:{port}/s/")
for file, text in texts.items():
    file.write_text(tapped(text))
env = {{name: tapped(value) for name, value in os.environ.items()}} | {{"PATH": path}}
name = os.path.basename(sys.argv[0])
os.execve(shutil.which(name, path=path), [name, *map(tapped, sys.argv[1:])], env)
"""


class Answer(NamedTuple):
    """An answer as it came over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """In order, names in lower case; without those that belong to one connection."""
    body: bytes
    """Of a WebSocket: its messages from the provider, a line each."""


class Tap:
    """Passes connections on, and keeps what comes back."""

    def __init__(self, target: Callable[[], int]) -> None:
        """`target` is asked for the port at each connection."""
        self._target = target
        self._kept: list[_Kept] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: set[socket.socket] = {self._listener}
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def answers(self) -> list[Answer]:
        """All that are complete, of one connection after the other."""
        return [answer for kept in self._kept for answer in _answers(kept)]

    def received(self) -> int:
        """How many bytes have come back."""
        return sum(len(kept.got) for kept in self._kept)

    def close(self) -> None:
        """Break off what is open."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with self._listener, suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                kept = _Kept()
                self._kept.append(kept)
                self._threads.append(threading.Thread(target=self._serve, args=(client, kept)))
                self._threads[-1].start()

    def _serve(self, client: socket.socket, kept: _Kept) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target())) as upstream:
            self._open |= {client, upstream}
            back = threading.Thread(target=_pump, args=(upstream, client, kept.got))
            back.start()
            _pump(client, upstream, kept.sent)
            back.join()
            self._open -= {client, upstream}


def in_front(command: str, folder: Path, runs: Path) -> Tap:
    """Put a command into `folder` that starts the real one of that name, with this tap in place of tokenguard.

    `runs` is where tokenguard keeps the private folders of its runs.
    """
    target = folder / "port"
    tap = Tap(lambda: int(target.read_text()))
    folder.mkdir(parents=True)
    script = folder / command
    body = _SHIM.format(runs=str(runs), target=str(target), port=tap.port)
    script.write_text(f"#!{sys.executable} -S\n{body}")
    script.chmod(0o755)
    return tap


class _Kept:
    """Both directions of a connection."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.got = bytearray()


class _Spoken(io.BytesIO):
    """Bytes in the place of a socket, which stay open from one answer to the next."""

    def makefile(self, mode: str) -> _Spoken:
        return self

    def close(self) -> None:
        return None


def _pump(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            kept += data
            sink.sendall(data)
    # Either end may close while the other still talks; a connection that is broken off is broken off for both.
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _answers(kept: _Kept) -> Iterator[Answer]:
    got = _Spoken(bytes(kept.got))
    while got.tell() < len(got.getvalue()):
        response = http.client.HTTPResponse(got)  # type: ignore[arg-type]  # of a socket it asks for `makefile` only
        try:
            response.begin()
            body = b"\n".join(_messages(got)) if response.status == 101 else response.read()
        except (http.client.HTTPException, ValueError):
            return
        headers = ((name.lower(), value) for name, value in response.getheaders())
        yield Answer(response.status, tuple(one for one in headers if one[0] not in _OF_ONE_CONNECTION), body)


def _messages(got: io.BytesIO) -> Iterator[bytes]:
    """The data of the frames of a WebSocket, up to one that is not complete (RFC 6455, 5.2); they are not masked."""
    while len(head := got.read(2)) == 2:
        opcode, size = head[0] & 15, head[1]
        assert head[0] & 64 == 0 and size < 128, "compressed or masked"
        if size > 125:
            size = struct.unpack(">Q", got.read(8))[0] if size == 127 else struct.unpack(">H", got.read(2))[0]
        data = got.read(size)
        if opcode in (1, 2) and len(data) == size:
            yield data
