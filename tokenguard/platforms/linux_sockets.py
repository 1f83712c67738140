"""Linux: who owns a socket, asked of the kernel, and which process has it among its descriptors."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

_AF_NETLINK = 16
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_NO_COOKIE = b"\xff" * 8
"""Numbers of linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h; Python names them on Linux only."""

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_SOCKET_ID = struct.Struct("!HH16s16s4x8s")
_ANSWER = struct.Struct("=BBxx")
_OWNER = struct.Struct("=12xII")
_ALL_STATES = 0xFFFFFFFF
_LISTEN = 10

_PROC = Path("/proc")
_LAST = 2
"""Descriptors of a process that are looked at before all of them are."""


class Owner(NamedTuple):
    """Of a socket."""

    uid: int
    inode: int


def owner_of(local: tuple[str, int], peer: tuple[str, int]) -> Owner | None:
    """Of the socket at the other end: one exact query to the kernel, the tables of /proc where that is not allowed."""
    ours, theirs = packed(local[0]), packed(peer[0])
    try:
        return _ask_kernel(theirs, peer[1], ours, local[1])
    except OSError:
        return read_tables(theirs, peer[1], ours, local[1])


def packed(host: str) -> bytes:
    """4 bytes for an IPv4 address, also for one that is written as IPv6 (`::ffff:127.0.0.1`); else 16."""
    import socket  # here: commands that need no connection do not wait for its import

    plain = host.removeprefix("::ffff:")
    return socket.inet_pton(socket.AF_INET6 if ":" in plain else socket.AF_INET, plain)


def _ask_kernel(source: bytes, source_port: int, target: bytes, target_port: int) -> Owner | None:
    """Owner of the socket with these addresses (sock_diag(7)). Raises `OSError` if the kernel is not to be asked.

    A query for IPv4 addresses finds a socket of either family.
    """
    import socket

    family = socket.AF_INET if len(source) == 4 else socket.AF_INET6
    wanted = _SOCKET_ID.pack(source_port, target_port, source, target, _NO_COOKIE)
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ALL_STATES) + wanted
    header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
    with socket.socket(_AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.sendto(header + body, (0, 0))
        answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None  # an error message: there is no such socket
    _, state = _ANSWER.unpack_from(answer, _HEADER.size)
    uid, inode = _OWNER.unpack_from(answer, _HEADER.size + _ANSWER.size + _SOCKET_ID.size)
    # Without a connection the kernel answers with whoever listens at that address; a socket that its process has
    # closed has no inode, and its user reads as root.
    return Owner(uid, inode) if inode and state != _LISTEN else None


def read_tables(source: bytes, source_port: int, target: bytes, target_port: int) -> Owner | None:
    """The same from /proc/net/tcp and tcp6 (proc_net_tcp in the kernel's documentation)."""
    mapped = b"\0" * 10 + b"\xff\xff"
    for table, prefix in (("tcp", b""), ("tcp6", mapped if len(source) == 4 else b"")):
        wanted = [_written(prefix + source, source_port), _written(prefix + target, target_port)]
        try:
            lines = (_PROC / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for columns in map(str.split, lines):
            if columns[1:3] == wanted and columns[9] != "0":
                return Owner(int(columns[7]), int(columns[9]))
    return None


def _written(address: bytes, port: int) -> str:
    """An address as those tables write it: each 32-bit word in the machine's byte order."""
    words = (address[at : at + 4] for at in range(0, len(address), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words) + f":{port:04X}"


def holders(guesses: tuple[int, ...], first: Callable[[str], bool], socket_name: str) -> Iterator[int]:
    """Processes that have a socket open: the guesses, then those with names that come first, then all others.

    A name costs as much as one descriptor, and a desktop's processes have thousands of them: of those that come first,
    the latest descriptors are looked at before any process is looked through. Of equals, the largest numbers go first:
    who calls has often just begun. We ourselves come last, with as many sockets as there are connections.
    """
    yield from (pid for pid in guesses if _holds(pid, socket_name))
    pids = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    others = sorted((pid for pid in pids if pid not in guesses), key=lambda pid: (pid == os.getpid(), -pid))
    named = [pid for pid in others if first(_name(pid))]
    yield from (pid for pid in named if _opened_lately(pid, socket_name))
    yield from (pid for pid in dict.fromkeys((*named, *others)) if _holds(pid, socket_name))


def _name(pid: int) -> str:
    """The first 15 bytes of the name of a process's program, or of what it calls its main thread."""
    try:
        comm = os.open(f"/proc/{pid}/comm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(comm, 64).decode("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""
    finally:
        os.close(comm)


def _holds(pid: int, socket_name: str) -> bool:
    """Whether a process has a socket open. That of another user is not to be seen."""
    try:
        folder = os.open(f"/proc/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return any(_is(folder, descriptor, socket_name) for descriptor in reversed(os.listdir(folder)))
    except OSError:
        return False
    finally:
        os.close(folder)


def _opened_lately(pid: int, socket_name: str) -> bool:
    """Whether one of a process's last descriptors is a socket, by how many it has: Linux tells that since 6.2."""
    descriptors = f"/proc/{pid}/fd"
    try:
        count = os.stat(descriptors).st_size
    except OSError:
        return False
    return any(_leads(f"{descriptors}/{count - back}", socket_name) for back in range(1, min(_LAST, count) + 1))


def _leads(descriptor: str, socket_name: str) -> bool:
    try:
        return os.readlink(descriptor) == socket_name
    except OSError:
        return False


def _is(folder: int, descriptor: str, socket_name: str) -> bool:
    try:
        return os.readlink(descriptor, dir_fd=folder) == socket_name
    except OSError:
        return False  # closed meanwhile
