"""The port of the data path."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tokenguard.daemon.listening import listen
from tokenguard.errors import DaemonError

FILE = Path("/home/u/config.toml")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_the_wanted_one_on_loopback() -> None:
    port = free_port()
    with listen(port, {}, FILE, None) as listener:
        assert listener.getsockname() == ("127.0.0.1", port)
        assert not listener.get_inheritable()
        socket.create_connection(("127.0.0.1", port)).close()


def test_any_one() -> None:
    with listen(0, {}, FILE, None) as one, listen(0, {}, FILE, None) as other:
        assert one.getsockname()[1] != other.getsockname()[1]


def test_that_of_the_daemon_before() -> None:
    port = free_port()
    with listen(0, {}, FILE, port) as listener:
        assert listener.getsockname()[1] == port


def test_a_fixed_one_is_not_that_of_the_daemon_before() -> None:
    port = free_port()
    with listen(port, {}, FILE, free_port()) as listener:
        assert listener.getsockname()[1] == port


def test_that_of_the_daemon_before_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with listen(0, {}, FILE, port) as listener:
            assert listener.getsockname()[1] not in (0, port)


def test_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(DaemonError) as raised:
            listen(port, {}, FILE, None)
    assert str(raised.value) == (
        f"port {port} is in use by another program; free it, or set another port in [daemon] of /home/u/config.toml"
    )


def test_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbid)
    with pytest.raises(DaemonError, match="port 80 cannot be used: Permission denied"):
        listen(80, {}, FILE, None)
