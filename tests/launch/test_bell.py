"""The terminal of a run rings when one of its calls waits for an answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.launch.support import FakeDaemon, Terminal, launched

ASKED = {"type": "hold.asked", "at_us": 1, "data": {"id": "7f2c", "session": "bcdfg"}}

Terminals = Callable[[Sequence[str]], Terminal]

AGENT = "print('ready', flush=True); input(); print('done', flush=True)"


def configure(home: Path, text: str) -> None:
    with (home / "config.toml").open("a") as file:
        file.write(text)


def test_it_rings(daemon: FakeDaemon, terminal: Terminals, home: Path) -> None:
    configure(home, "[notify]\nbell = true\n")
    daemon.events = [ASKED]
    # What the agent says goes elsewhere: it is the terminal that rings.
    run = terminal(launched("sh", "-c", f'"$0" -c "{AGENT}" >/dev/null', sys.executable))
    run.until("\a")
    run.type("\n")
    assert run.wait() == 0


@pytest.mark.parametrize(("setting", "events"), [("bell = false", [ASKED]), ("bell = true", [])])
def test_it_does_not_ring(
    daemon: FakeDaemon, terminal: Terminals, home: Path, setting: str, events: list[dict[str, object]]
) -> None:
    configure(home, f"[notify]\n{setting}\n")
    daemon.events = events
    run = terminal(launched(sys.executable, "-c", AGENT))
    daemon.wait_for("watch")
    run.until("ready")
    run.type("\n")
    assert run.wait() == 0
    assert "\a" not in run.screen


def test_without_a_terminal_nothing_happens(daemon: FakeDaemon, home: Path) -> None:
    configure(home, "[notify]\nbell = true\n")
    daemon.events = [ASKED]
    done = subprocess.run(
        launched(sys.executable, "-c", "print('done')"), capture_output=True, start_new_session=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"done\n", b"")
