"""Which process is at the other end of a connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import pytest

from tokenguard import platforms
from tokenguard.platforms import linux, linux_sockets, macos

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")

_SCRIPT = """
import os, socket, sys
{before}
held = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
{after}
print("ready", flush=True)
sys.stdin.read()
"""
MANY_AFTER = _SCRIPT.format(before="", after="more = [os.dup(0) for _ in range(20)]")
GAPS = _SCRIPT.format(before="os.dup2(0, 200)", after="os.dup2(0, 300)")
CONNECTS = _SCRIPT.format(before="", after="")

Ends = tuple[tuple[str, int], tuple[str, int]]
Finder = Callable[[tuple[str, int], tuple[str, int], Iterable[int], Callable[[str], bool]], int | None]


def nobody(name: str) -> bool:
    """No name is looked at first."""
    return False


SYSTEMS = pytest.mark.parametrize("find", [pytest.param(linux.peer_pid, marks=on_linux), macos.peer_pid])
"""psutil looks the same everywhere, so that the one for macOS runs for real on Linux too."""


@contextmanager
def connected(command: list[str]) -> Generator[tuple[subprocess.Popen[bytes], Ends]]:
    """A child that has connected to us, and the ends of its connection as we see them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        port = str(listener.getsockname()[1])
        with subprocess.Popen([*command, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            server, _ = listener.accept()
            with server:
                yield child, (server.getsockname(), server.getpeername())
            assert child.stdin
            child.stdin.close()


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes whose descriptors are looked at, in that order."""
    looked: list[int] = []

    def noting(look: Callable[[int, str], bool]) -> Callable[[int, str], bool]:
        def noted(pid: int, name: str) -> bool:
            looked.append(pid)
            return look(pid, name)

        return noted

    for name in ("_holds", "_opened_lately"):
        monkeypatch.setattr(linux_sockets, name, noting(getattr(linux_sockets, name)))
    return looked


@SYSTEMS
def test_the_process_that_holds_the_socket_is_found(find: Finder) -> None:
    with connected([sys.executable, "-c", CONNECTS]) as (child, (local, peer)):
        assert find(local, peer, (), nobody) == child.pid
        assert find(local, peer, (os.getpid(), child.pid), nobody) == child.pid
        assert find(local, peer, (2**22 - 1,), nobody) == child.pid, "a guess may be of a process that has gone"


@SYSTEMS
def test_a_connection_of_our_own_is_ours(find: Finder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        server, _ = listener.accept()
        with server:
            assert find(server.getsockname(), server.getpeername(), (), nobody) == os.getpid()


@SYSTEMS
def test_one_that_has_gone_is_of_nobody(find: Finder) -> None:
    with connected([sys.executable, "-c", CONNECTS]) as (child, (local, peer)):
        child.kill()
        child.wait()
        assert find(local, peer, (child.pid,), nobody) is None


@on_linux
def test_the_likely_ones_are_looked_at_first(looked_at: list[int]) -> None:
    with connected([sys.executable, "-c", CONNECTS]) as (child, (local, peer)):
        assert linux.peer_pid(local, peer, (child.pid,), nobody) == child.pid
    assert looked_at == [child.pid]


@on_linux
def test_then_those_whose_names_are_likely(looked_at: list[int]) -> None:
    def named_so(name: str) -> bool:
        return name == own_name

    with connected([sys.executable, "-c", CONNECTS]) as (child, (local, peer)):
        own_name = Path(f"/proc/{child.pid}/comm").read_text().strip()
        assert linux.peer_pid(local, peer, (), named_so) == child.pid
        names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in looked_at if Path(f"/proc/{pid}").exists()}
    assert names == {own_name}


@on_linux
@pytest.mark.parametrize("script", [CONNECTS, MANY_AFTER, GAPS])
def test_wherever_among_its_descriptors_the_socket_is_it_is_found(script: str) -> None:
    with connected([sys.executable, "-c", script]) as (child, (local, peer)):
        assert child.stdout and child.stdout.readline() == b"ready\n"
        assert linux.peer_pid(local, peer, (), lambda name: True) == child.pid


@on_linux
def test_the_latest_descriptors_of_the_likely_ones_come_before_all_of_anybody_s(looked_at: list[int]) -> None:
    with connected([sys.executable, "-c", CONNECTS]) as (child, (local, peer)):
        if not os.stat(f"/proc/{child.pid}/fd").st_size:
            pytest.skip("this Linux does not tell how many descriptors a process has")
        assert linux.peer_pid(local, peer, (), lambda name: True) == child.pid
        assert len(looked_at) == len(set(looked_at)), "no process is looked at twice"


@on_linux
def test_without_the_kernel_s_own_answer_the_tables_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(linux_sockets, "_ask_kernel", forbidden)
    with connected([sys.executable, "-c", CONNECTS]) as (child, (local, peer)):
        assert linux.peer_pid(local, peer, (), nobody) == child.pid


@on_linux
def test_processes_in_a_container_see_other_files(tmp_path: Path) -> None:
    assert platforms.sees_our_files(os.getpid())
    assert not platforms.sees_our_files(2**22 - 1)
    # The first of all processes of a machine shares our files; a namespace of mounts is what containers have.
    with subprocess.Popen(["unshare", "--mount", "cat"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdin and child.stderr
        if child.poll() is not None or b"not permitted" in _first_bytes(child):
            pytest.skip("namespaces are not to be had here")
        sees = platforms.sees_our_files(child.pid)
        child.stdin.close()
    assert not sees


def _first_bytes(child: subprocess.Popen[bytes]) -> bytes:
    """What it complains about, once it runs `cat` or has failed."""
    assert child.stderr
    while child.poll() is None:
        if Path(f"/proc/{child.pid}/comm").read_text().strip() == "cat":
            return b""
    return child.stderr.read()


def test_a_system_that_is_not_known_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "aix")
    assert platforms.peer_pid(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert not platforms.sees_our_files(os.getpid())
