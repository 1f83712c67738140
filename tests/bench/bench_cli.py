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

from tokenguard.cli.statusline.setting_up import SCRIPT
from tokenguard.config import hook_paths
from tokenguard.config.paths import find_paths

COMMANDS = {
    "--help": (["--help"], 120),
    "status": (["status"], 150),
    "status --json": (["status", "--json"], 150),
    "statusline": (["statusline"], 80),
    "statusline --format tmux": (["statusline", "--format", "tmux"], 80),
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


def script_of_bars(tokenguard: list[str], home: str, env: Mapping[str, str]) -> list[str]:
    """What tmux runs, once the daemon has written what it reads."""
    subprocess.run([*tokenguard, "statusline", "--setup", "tmux"], env=env, check=True, stdout=subprocess.DEVNULL)
    bars = hook_paths.bars(find_paths({"TOKENGUARD_HOME": home}))
    while not (bars / hook_paths.NOW).exists():
        time.sleep(0.05)
    return [str(bars / SCRIPT), "tmux"]


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
            print(f"{'python -c pass':<24} {nothing:6.1f} ms")
            measured = {shown: ([*tokenguard, *words], limit) for shown, (words, limit) in COMMANDS.items()}
            measured["the script of bars"] = (script_of_bars(tokenguard, home, env), 10)
            for shown, (command, limit) in measured.items():
                times = sorted(took_ms(command, env) for _ in range(runs))
                goal = f"   (<= {limit} ms)" if limit else ""
                print(f"{shown:<24} {statistics.median(times):6.1f} ms   worst {times[-1]:6.1f} ms{goal}")
        finally:
            subprocess.run([*tokenguard, "daemon", "stop", "--now"], env=env, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
