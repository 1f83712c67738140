"""Time that never goes back, or budgets would be granted twice."""

from __future__ import annotations

from collections.abc import Callable

from tokenguard.ledger import Ledger, queries

STEP_BACK_US = 7 * 24 * 3_600_000_000
"""A clock that is set back by more than this while no daemon runs had been wrong before."""


class Clock:
    """Microseconds since the epoch. A clock that is set back stands still here, also across restarts."""

    def __init__(self, ledger: Ledger, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._began_us = clock()
        latest_us = queries.latest_start(ledger.read())
        self._latest_us = latest_us if latest_us - self._began_us <= STEP_BACK_US else 0

    def __call__(self) -> int:
        self._latest_us = max(self._latest_us, self._clock())
        return self._latest_us

    def runs_since(self, us: int) -> bool:
        """Whether this process has run for that long, by a clock that may have been set meanwhile."""
        return self._clock() - self._began_us >= us
