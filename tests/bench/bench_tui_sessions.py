"""The dashboard over a ledger of many sessions, and while hundreds of them run, beside a real daemon.

python -m tests.bench.bench_tui_sessions [--ended N] [--live N] [--runs N]     10,000, 300; each key N times (9)

It draws on a terminal of 120 x 40.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from msgspec.structs import replace

from tests.bench.bench_ledger import call, settlement
from tests.bench.bench_tui import Screen, say
from tokenguard import client
from tokenguard.client import Daemon
from tokenguard.config.paths import Paths
from tokenguard.ledger import Ledger
from tokenguard.records import Amount, Session

CALLS = 3
"""Of each session that has ended."""
KEYS = {
    "to the last row, and to the first": ((b"G", b"task-last"), (b"g", b"task-first")),
    "another order": ((b"o", b"dearest"), (b"o", b"latest"), (b"o", b"repository"), (b"o", b"oldest")),
    "the screen of models, and back": ((b"2", b"week"), (b"1", b"task-first")),
}


async def fill(path: Path, count: int) -> None:
    """Sessions of the last month that have ended, each with a few calls."""
    rng, ledger = random.Random(1), Ledger.open(path)
    each_us = 30 * 86_400_000_000 // count
    begin_us = time.time_ns() // 1_000 - count * each_us
    for number in range(count):
        began_us, ident = begin_us + number * each_us, f"ended-{number}"
        known = Session(ident, "claude", began_us, repo="/src/web")
        ledger.open_session(known, hashlib.sha256(ident.encode()).digest())
        for turn in range(CALLS):
            of = replace(call(number * CALLS + turn + 1, began_us + turn * 1_000_000, rng), session=ident)
            await ledger.reserve(of, Amount(1, 1, 1))
            ledger.settle(settlement(of, rng))
        ledger.end_session(ident, began_us + 60_000_000, 0)
    await ledger.close()


def begin(daemon: Daemon, folder: Path, count: int) -> None:
    """Sessions that run. (When they began is told in seconds, and by that they are ordered.)"""
    for number in range(count):
        last = number == count - 1
        if number == 1 or last:
            time.sleep(1.1)
        task = "task-first" if number == 0 else "task-last" if last else f"task-{number}"
        daemon.post("/v1/sessions", {"agent": "claude", "cwd": str(folder), "task": task, "pid": os.getpid()})


def status(daemon: Daemon, pid: int, runs: int) -> tuple[float, int]:
    """How long the daemon computes to tell it, in ms, and how many bytes that is."""
    took: list[float] = []
    told: object = None
    for _ in range(runs):
        before = cpu_ms(pid)
        told = daemon.get("/v1/status")
        took.append(cpu_ms(pid) - before)
    return statistics.median(took), len(json.dumps(told))


def cpu_ms(pid: int) -> float:
    """CPU of the first thread of a process."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def pressed(screen: Screen, runs: int) -> None:
    """What a key costs until it shows."""
    for what, keys in KEYS.items():
        took: list[float] = []
        cpu: list[float] = []
        for key, text in keys * runs:
            before = screen.drawing_ms()
            took.append(screen.answers_ms(key, text))
            cpu.append(screen.drawing_ms() - before)
        say(what, max(took), "ms", f"at worst, <= 100; CPU {statistics.median(cpu):.0f} ms, at worst {max(cpu):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="The dashboard over many sessions.")
    parser.add_argument("--ended", type=int, default=10_000)
    parser.add_argument("--live", type=int, default=300)
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        home = Path(folder)
        paths = Paths(home, home)
        (home / "config.toml").write_text("[daemon]\nport = 0\n")
        asyncio.run(fill(paths.ledger, asked.ended))
        env = {**os.environ, "HOME": folder, "TOKENGUARD_HOME": folder}
        tokenguard = [sys.executable, "-m", "tokenguard", "daemon"]
        subprocess.run([*tokenguard, "start"], env=env, check=True, stdout=subprocess.DEVNULL)
        try:
            daemon = client.find(paths)
            assert daemon is not None
            took, _ = status(daemon, daemon.pid, asked.runs)
            say(f"status, CPU of the daemon, {asked.ended:,} have ended", took, "ms", "no goal")
            begin(daemon, home, asked.live)
            took, size = status(daemon, daemon.pid, asked.runs)
            say(f"... and {asked.live} run", took, "ms", f"{size / 1_000:.0f} kB")
            screen = Screen(home)
            shown_ms = screen.shows(b"task-first") * 1_000
            say("from its start until they are shown", shown_ms, "ms", f"<= 900; CPU {screen.drawing_ms():.0f} ms")
            time.sleep(3)
            before = screen.cpu()
            time.sleep(10)
            say("CPU at rest", (screen.cpu() - before) * 10, "%", "<= 1")
            pressed(screen, asked.runs)
            say("resident memory", screen.process.memory_info().rss / 1e6, "MB", "<= 90")
            screen.close()
        finally:
            subprocess.run([*tokenguard, "stop", "--now"], env=env, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
