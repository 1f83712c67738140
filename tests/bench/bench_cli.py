"""How long commands take as whole processes, from start to exit.

python tests/bench/bench_cli.py [--runs N]     medians over N runs of each, default 31
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

COMMANDS = {
    "--help": (["--help"], 120),
    "status": (["status"], 150),
    "status --json": (["status", "--json"], 150),
    "statusline": (["statusline"], 80),
    "report": (["report"], None),
    "budget list": (["budget", "list"], None),
}
"""What is shown -> (arguments, limit in milliseconds)."""


def took_ms(command: list[str], env: Mapping[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Whole-process medians of commands.")
    parser.add_argument("--runs", type=int, default=31)
    runs: int = parser.parse_args().runs
    tokenguard = [sys.executable, "-m", "tokenguard"]
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as home:
        env = {**os.environ, "HOME": home, "TOKENGUARD_HOME": home}
        with open(os.path.join(home, "config.toml"), "w", encoding="utf-8") as config:
            config.write("[daemon]\nport = 0\n")
        subprocess.run([*tokenguard, "daemon", "start"], env=env, check=True, stdout=subprocess.DEVNULL)
        try:
            nothing = statistics.median(took_ms([sys.executable, "-c", "pass"], env) for _ in range(runs))
            print(f"{'python -c pass':<16} {nothing:6.1f} ms")
            for shown, (arguments, limit) in COMMANDS.items():
                times = sorted(took_ms([*tokenguard, *arguments], env) for _ in range(runs))
                goal = f"   (<= {limit} ms)" if limit else ""
                print(f"{shown:<16} {statistics.median(times):6.1f} ms   worst {times[-1]:6.1f} ms{goal}")
        finally:
            subprocess.run([*tokenguard, "daemon", "stop", "--now"], env=env, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
