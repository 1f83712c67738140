"""What a call costs on its way through a proxy: CPU of the proxy's processes, and the wait that it adds.

python -m tests.bench.bench_proxy [--calls N] [--runs N] [--kilobytes N] [NAME...]
NAME: see CONTENDERS; default all of them

One connection, one call after the other: a request of 80 kB answered by a small JSON, and the same answered by a stream
of 200 events, each written on its own. Medians over the runs; the first byte is compared to a direct connection's.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.bench import other_gateways

WARM_UP = 100
WORKLOADS = {"json": False, "stream": True}
"""Name -> whether a stream is asked for."""


class Running(NamedTuple):
    """A proxy that serves."""

    pid: int
    port: int
    prefix: str = ""
    """Path before the provider's own."""

    def cpu_s(self) -> float:
        """Seconds of CPU that its processes have used."""
        process = psutil.Process(self.pid)
        times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def resident_mb(self) -> float:
        process = psutil.Process(self.pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True))) / 1e6


Contender = Callable[[int], AbstractContextManager[Running]]
"""Starts a proxy before the upstream on this port."""


@contextmanager
def python_server(name: str, upstream_port: int = 0) -> Generator[Running]:
    """One of `proxy_contenders.py`."""
    script = Path(__file__).with_name("proxy_contenders.py")
    with subprocess.Popen(
        [sys.executable, str(script), name, str(upstream_port)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield Running(process.pid, int(process.stdout.readline()))
        finally:
            process.kill()


@contextmanager
def bare_aiohttp(upstream_port: int) -> Generator[Running]:
    with python_server("bare-aiohttp", upstream_port) as running:
        yield running


@contextmanager
def data_path(upstream_port: int) -> Generator[Running]:
    with python_server("data-path", upstream_port) as running:
        yield running._replace(prefix="/s/token/anthropic")


@contextmanager
def tokenguard(upstream_port: int) -> Generator[Running]:
    """The daemon as it is, with a session and three budgets."""
    from tokenguard import client
    from tokenguard.config.paths import find_paths

    with tempfile.TemporaryDirectory() as home:
        config = f'[daemon]\nport = 0\n[providers.anthropic]\nbase_url = "http://127.0.0.1:{upstream_port}"\n'
        for scope, window in (("global", "day"), ("session", "session"), ("agent", "month")):
            config += f'[[budget]]\nname = "{scope}"\nscope = "{scope}"\nwindow = "{window}"\nlimit = "$1000000"\n'
        Path(home, "config.toml").write_text(config)
        env = {**os.environ, "HOME": home, "TOKENGUARD_HOME": home}
        daemon = client.ensure(find_paths(env), env, print)
        try:
            session = daemon.post("/v1/sessions", {"agent": "claude", "cwd": home})
            yield Running(daemon.pid, daemon.port, f"/s/{session['token']}/anthropic")
        finally:
            daemon.stop(now=True, timeout=10)


@contextmanager
def nginx(upstream_port: int) -> Generator[Running]:
    with other_gateways.nginx(upstream_port) as (pid, port):
        yield Running(pid, port)


@contextmanager
def litellm(upstream_port: int) -> Generator[Running]:
    with other_gateways.litellm(upstream_port) as (pid, port):
        yield Running(pid, port)


CONTENDERS: dict[str, Contender] = {
    "nginx": nginx,
    "bare-aiohttp": bare_aiohttp,
    "data-path": data_path,
    "tokenguard": tokenguard,
    "litellm": litellm,
}
"""`data-path` is tokenguard without guard and ledger."""


def request(prefix: str, *, stream: bool, size: int = 80_000) -> bytes:
    """A call as an agent makes it, with a body of `size` bytes."""
    start = b'{"model":"claude-sonnet-5","stream":%b,"max_tokens":8000,"messages":[{"role":"user","content":"' % (
        b"true" if stream else b"false"
    )
    words = b"Some words of a long conversation. "
    body = start + (words * (size // len(words)))[: size - len(start) - 4] + b'"}]}'
    head = (
        f"POST {prefix}/v1/messages?beta=true HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        "Content-Type: application/json\r\nUser-Agent: claude-cli/2.1.329 (external, cli)\r\nx-app: cli\r\n"
        "x-api-key: sk-ant-api03-of-nobody\r\nanthropic-version: 2023-06-01\r\nX-Stainless-Lang: js\r\n"
        "anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14\r\nX-Stainless-Retry-Count: 0\r\n"
        "x-claude-code-session-id: 00000000-0000-4000-8000-000000000000\r\nX-Stainless-Runtime: node\r\n"
        f"Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Connection:
    """A client that does as little as it can itself."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, message: bytes) -> float:
        """Seconds until the first byte of the answer, which is read to its end."""
        begun = time.perf_counter()
        self._socket.sendall(message)
        answer = self._receive()
        first = time.perf_counter() - begun
        while b"\r\n\r\n" not in answer:
            answer += self._receive()
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"not measured: {(head + body).decode(errors='replace')}")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        while len(body) < int(length) if length else not body.endswith(b"0\r\n\r\n"):
            body += self._receive()
        return first

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data:
            sys.exit("not measured: the connection was closed")
        return data

    def close(self) -> None:
        self._socket.close()


class Measured(NamedTuple):
    cpu_ms: float
    first_byte_ms: float


def measure(running: Running, *, stream: bool, calls: int, size: int) -> Measured:
    message = request(running.prefix, stream=stream, size=size)
    connection = Connection(running.port)
    for _ in range(WARM_UP):
        connection.call(message)
    before = running.cpu_s()
    waits = [connection.call(message) for _ in range(calls)]
    used = running.cpu_s() - before
    connection.close()
    return Measured(used / calls * 1e3, statistics.median(waits) * 1e3)


def medians(running: Running, *, stream: bool, calls: int, runs: int, size: int) -> Measured:
    measured = [measure(running, stream=stream, calls=calls, size=size) for _ in range(runs)]
    return Measured(*(statistics.median(column) for column in zip(*measured, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *CONTENDERS])
    parser.add_argument("--calls", type=int, default=1000, help="calls in a run (default 1000)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each workload (default 5)")
    parser.add_argument("--kilobytes", type=int, default=80, help="size of a request (default 80)")
    arguments = parser.parse_args()
    amount = {"calls": arguments.calls, "runs": arguments.runs, "size": arguments.kilobytes * 1000}
    print(f"{'':14}" + "".join(f"{name + ' CPU':>14}{'first byte':>14}" for name in WORKLOADS) + f"{'resident':>12}")
    with python_server("upstream") as upstream:
        direct = {name: medians(upstream, stream=stream, **amount) for name, stream in WORKLOADS.items()}
        print(f"{'direct':14}" + "".join(f"{'':14}{direct[name].first_byte_ms:11.2f} ms" for name in WORKLOADS))
        for contender in arguments.names or CONTENDERS:
            if contender in ("nginx", "litellm") and (missing := other_gateways.missing(contender)):
                print(f"{contender:14}not measured: {missing}")
                continue
            with CONTENDERS[contender](upstream.port) as running:
                row = f"{contender:14}"
                for name, stream in WORKLOADS.items():
                    measured = medians(running, stream=stream, **amount)
                    added = measured.first_byte_ms - direct[name].first_byte_ms
                    row += f"{measured.cpu_ms:11.2f} ms{f'+{added:.2f} ms':>14}"
                print(f"{row}{running.resident_mb():9.0f} MB", flush=True)


if __name__ == "__main__":
    main()
