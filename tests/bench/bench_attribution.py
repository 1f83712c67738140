"""What it costs to find out who calls without a token: `python -m tests.bench.bench_attribution`.

Beside this machine's own processes there are as many others as a desktop has, with as many descriptors. A client, the
child of a shell that is the child of an agent, connects again and again; each time it is identified as the daemon does
it. `first` is a client that has never called, `again` one that has; `stall` is by how much the event loop was late
meanwhile. psutil's own table of connections is there for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from tests.support.family import named
from tokenguard import platforms
from tokenguard.agents import Agents
from tokenguard.attribution.callers import identify
from tokenguard.attribution.naming import Marks, likely_names
from tokenguard.guard.sessions import Sessions
from tokenguard.guard.unwrapped import Unwrapped
from tokenguard.ledger import Ledger

ROUNDS = 200
CONNECTS = "import socket, sys; held = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); sys.stdin.read()"


@contextmanager
def crowd(folder: Path, name: str, processes: int, descriptors: int) -> Generator[None]:
    """So many idle processes of that name, each with so many sockets open."""
    program = Path(shutil.copy(shutil.which("cat") or "/bin/cat", folder / name))
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.socket()).fileno() for _ in range(descriptors - 3)]
        for _ in range(processes):
            child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=sockets)
            open_ones.callback(child.wait)
            assert child.stdin
            open_ones.callback(child.stdin.close)
        yield


@contextmanager
def client(folder: Path) -> Generator[tuple[tuple[str, int], tuple[str, int], int]]:
    """Both ends of the connection of an agent's grandchild, and its pid."""
    shell = ["sh", "-c", '"$@"; true', "sh"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [*named(folder, "claude"), *shell, sys.executable, "-c", CONNECTS, str(listener.getsockname()[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, cwd=folder) as child:
            server, _ = listener.accept()
            with server:
                own, peer = server.getsockname(), server.getpeername()
                pid = platforms.peer_pid(own, peer)
                assert pid is not None and child.stdin
                yield own, peer, pid
            child.stdin.close()


def timed(action: Callable[[], object], rounds: int = ROUNDS) -> str:
    """CPU: median and 99th percentile, in milliseconds."""
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.thread_time()
        action()
        taken.append((time.thread_time() - begun) * 1_000)
    return told(taken)


def told(taken: list[float]) -> str:
    return f"{statistics.median(taken):6.2f} ms   99 of 100: {sorted(taken)[len(taken) * 99 // 100]:6.2f} ms"


async def as_the_daemon(own: tuple[str, int], peer: tuple[str, int], folder: Path) -> None:
    ledger = Ledger.open(folder / "ledger.db")
    sessions = Sessions(ledger, lambda: time.time_ns() // 1_000)
    late: list[float] = []

    async def watch() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append((time.perf_counter() - begun) * 1_000 - 1)

    watching = asyncio.get_running_loop().create_task(watch())
    taken: dict[str, list[float]] = {"first": [], "again": []}
    cpu = time.process_time()
    for _ in range(ROUNDS):
        unwrapped = Unwrapped(sessions, lambda live: None)
        unwrapped.know(Agents().all)
        for found in taken.values():
            begun = time.perf_counter()
            session = (await unwrapped.client(own, peer))(None)
            found.append((time.perf_counter() - begun) * 1_000)
            assert session.agent == "claude"
    cpu = (time.process_time() - cpu) * 1_000 / ROUNDS / 2
    watching.cancel()
    for kind, found in taken.items():
        print(f"  a connection, {kind} (elapsed)     {told(found)}")
    print(f"  CPU of a connection, on average   {cpu:6.2f} ms")
    print(f"  stall of the event loop (elapsed) {told(late)}")
    await ledger.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=300)
    parser.add_argument("--descriptors", type=int, default=40)
    options = parser.parse_args()
    known = {name: Marks(agent.COMMANDS, agent.PROGRAMS) for name, agent in Agents().all.items()}
    first = likely_names(known)
    for processes, name in ((0, "cat"), (options.processes, "cat"), (options.processes, "node")):
        with tempfile.TemporaryDirectory() as temporary, client(folder := Path(temporary)) as (own, peer, pid):
            # Started after the client, they are looked at before it: the worst that the order can do.
            with crowd(folder, name, processes, options.descriptors):
                print(f"{processes} processes more, called {name}, of {options.descriptors} descriptors each:")
                asyncio.run(as_the_daemon(own, peer, folder))
                print(f"  its process, first                {timed(lambda: platforms.peer_pid(own, peer, (), first))}")
                print(f"  its process, again                {timed(lambda: platforms.peer_pid(own, peer, (pid,)))}")
                print(f"  its agent and its place           {timed(lambda: identify(pid, known))}")
                print(f"  psutil.net_connections            {timed(lambda: psutil.net_connections('tcp'), 20)}")


if __name__ == "__main__":
    main()
