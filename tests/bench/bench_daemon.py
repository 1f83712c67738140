"""The daemon at rest, as its process: memory, wake-ups, and how long it takes to begin, to answer and to end.

python -m tests.bench.bench_daemon [--seconds N] [--runs N]     N seconds of rest (60), medians of N runs (15)
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tokenguard import client
from tokenguard.config.paths import Paths


def took_ms(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def wake_ups(process: psutil.Process) -> int:
    """How often any of its threads has waited and gone on."""
    ids = [thread.id for thread in process.threads()]
    return sum(psutil.Process(number).num_ctx_switches().voluntary for number in ids)


def say(what: str, value: float, unit: str, goal: str = "") -> None:
    print(f"{what:<24} {value:8.1f} {unit}{f'   ({goal})' if goal else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description="The daemon at rest.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--runs", type=int, default=15)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        home = Path(folder)
        (home / "config.toml").write_text("[daemon]\nport = 0\n")
        paths, env = Paths(home, home), {**os.environ, "HOME": folder, "TOKENGUARD_HOME": folder}
        begins: list[float] = []
        ends: list[float] = []
        for _ in range(asked.runs):
            begins.append(took_ms(lambda: client.ensure(paths, env, print)))
            ends.append(took_ms(lambda: client.ensure(paths, env, print).stop(timeout=30)))
        daemon = client.ensure(paths, env, print)
        try:
            answers = [took_ms(lambda: daemon.get("/v1/status")) for _ in range(asked.runs * 10)]
            process = psutil.Process(daemon.pid)
            before, cpu_before = wake_ups(process), sum(process.cpu_times()[:2])
            time.sleep(asked.seconds)
            slept = 60 / asked.seconds
            say("resident", process.memory_info().rss / 1e6, "MB", "<= 70")
            say("wake-ups", (wake_ups(process) - before) * slept, "a minute", "<= 60")
            say("CPU at rest", (sum(process.cpu_times()[:2]) - cpu_before) * slept * 1000, "ms a minute")
            say("start", statistics.median(begins), "ms")
            say("end", statistics.median(ends), "ms")
            say("GET /v1/status", statistics.median(answers), "ms")
        finally:
            daemon.stop(now=True, timeout=30)


if __name__ == "__main__":
    main()
