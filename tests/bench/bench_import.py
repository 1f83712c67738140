"""What reading agents' logs costs, the daemon and its reader together, beside other trackers where they can be run.

python -m tests.bench.bench_import [--megabytes N] [--tracker NAME=COMMAND]...

N megabytes of Claude Code's transcripts (400) are made in a temporary folder. A tracker is a command that reads them in
`$HOME`, such as `--tracker "ccusage=npx ccusage daily --json --offline"`: it is run twice, and must be installed.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.bench.claude_tree import write
from tokenguard import client
from tokenguard.config.paths import Paths

_CONFIG = "[daemon]\nport = 0\nfollow_logs = {}\n"
_LINE = (
    '{"type":"assistant","sessionId":"live","timestamp":"%s","message":{"id":"msg_live_%d","role":"assistant",'
    '"model":"claude-opus-4-5","usage":{"input_tokens":10,"output_tokens":5}}}\n'
)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=400)
    parser.add_argument("--tracker", action="append", default=[], metavar="NAME=COMMAND")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        responses = write(home / ".claude", asked.megabytes)
        print(f"{asked.megabytes} MB, {responses:,} responses; load {os.getloadavg()[0]:.1f}")
        env = {"HOME": folder, "TOKENGUARD_HOME": folder, "PATH": os.environ["PATH"], "TZ": "UTC"}
        _ours(home, env)
        for tracker in asked.tracker:
            name, _, command = tracker.partition("=")
            for which in ("first", "again"):
                _tell(f"{name}, {which}", *_child(shlex.split(command), env))


def _ours(home: Path, env: Mapping[str, str]) -> None:
    (home / "config.toml").write_text(_CONFIG.format("false"))
    command = [sys.executable, "-m", "tokenguard"]
    daemon = client.ensure(Paths(home, home), env, print)
    process = psutil.Process(daemon.pid)
    for name, more in (("first import", []), ("nothing new", []), ("everything again", ["--full"])):
        before, began = _cpu(process), time.monotonic()
        peak = _Peak(process)
        subprocess.run([*command, "import", *more], env=env, stdout=subprocess.DEVNULL, check=True)
        _tell(name, _cpu(process) - before, time.monotonic() - began, peak.end())
    times = [_child([*command, "report", "--by", "day", "--since", "90d"], env)[1] for _ in range(9)]
    print(f"{'report --by day, all of it':<28} {statistics.median(times) * 1000:7.0f} ms")
    daemon.stop(timeout=30)
    (home / "config.toml").write_text(_CONFIG.format("true"))
    daemon = client.ensure(Paths(home, home), env, print)
    while daemon.get("/v1/status")["logs"]["state"] != "following":
        time.sleep(0.05)
    latest = [_live(home, daemon, number) for number in range(9)]
    print(f"{'a new line, until it counts':<28} {statistics.median(latest) * 1000:7.0f} ms")
    process = psutil.Process(daemon.pid)
    before = _cpu(process)
    time.sleep(10)
    print(f"{'ten seconds of nothing':<28} {(_cpu(process) - before) * 1000:7.0f} ms of CPU")
    daemon.stop(timeout=30)


def _live(home: Path, daemon: client.Daemon, number: int) -> float:
    """Seconds from the writing of a line until status knows it."""
    calls = _calls(daemon)
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    began = time.monotonic()
    with (home / ".claude" / "projects" / "live.jsonl").open("a") as file:
        file.write(_LINE % (at, number))
    while _calls(daemon) == calls:
        time.sleep(0.01)
    return time.monotonic() - began


def _calls(daemon: client.Daemon) -> int:
    calls: int = daemon.get("/v1/report", {"by": "model", "since": "1h"})["total"]["calls"]
    return calls


class _Peak:
    """The most memory that a process and its children hold, looked at all the time."""

    def __init__(self, process: psutil.Process) -> None:
        self._watch = subprocess.Popen(
            [sys.executable, "-c", _WATCH, str(process.pid)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )

    def end(self) -> int:
        """In bytes."""
        return int(self._watch.communicate("\n")[0])


_WATCH = """
import psutil, select, sys
process, most = psutil.Process(int(sys.argv[1])), 0
while not select.select([sys.stdin], [], [], 0.02)[0]:
    held = 0
    for one in [process, *process.children()]:
        try:
            held += one.memory_full_info().pss
        except psutil.Error:
            pass
    most = max(most, held)
print(most)
"""


def _cpu(process: psutil.Process) -> float:
    """Seconds of CPU, with those of children that have ended."""
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def _child(command: list[str], env: Mapping[str, str]) -> tuple[float, float, int]:
    """CPU, wall time and the most memory of a command, all in its children included."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - began, after.ru_maxrss * 1024


def _tell(name: str, cpu: float, wall: float, memory: int) -> None:
    print(f"{name:<28} {cpu:6.2f} s of CPU  {wall:6.2f} s  {memory / 1e6:5.0f} MB")


if __name__ == "__main__":
    main()
