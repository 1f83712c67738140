"""Nothing but loopback: a network of our own where the system lets us, and a proxy that notes who wants to leave."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
"""linux/sched.h, linux/sockios.h and linux/if.h"""


def leave_the_network() -> bool:
    """Move this process, and all that it starts from now on, into a network that has only loopback.

    False where the system does not allow that.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or ctypes.CDLL(None).unshare(_CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))
    return True


def said_on_loopback() -> int | None:
    """How many bytes were said over TCP in the network of this thread; None where it is not one of our own.

    A segment that says nothing, such as an acknowledgement, has 52 bytes.
    """
    try:
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
    except OSError:
        return None
    devices = {name.strip(): counts.split() for name, _, counts in (line.partition(":") for line in lines)}
    if set(devices) != {"lo"}:
        return None
    received, packets = devices["lo"][:2]
    return int(received) - 52 * int(packets)


class Gate:
    """A proxy through which nobody gets; it notes the hosts that were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def variables(self) -> dict[str, str]:
        """The environment that sends programs here."""
        url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        return {name: url for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError, IndexError):
                    # `CONNECT host:443 HTTP/1.1` or `GET http://host/path HTTP/1.1`
                    self.asked.append(connection.recv(65536).split(b" ")[1].decode())
                    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
