"""Reports on a large ledger, as whole processes: what a person waits for.

python -m tests.bench.bench_reports [--calls N] [--runs N] [--ledger PATH] [--pairs | --filters]

N calls of a year (1,000,000), made in a temporary folder that is deleted afterwards, or taken from PATH. Medians of N
runs (5) of each report: on the clock, and of CPU, which other programs of the machine blur less. With --pairs, of all
pairs of keys over the year instead; with --filters, of some pairs with some filters. TZ in the environment is the
machine's zone, by which the ledger is summed up too.
"""

from __future__ import annotations

import argparse
import itertools
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.large_ledger import generate
from tokenguard.config.paths import Paths
from tokenguard.config.zones import local_zone
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.phases import phase_of
from tokenguard.reports import KEYS

GOAL_MS = 300
MONTH, EVER = "30d", "2000-01-01"
REPORTS = (
    *(
        (by, since)
        for since in (MONTH, EVER)
        for by in ("model", "day", "session", "repo,branch", "day,model", "length")
    ),
    *((by, EVER) for by in ("sub-agent", "commit", "origin", "session,model", "block", "month,model", "hour")),
    *((by, EVER) for by in ("hour --timezone Asia/Kolkata", "day,repo", "day,session", "block,model", "hour,model")),
    *((by, EVER) for by in ("hour,agent", "hour,repo", "hour,task", "hour,session", "block,repo", "block,agent")),
    *((f"{by} --json", EVER) for by in ("hour", "hour,model")),
    ("hour,model --csv", EVER),
    *((f"{by} --repo repository-3", EVER) for by in ("day,model", "day,task", "hour,model", "hour,session")),
    *(("", since) for since in (MONTH, EVER)),
)
"""(keys and options, since); without keys, the dearest calls."""
PAIRS = [(",".join(pair), EVER) for pair in itertools.combinations(KEYS, 2)]
FILTERS = (
    "agent claude",
    "billing metered",
    "model claude-*",
    "repo repository-3",
    "request-class main",
    "task ~feature",
)
"""Some for which little holds, some for which most does, and one for which all does."""
FILTERED = [
    (f"{by} --{name}", EVER)
    for by in (*(f"hour,{key}" for key in ("model", "agent", "repo", "task", "session")), "day,model", "block,model")
    for name in FILTERS
]


def took_ms(command: list[str], env: Mapping[str, str]) -> tuple[float, float]:
    """On the clock, and of CPU."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Reports on a large ledger.")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ledger", type=Path)
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--pairs", action="store_const", const=PAIRS, dest="reports", default=REPORTS)
    instead.add_argument("--filters", action="store_const", const=FILTERED, dest="reports")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as folder:
        ledger = Paths(Path(folder), Path(folder)).ledger
        if asked.ledger:
            shutil.copy(asked.ledger, ledger)
            # One of an older version or another zone is summed up first.
            phase_us = phase_of(local_zone(), time.time_ns() // 1000)
            open_for_writing(ledger, "normal", phase_us=phase_us)[0].close()
        else:
            generate(ledger, asked.calls, time.time_ns() // 1000)
        env = {**os.environ, "TOKENGUARD_HOME": folder}
        print(f"{asked.calls:,} calls, {ledger.stat().st_size / 2**20:,.0f} MiB; goal {GOAL_MS} ms")
        for by, since in asked.reports:
            what = ["--by", *by.split()] if by else ["--dearest"]
            command = [str(Path(sys.executable).with_name("tokenguard")), "report", *what, "--since", since]
            times = [took_ms(command, env) for _ in range(asked.runs)]
            wall, cpu = (statistics.median(one[at] for one in times) for at in (0, 1))
            span = "of everything" if since == EVER else f"of {since}"
            print(f"{' '.join(what):<33} {span:<14} {wall:7.0f} ms   {cpu:7.0f} ms CPU")


if __name__ == "__main__":
    main()
