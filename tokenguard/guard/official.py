"""The windows that providers keep of their subscriptions, as far as they told of them; known across restarts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tokenguard.guard.unwaited import unwaited
from tokenguard.ledger import queries
from tokenguard.records import OfficialWindow

if TYPE_CHECKING:
    from tokenguard.ledger import Ledger

_SAME_US = 60_000_000
"""Two ends closer than this are one: some are told as the seconds until then."""

_UNSTATED_MINUTES = 7 * 24 * 60
"""For how long a window is believed whose length and end nobody told."""


class Official:
    """What is known of official windows. `now` tells the time in microseconds."""

    def __init__(self, ledger: Ledger, now: Callable[[], int]) -> None:
        self._ledger = ledger
        self._now = now
        self._windows = {window.key: window for window in queries.official_windows(ledger.read())}

    def learn(self, windows: Iterable[OfficialWindow]) -> list[OfficialWindow]:
        """Take in what a provider has just said; those of which it said something new."""
        changed: list[OfficialWindow] = []
        for window in windows:
            if self._is_new(window):
                changed.append(window)
                unwaited(self._ledger.see_window(window), "what a provider said of its window", logging.WARNING)
            self._windows[window.key] = window
        return changed

    def hear(self, windows: Iterable[OfficialWindow]) -> list[OfficialWindow]:
        """Take in what somebody retells who may have heard it long ago: only what is past what is known counts."""
        return self.learn([window for window in windows if self._is_later(window)])

    def window(self, key: str) -> OfficialWindow | None:
        """The window of a key such as `anthropic/five_hour`, unused since its reset; None if nothing is known of it."""
        known = self._windows.get(key)
        if known is not None and _end_us(known) <= self._now():
            return replace(known, used_percent=0.0, resets_us=None)
        return known

    def all(self) -> list[OfficialWindow]:
        """All that have not been reset since they were told of, by provider and name."""
        return standing(self._windows.values(), self._now())

    def _is_new(self, window: OfficialWindow) -> bool:
        known = self._windows.get(window.key)
        if known is None or known.used_percent != window.used_percent or known.minutes != window.minutes:
            return True
        if known.resets_us is None or window.resets_us is None:
            return (known.resets_us is None) != (window.resets_us is None)
        return abs(known.resets_us - window.resets_us) >= _SAME_US

    def _is_later(self, window: OfficialWindow) -> bool:
        known = self._windows.get(window.key)
        if window.resets_us is None or window.resets_us <= self._now():
            return False
        if known is None or known.resets_us is None or window.resets_us - known.resets_us >= _SAME_US:
            return True
        same = known.resets_us - window.resets_us < _SAME_US
        return same and window.used_percent > known.used_percent


def standing(windows: Iterable[OfficialWindow], now_us: int) -> list[OfficialWindow]:
    """Of these, those that have not been reset since they were told of, by provider and name."""
    return sorted((window for window in windows if _end_us(window) > now_us), key=lambda window: window.key)


def _end_us(window: OfficialWindow) -> int:
    """When what was said of a window does not hold any more."""
    if window.resets_us is not None:
        return window.resets_us
    return window.seen_us + (window.minutes or _UNSTATED_MINUTES) * 60_000_000
