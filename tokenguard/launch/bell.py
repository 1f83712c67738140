"""The bell of the terminal that a run has."""

from __future__ import annotations

import os
from contextlib import suppress


def ring() -> None:
    """Ring it, wherever the agent's own output goes; without a terminal, or one that takes nothing now, do nothing."""
    with suppress(OSError):
        terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            os.write(terminal, b"\a")
        finally:
            os.close(terminal)
