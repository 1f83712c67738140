"""How long a daemon takes to be back on a large ledger after it was killed, and how much of it the ledger takes."""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import statistics
import subprocess
import time
from pathlib import Path
from random import Random

from tests.bench.bench_ledger import call, settlement
from tests.support.home import COMMAND, Home
from tests.support.house import CATALOGUE
from tokenguard import simulator
from tokenguard.config.settings import load
from tokenguard.guard import Desk, Guard
from tokenguard.ledger import Ledger, writes
from tokenguard.ledger.opening import open_for_writing
from tokenguard.records import Amount

ROUNDS = 7
DAY_US = 86_400_000_000
OPEN = 50
"""Reservations that the dead daemon leaves."""

BUDGETS = """
[[budget]]
name = "day"
scope = "repo"
limit = "$1000000"
window = "day"

[[budget]]
name = "month"
scope = "global"
limit = "$1000000000"
window = "month"
mode = "strict"

[[budget]]
name = "total"
scope = "agent"
limit = "$1000000000"
window = "total"
"""


def fill(path: Path, calls: int) -> None:
    """A ledger of calls over the last year."""
    rng, now_us = Random(3), time.time_ns() // 1_000
    conn, _ = open_for_writing(path, "normal")
    conn.execute("BEGIN")
    for number in range(1, calls + 1):
        writes.settle(conn, settlement(call(number, now_us - 365 * DAY_US * (calls - number) // calls, rng), rng))
    conn.execute("COMMIT")
    conn.close()


def leave_open(path: Path, first: int) -> None:
    """What a dead daemon leaves: open calls, and a write-ahead log that was not moved into the file."""
    rng, now_us = Random(first), time.time_ns() // 1_000
    conn, _ = open_for_writing(path, "normal")
    for number in range(first, first + OPEN):
        conn.execute("BEGIN")
        writes.reserve(conn, call(number, now_us, rng), Amount(300_000_000, 120_000, 1), None)
        conn.execute("COMMIT")
    # Not closed: its files are copied as they are.
    copy = path.with_name("copy")
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    conn.close()
    for suffix in ("", "-wal"):
        shutil.move(f"{copy}{suffix}", f"{path}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)


def measure(calls: int, folder: Path) -> None:
    """Print it."""
    home = Home(folder / "home")
    began = time.perf_counter()
    fill(home.paths.ledger, calls)
    size = home.paths.ledger.stat().st_size / 2**20
    print(f"{calls:,} calls, {size:.0f} MiB, written in {time.perf_counter() - began:.0f} s")
    with simulator.spawn() as provider, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        home.configure(f"port = {port}", f'[providers.anthropic]\nbase_url = "{provider.url}"\n{BUDGETS}')
        parts: dict[str, list[float]] = {}
        for round_ in range(ROUNDS):
            leave_open(home.paths.ledger, calls + 1 + round_ * 1_000)
            if round_ % 2:
                _inside(home, parts)
            else:
                _outside(home, port, parts)
        # The same without a ledger: what a daemon takes to start at all.
        bare = Home(folder / "bare")
        bare.configure(f"port = {port}", f'[providers.anthropic]\nbase_url = "{provider.url}"\n{BUDGETS}')
        empty: dict[str, list[float]] = {}
        for _ in range(3):
            _outside(bare, port, empty)
    for name, times in parts.items():
        base = f"   (empty ledger {statistics.median(empty[name]) * 1e3:.0f} ms)" if name in empty else ""
        print(f"{name:64} {statistics.median(times) * 1e3:8.1f} ms, at most {max(times) * 1e3:.1f}{base}")


def _outside(home: Home, port: int, parts: dict[str, list[float]]) -> None:
    began = time.perf_counter()
    child = subprocess.Popen(COMMAND, env=home.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        while not _healthy(port):
            if child.poll() is not None:
                raise RuntimeError(f"the daemon ended: {child.communicate()!r}")
            time.sleep(0.002)
        parts.setdefault("from the start of the process to the first answer", []).append(time.perf_counter() - began)
        _call(port)
        parts.setdefault("... to the first call that was forwarded and answered", []).append(
            time.perf_counter() - began
        )
    finally:
        child.kill()
        child.communicate()


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _call(port: int) -> None:
    body = {"model": "claude-opus-5-5", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/anthropic/v1/messages", json.dumps(body), {"x-api-key": "k"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(answer.read())
    answer.read()
    connection.close()


def _inside(home: Home, parts: dict[str, list[float]]) -> None:
    async def recover() -> None:
        config = load(home.paths)
        began = time.perf_counter()
        ledger = Ledger.open(home.paths.ledger)
        opened = time.perf_counter()
        guard = Guard(ledger, CATALOGUE, config, lambda: time.time_ns() // 1_000)
        known = time.perf_counter()
        Desk(guard, ledger).status()
        ended = time.perf_counter()
        await ledger.close()
        for name, seconds in (
            ("of that: open the ledger, recovering its log", opened - began),
            ("of that: take over the open reservations", known - opened),
            ("of that: sums of the budgets in force", ended - known),
            ("the ledger's part, together", ended - began),
        ):
            parts.setdefault(name, []).append(seconds)

    asyncio.run(recover())
