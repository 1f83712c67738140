"""What every part of a screen has in common: it is shown the state, and changes what it draws."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable

from tokenguard_tui.state import State


@runtime_checkable
class Panel(Protocol):
    """Part of a screen."""

    def show(self, state: State, now: datetime) -> None:
        """Draw what has changed; `now` is local. Called often: what has not changed costs next to nothing."""
        ...
