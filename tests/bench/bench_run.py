"""What `tokenguard run` adds before a command starts, and after it has ended, with a warm daemon.

python tests/bench/bench_run.py [--runs N]     medians over N runs of each, default 31
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
from pathlib import Path

LIMIT_MS = 250
"""For what is added before the command starts."""

COMMAND = ["sh", "-c", "echo started"]
AGENTS = ("sh", "claude", "codex", "gemini")
"""Their recipes differ; here all of them are the shell, under these names."""


def took_ms(command: list[str], env: Mapping[str, str]) -> tuple[float, float]:
    """Milliseconds until the command has started, and from then to the end."""
    begun = time.perf_counter()
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        started = time.perf_counter()
        process.wait()
    return (started - begun) * 1000, (time.perf_counter() - started) * 1000


def medians(command: list[str], env: Mapping[str, str], runs: int) -> tuple[float, float]:
    before, after = zip(*(took_ms(command, env) for _ in range(runs)), strict=True)
    return statistics.median(before), statistics.median(after)


def main() -> None:
    parser = argparse.ArgumentParser(description="What run adds to a command.")
    parser.add_argument("--runs", type=int, default=31)
    runs: int = parser.parse_args().runs
    tokenguard = [sys.executable, "-m", "tokenguard"]
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as home:
        folder = Path(home) / "bin"
        folder.mkdir()
        for agent in AGENTS[1:]:
            (folder / agent).write_text("#!/bin/sh\necho started\n")
            (folder / agent).chmod(0o755)
        (Path(home) / "config.toml").write_text("[daemon]\nport = 0\n")
        env = {**os.environ, "HOME": home, "TOKENGUARD_HOME": home, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run([*tokenguard, "daemon", "start"], env=env, check=True, stdout=subprocess.DEVNULL)
        try:
            alone_before, alone_after = medians(COMMAND, env, runs)
            print(f"{'sh alone':<16} starts after {alone_before:6.1f} ms, ends {alone_after:6.1f} ms later")
            for agent in AGENTS:
                command = [*tokenguard, "run", *(COMMAND if agent == "sh" else [agent])]
                before, after = medians(command, env, runs)
                print(
                    f"{'run ' + agent:<16} adds {before - alone_before:6.1f} ms before (<= {LIMIT_MS} ms), "
                    f"{after - alone_after:6.1f} ms after"
                )
        finally:
            subprocess.run([*tokenguard, "daemon", "stop", "--now"], env=env, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
