"""The performance on the dashboard, as somebody would watch it in a split pane."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import closing

from tokenguard.cli.demo import play
from tokenguard.cli.demo.cast import Pace
from tokenguard.cli.demo.stage import Stage


def possible() -> bool:
    """Whether there is a terminal to draw on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") not in (None, "dumb")


def watch(stage: Stage, pace: Pace) -> bool:
    """Show it until somebody has seen enough, and end what still runs of the agents. Whether they had ended by then."""
    from tokenguard_tui.app import Dashboard  # importing it takes half a second

    dashboard = Dashboard(stage.paths)
    enough, over = threading.Event(), threading.Event()

    def perform() -> None:
        with closing(play.perform(stage, pace)) as performance:
            for _ in performance:
                if enough.is_set():
                    return
        over.set()
        dashboard.call_later(dashboard.announce, "The agents have ended. q compares the ledger with the bill.")

    performing = threading.Thread(target=perform, name="performance")
    performing.start()
    try:
        dashboard.run()
    finally:
        enough.set()
        performing.join()
    return over.is_set()
