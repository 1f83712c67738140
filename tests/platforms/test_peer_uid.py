"""Whose process is at the other end of a connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tokenguard import platforms
from tokenguard.platforms import linux, linux_sockets, macos

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can have a process of another user")

NOBODY = 65534


class Accepted(NamedTuple):
    """Our end of a connection, and what holds it open."""

    local: tuple[str, int]
    peer: tuple[str, int]
    client: socket.socket


@pytest.fixture(params=["ipv4", "mapped"])
def accepted(request: pytest.FixtureRequest) -> Iterator[Accepted]:
    family, host = (socket.AF_INET, "127.0.0.1") if request.param == "ipv4" else (socket.AF_INET6, "::ffff:127.0.0.1")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(family) as client,
    ):
        client.connect((host, listener.getsockname()[1]))
        server, _ = listener.accept()
        with server:
            yield Accepted(server.getsockname(), server.getpeername(), client)


def uid_by_tables(local: tuple[str, int], peer: tuple[str, int]) -> int | None:
    """What `linux.peer_uid` says where the kernel is not to be asked."""
    # What `peer_uid` falls back to, the kernel's answer says as well: who asks there does not see which one it was.
    ours, theirs = (linux_sockets.packed(one[0]) for one in (local, peer))
    owner = linux_sockets.read_tables(theirs, peer[1], ours, local[1])
    return owner.uid if owner else None


@on_linux
def test_linux_knows_its_own_user(accepted: Accepted) -> None:
    assert linux.peer_uid(accepted.local, accepted.peer) == os.getuid()
    assert uid_by_tables(accepted.local, accepted.peer) == os.getuid()


@on_linux
@as_root
def test_linux_knows_another_user(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        port = listener.getsockname()[1]
        # Another user may not be able to reach this interpreter's files, but bash.
        connects = ["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}; read -r <&3"]
        with subprocess.Popen(connects, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/"):
            server, _ = listener.accept()
            with server:
                found = linux.peer_uid(server.getsockname(), server.getpeername())
                tables = uid_by_tables(server.getsockname(), server.getpeername())
    assert (found, tables) == (NOBODY, NOBODY)


@on_linux
def test_linux_says_nothing_of_a_client_that_has_closed(accepted: Accepted) -> None:
    accepted.client.close()

    assert linux.peer_uid(accepted.local, accepted.peer) is None
    assert uid_by_tables(accepted.local, accepted.peer) is None


@on_linux
def test_linux_does_not_take_a_listener_for_the_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert linux.peer_uid(("127.0.0.1", 1), listener.getsockname()) is None


@on_linux
def test_linux_falls_back_to_the_tables(accepted: Accepted, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(linux_sockets, "_ask_kernel", forbidden)

    assert linux.peer_uid(accepted.local, accepted.peer) == os.getuid()


@on_linux
def test_linux_without_tables_knows_nothing(
    accepted: Accepted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux_sockets, "_PROC", tmp_path)

    assert uid_by_tables(accepted.local, accepted.peer) is None


def test_macos_finds_its_own_processes(accepted: Accepted) -> None:
    """psutil looks the same everywhere, so that this runs for real on Linux too."""
    assert macos.peer_uid(accepted.local, accepted.peer) == os.getuid()


def test_macos_says_nothing_of_what_it_cannot_see(accepted: Accepted) -> None:
    accepted.client.close()

    assert macos.peer_uid(accepted.local, accepted.peer) is None


def test_the_system_is_chosen_by_its_name(accepted: Accepted, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(local: tuple[str, int], peer: tuple[str, int]) -> int | None:
        return 4711

    monkeypatch.setattr(macos, "peer_uid", never)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert platforms.peer_uid(accepted.local, accepted.peer) == 4711

    monkeypatch.setattr(sys, "platform", "aix")
    assert platforms.peer_uid(accepted.local, accepted.peer) is None
