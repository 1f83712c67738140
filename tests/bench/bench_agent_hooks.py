"""How long the scripts take that agents run at every prompt and answer, as agents run them: by a shell.

python -m tests.bench.bench_agent_hooks [--runs N]     medians over N runs of each, default 301
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from tokenguard.agents import hooks

LIMIT_MS = 10
TOLD = b'{"session_id":"0","prompt":"' + b"x" * 20_000 + b'"}'
"""What an agent hands to a hook."""

REFUSAL = "tokenguard stopped this request: the day budget of repository web is used up (20.07 of 20.00 USD)."


def took_ms(command: str) -> float:
    started = time.perf_counter()
    child = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        child.communicate(TOLD)
    except BrokenPipeError:
        child.wait()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="Medians of the scripts that agents run.")
    parser.add_argument("--runs", type=int, default=301)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="tokenguard-bench-") as home:
        folder = Path(home)
        for name in (hooks.PROMPT, hooks.LINE, hooks.TURN):
            (folder / name).write_text(hooks.script(name))
        (folder / hooks.SESSION).mkdir()
        verdict, line = (folder / hooks.SESSION / name for name in ("verdict", "line"))
        head = f"tokenguard 1 {os.getpid()}\n"
        line.write_text(f"{head}$14.82 today · $3.10/h · web/day 82% $3.60 left · 5h 70% until 11:54 · week 41%\n")
        prompt = hooks.command(folder, hooks.PROMPT)
        verdicts = {
            "a prompt may begin": f"{head}0 ok\n",
            "a prompt is refused": f"{head}{int(time.time()) + 3600} block {REFUSAL}\n",
            "a prompt, no daemon": f"tokenguard 1 {2**22 + 1}\n0 block {REFUSAL}\n",
        }
        shown = {"sh -c :": ("", ":")}
        shown |= {name: (text, prompt) for name, text in verdicts.items()}
        shown["the status line"] = ("", hooks.command(folder, hooks.LINE))
        shown["the end of a turn"] = ("", f"{hooks.command(folder, hooks.TURN)} x")
        for name, (text, command) in shown.items():
            verdict.write_text(text)
            times = sorted(took_ms(command) for _ in range(runs))
            print(f"{name:<20} {statistics.median(times):5.1f} ms   worst {times[-1]:6.1f} ms   (<= {LIMIT_MS} ms)")


if __name__ == "__main__":
    main()
