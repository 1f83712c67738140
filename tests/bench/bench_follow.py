"""Agents' logs, followed: from a line that is written to its row, what that costs, and what nothing costs.

python -m tests.bench.bench_follow [--folders N] [--lines N] [--seconds N]     1000 projects, 100 lines, 60 s of rest
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from tests.bench.bench_daemon import say, wake_ups
from tests.support.waiting import until
from tokenguard import client
from tokenguard.config.paths import Paths


def write(file: Path, number: int) -> None:
    """A response of Claude Code, as it stands in its log."""
    usage = {"input_tokens": 12, "output_tokens": 300, "cache_read_input_tokens": 90_000}
    message = {"id": f"msg_{number}", "role": "assistant", "model": "claude-opus-4-5", "usage": usage}
    about = {"sessionId": file.stem, "cwd": "/src/web", "gitBranch": "main", "uuid": f"u{number}"}
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as log:
        log.write(json.dumps({"type": "assistant", "timestamp": at, "message": message, **about}) + "\n")


def _has(ledger: sqlite3.Connection, number: int) -> bool:
    return ledger.execute("SELECT 1 FROM calls WHERE log_key LIKE ?", (f"%msg_{number}",)).fetchone() is not None


def main() -> None:
    parser = argparse.ArgumentParser(description="Agents' logs, followed.")
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--lines", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        # Deep enough that what others do in the folder of temporary files is nobody's business here.
        home = Path(folder, "home", "me", "alone")
        home.mkdir(parents=True)
        projects = home / ".claude" / "projects"
        (home / "config.toml").write_text("[daemon]\nport = 0\n")
        paths, env = Paths(home, home), {"PATH": os.environ["PATH"], "HOME": str(home), "TOKENGUARD_HOME": str(home)}
        files = [projects / f"-src-{number}" / f"{number}.jsonl" for number in range(asked.folders)]
        for number, file in enumerate(files):
            write(file, number)
        daemon = client.ensure(paths, env, print)
        try:
            until(lambda: daemon.get("/v1/status")["logs"]["state"] == "following")
            process = psutil.Process(daemon.pid)

            def spent_ms() -> float:
                return sum(process.cpu_times()[:2]) * 1000

            woken, rested = wake_ups(process), spent_ms()
            time.sleep(asked.seconds)
            minutes = asked.seconds / 60
            say("wake-ups at rest", (wake_ups(process) - woken) / minutes, "a minute")
            say("CPU at rest", (spent_ms() - rested) / minutes, "ms a minute")
            took: list[float] = []
            before = spent_ms()
            with closing(sqlite3.connect(f"{paths.ledger.as_uri()}?mode=ro", uri=True)) as ledger:
                for number in range(asked.folders, asked.folders + asked.lines):
                    time.sleep(chance.uniform(0.0, 1.0))
                    began = time.perf_counter()
                    write(chance.choice(files), number)
                    until(partial(_has, ledger, number))
                    took.append((time.perf_counter() - began) * 1000)
            say("a line, median", statistics.median(took), "ms")
            say("a line, longest", max(took), "ms", "<= 1000")
            say("CPU for a line", (spent_ms() - before) / asked.lines, "ms")
            say("resident", process.memory_info().rss / 1e6, "MB", "<= 70")
            say("threads", process.num_threads(), "")
        finally:
            daemon.stop(now=True, timeout=30)


if __name__ == "__main__":
    main()
