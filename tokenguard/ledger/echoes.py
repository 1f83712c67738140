"""What logs tell of calls that were measured: it is no row, and kept beside the measured one as its echo."""

from __future__ import annotations

import sqlite3

from msgspec.structs import astuple

from tokenguard.ledger.rows import places
from tokenguard.ledger.sums import BUCKETS
from tokenguard.ledger.values import Logged

FIRST_ID = 1 << 40
"""Ids of logged rows begin here: those of measured ones are given out by whoever admits calls."""

BEFORE_US, AFTER_US = 120_000_000, 120_000_000
"""How far the time in a log may be from the call that it tells of."""
_LONGEST_US = 3_600_000_000
"""How long a call may have taken."""
_MOMENT_US = 5_000
"""How far the times of what one agent tells twice of one response may be apart."""

_USAGE = ", ".join(BUCKETS)
PROMPT = "input + cache_read + cache_write_5m + cache_write_1h"
_ECHO = f"log_key, agent, call_id, at_us, model, cost_nanos, {_USAGE}"
_GROWN = ", ".join(f"{bucket} = max({bucket}, excluded.{bucket})" for bucket in BUCKETS)
_PUT = f"""INSERT INTO echoes ({_ECHO}) VALUES ({places(_ECHO)}) ON CONFLICT (log_key, agent)
    DO UPDATE SET cost_nanos = max(cost_nanos, excluded.cost_nanos), {_GROWN}"""
UNHEARD = f"""id < {FIRST_ID} AND state = 'settled'
    AND NOT EXISTS (SELECT 1 FROM echoes WHERE call_id = calls.id)"""
"""Of measured calls: those of which no log has told."""
_THEIRS = "(agent = :agent OR (repo = :repo AND :model IN (model, served)))"
"""Of an agent's log: it may have been started as something else, in a shell say, in the same repository."""
_ALIKE = f"""SELECT id FROM calls WHERE started_us BETWEEN :since AND :until AND {UNHEARD}
        AND (output = :output OR confidence <> 'exact') AND {PROMPT} = :prompt
        AND coalesce(ended_us, started_us) >= :ended AND {_THEIRS}
    ORDER BY output <> :output, abs(coalesce(ended_us, started_us) - :at) LIMIT 1"""
_TWICE = f"""SELECT e.call_id FROM calls AS c JOIN echoes AS e ON e.call_id = c.id
    WHERE c.started_us BETWEEN :since AND :until AND c.id < {FIRST_ID} AND e.agent = :agent AND e.output = :output
        AND e.input + e.cache_read + e.cache_write_5m + e.cache_write_1h = :prompt
        AND abs(e.at_us - :at) <= {_MOMENT_US} LIMIT 1"""


def put(conn: sqlite3.Connection, call_id: int, row: Logged, nanos: int) -> None:
    """Keep what a log tells of a measured call, and what that would have cost."""
    about = (row.key, row.call.agent, call_id, row.call.started_us, row.leg.model, nanos)
    conn.execute(_PUT, (*about, *astuple(row.leg.usage)))


def alike(conn: sqlite3.Connection, row: Logged) -> int | None:
    """The measured call that a row without a provider's id must be of: the same tokens at the same time.

    Of a call that was broken off, both only know for sure how much was sent. It is another one for each row, but for
    what was told before of the very same moment.
    """
    usage, at_us, call = row.leg.usage, row.call.started_us, row.call
    if not usage.total or row.summed:
        return None
    asked = {
        "since": at_us - _LONGEST_US,
        "until": at_us + BEFORE_US,
        "ended": at_us - AFTER_US,
        "at": at_us,
        "agent": call.agent,
        "repo": call.repo or "",
        "model": row.leg.model,
        "output": usage.output,
        "prompt": usage.prompt,
    }
    found = conn.execute(_ALIKE, asked).fetchone() or conn.execute(_TWICE, asked).fetchone()
    return found[0] if found else None
