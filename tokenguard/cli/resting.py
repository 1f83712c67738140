"""The status while no daemon runs: nothing is spent now, but budgets hold what was spent before."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from tokenguard.cli.reading import open_ledger
from tokenguard.config import settings
from tokenguard.config.paths import Paths
from tokenguard.guard import showing
from tokenguard.guard.limits import RELEASE, held_back, limit_of
from tokenguard.guard.official import standing
from tokenguard.guard.slots import call_of, where_of, zone_of
from tokenguard.ledger import queries
from tokenguard.policy.budgets import Slot, Standing, slots_ahead
from tokenguard.policy.measure import measure_sum
from tokenguard.policy.windows import rolling_us
from tokenguard.records import Budget

_RECENT = 200
"""Sessions among whose repositories, branches and agents those with budgets are looked for."""


def status_at_rest(paths: Paths) -> dict[str, Any]:
    """What `GET /v1/status` would tell, from the ledger alone. Raises `ConfigError` and `LedgerError`."""
    config, now_us = settings.load(paths), time.time_ns() // 1000
    with open_ledger(paths) as ledger:
        return {
            "daemon": None,
            "totals": showing.lately(ledger, now_us),
            "sessions": [],
            "budgets": [showing.budget_view(one) for one in _standings(ledger, config.budgets, now_us)],
            "windows": [showing.window_view(one) for one in standing(queries.official_windows(ledger), now_us)],
            "holds": [],
            "logs": None,
        }


def _standings(ledger: sqlite3.Connection, budgets: tuple[Budget, ...], now_us: int) -> Iterator[Standing]:
    """Of the slots of recent sessions, those in which something was spent and more can be."""
    lasting = [budget for budget in budgets if budget.scope != "session" and budget.official is None]
    raises, releases = queries.raises(ledger, now_us), queries.decisions(ledger, kind=RELEASE)
    slots: dict[Slot, None] = {}
    for session in queries.recent_sessions(ledger, _RECENT):
        slots.update(dict.fromkeys(slots_ahead(lasting, call_of(session, now_us), zone_of)))
    for slot in slots:
        span_us = rolling_us(slot.budget.window)
        since_us = slot.window.start_us if span_us is None else now_us - span_us + 1
        spent = measure_sum(slot.budget, *queries.spent(ledger, where_of(slot), since_us, slot.window.end_us))
        if spent:
            limit, kept = limit_of(slot, raises, now_us), held_back(slot, releases, now_us)
            yield Standing(slot, limit, spent, reserved=0, held_back=kept, resets_us=slot.window.end_us)
