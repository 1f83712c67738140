"""A terminal that goes away."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.support.waiting import until
from tokenguard_tui import terminal


def test_it_is_there_until_its_other_end_is_closed() -> None:
    master, slave = pty.openpty()
    assert not terminal.is_gone(slave)
    os.write(master, b"key")
    assert not terminal.is_gone(slave)
    os.close(master)
    assert terminal.is_gone(slave)
    os.close(slave)
    assert terminal.is_gone(slave)


def test_the_dashboard_ends_with_its_terminal_though_no_signal_tells_of_it(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    # The terminal is not the one that controls the session: nobody sends SIGHUP when it goes.
    with subprocess.Popen(
        [sys.executable, "-m", "tokenguard", "tui"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "TOKENGUARD_HOME": str(tmp_path)},
    ) as dashboard:
        os.close(slave)
        drawn = b""
        while b"help" not in drawn:
            drawn += os.read(master, 65_536)
        os.close(master)
        try:
            until(lambda: dashboard.poll() is not None)
        finally:
            dashboard.kill()
