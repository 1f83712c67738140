"""Waiting for what happens, with a deadline instead of a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE = 30.0
"""Seconds; nothing takes this long on a machine that is not overwhelmed."""


def until(what: Callable[[], T | None | bool], describe: str = "", seconds: float = DEADLINE) -> T:
    """The first true answer of `what`, asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found  # type: ignore[return-value]  # who says no more than True or False has T = bool
        time.sleep(0.01)
    raise AssertionError(f"this did not happen in {seconds:.0f} s: {describe or what}")
