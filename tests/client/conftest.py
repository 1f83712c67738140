from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.gated import Upstream
from tests.support.home import Home
from tokenguard.config.paths import Paths
from tokenguard.platforms import socket_path


class Fake:
    """Something on a daemon's socket that answers each connection with the next of its replies, then with the last."""

    def __init__(self, path: Path, *replies: bytes, hold: bool = False) -> None:
        self.requests: list[bytes] = []
        self._replies = list(replies)
        self._hold = hold
        self._held: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.requests.append(connection.recv(65536))
                with suppress(OSError):
                    connection.sendall(self._replies.pop(0) if len(self._replies) > 1 else self._replies[0])
                if self._hold:
                    self._held.append(connection)
                else:
                    connection.close()

    def hang_up(self) -> None:
        """Answer nobody any more."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up on everybody."""
        with suppress(OSError):  # it may have hung up before
            self.hang_up()
        self._thread.join()
        self._listener.close()
        for connection in self._held:
            connection.close()


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    folder = tmp_path / "fake"
    folder.mkdir(mode=0o700)
    elsewhere = socket_path(folder).parent
    elsewhere.mkdir(mode=0o700, exist_ok=True)
    yield Paths(folder, folder)
    if elsewhere != folder:
        shutil.rmtree(elsewhere)


@pytest.fixture
def fake(paths: Paths) -> Iterator[Callable[..., Fake]]:
    """Starts one at the daemon's socket."""
    started: list[Fake] = []

    def start(*replies: bytes, hold: bool = False) -> Fake:
        started.append(Fake(socket_path(paths.state_dir), *replies, hold=hold))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    made.clean_up()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made
