"""What agents' own logs tell, as rows: one for each response that no measured row tells of, else an echo of that one.

Everything here can be written again and again: a key that is known is merged, never added.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from msgspec import json
from msgspec.structs import astuple, replace

from tokenguard.ledger import echoes, log_rows, log_state
from tokenguard.ledger.echoes import AFTER_US, BEFORE_US, FIRST_ID, PROMPT
from tokenguard.ledger.log_copies import merged
from tokenguard.ledger.log_rows import COLUMNS, logged_of
from tokenguard.ledger.log_sessions import attributed
from tokenguard.ledger.log_sums import since_last
from tokenguard.ledger.rows import Row
from tokenguard.ledger.values import Logged, Logs, Settlement, Written
from tokenguard.records import Amount, Call, Charge, Leg, Usage

_FEW = 100
"""So many changes are told one by one: more come of the past."""

_KEPT = "response_id IS NOT NULL AND response_id IS NOT log_key"
"""What is in the index of responses: all but the rows whose key that is."""
_ASKED = "(SELECT value FROM json_each(?)) AS asked CROSS JOIN"
"""Each is looked up as it comes: behind `IN` they would be sorted first."""
_KNOWN = f"SELECT {COLUMNS} FROM {_ASKED} calls ON log_key = asked.value WHERE log_key IS NOT NULL"
_ECHOED = f"SELECT log_key, agent, call_id FROM {_ASKED} echoes ON log_key = asked.value"
_ANSWERED = f"""SELECT response_id, id FROM {_ASKED} calls ON response_id = asked.value
    WHERE {_KEPT} AND id < {FIRST_ID}"""
_OVERTAKEN = f"""SELECT {COLUMNS} FROM calls WHERE response_id = ?1 AND {_KEPT} AND id >= {FIRST_ID}
    UNION ALL SELECT {COLUMNS} FROM calls WHERE log_key = ?1 AND log_key IS response_id"""
_OVERTAKEN_ALIKE = f"""SELECT {COLUMNS} FROM calls
    WHERE started_us BETWEEN :since AND :until AND id >= {FIRST_ID} AND {PROMPT} = :prompt
        AND (output = :output OR NOT :exact)
        AND log_key IS NOT NULL AND response_id IS NULL
        AND (agent = :agent OR (repo = :repo AND model IN (SELECT model FROM calls WHERE id = :id
            UNION ALL SELECT served FROM calls WHERE id = :id)))
    LIMIT 1"""

Price = Callable[[Call, Leg], Charge]
"""What a response cost by its log."""


class _Rows:
    """The rows of one batch, as they are told apart."""

    def __init__(self, conn: sqlite3.Connection, rows: Sequence[Logged]) -> None:
        keys = json.encode([row.key for row in rows]).decode()
        ids = json.encode([row.response_id for row in rows if row.response_id]).decode()
        columns = conn.execute(_KNOWN, (keys,)).fetchall()
        self.known = {(one.key, one.call.agent): (one, charge) for one, charge in map(logged_of, columns)}
        self.echoed = {(key, agent): call_id for key, agent, call_id in conn.execute(_ECHOED, (keys,))}
        self.answered: dict[str, int] = dict(conn.execute(_ANSWERED, (ids,)).fetchall())


def write(conn: sqlite3.Connection, logs: Logs, price: Price) -> Written:
    """What was read of logs, and how far."""
    since = (since_last(conn, row) if row.cumulative else row for row in logs.rows)
    rows = [row for row in since if row is not None]
    known = _Rows(conn, rows)
    new: list[Logged] = []
    news: list[tuple[Call, Amount]] = []
    changed = joined = 0
    unsaid = False
    for row in attributed(conn, rows):
        ident = (row.key, row.call.agent)
        before = known.known.get(ident)
        call_id = known.answered.get(row.response_id) if row.response_id else None
        if before is not None and call_id is not None:
            # Only now it is known of which response it is.
            _give_way(conn, before[0], call_id, before[1])
            unsaid = True
        elif before is not None:
            if (both := merged(conn, *before, row)) is not None:
                charge = price(both.call, both.leg)
                log_rows.overwrite(conn, both, charge)
                changed += 1
                if both.call == before[0].call:
                    news.append((both.call, _grown(before, both.leg.usage, charge)))
                else:
                    unsaid = True
            continue
        if ident in known.echoed:
            call_id = known.echoed[ident]
        else:
            call_id = call_id or (None if row.response_id else echoes.alike(conn, row))
            joined += call_id is not None
        if call_id is not None:
            echoes.put(conn, call_id, row, price(row.call, row.leg).nanos)
        else:
            new.append(row)
    news += _insert(conn, new, price)
    if len(news) > _FEW:
        news, unsaid = [], True
    log_state.write(conn, logs)
    return Written(len(new), changed, joined, tuple(news), unsaid)


def _grown(before: tuple[Logged, Charge], usage: Usage, charge: Charge) -> Amount:
    """By how much a row counts more than before."""
    was = before[0].leg.usage
    parts = (new - old for new, old in zip(astuple(usage), astuple(was), strict=True))
    return Amount(charge.nanos - before[1].nanos, usage.total - was.total, 0, Usage(*parts))


def supersede(conn: sqlite3.Connection, settled: Settlement, usage: Usage, *, exact: bool) -> bool:
    """A measured row was written: logged ones of the same response become its echoes. Whether there were any."""
    call, rows = settled.call, list[Row]()
    if settled.response_id is not None:
        rows = conn.execute(_OVERTAKEN, (settled.response_id,)).fetchall()
    if not rows and usage.total:
        asked = {
            "id": call.id,
            "since": call.started_us - BEFORE_US,
            "until": settled.ended_us + AFTER_US,
            "exact": exact,
            "agent": call.agent,
            "repo": call.repo or "",
            "output": usage.output,
            "prompt": usage.prompt,
        }
        rows = conn.execute(_OVERTAKEN_ALIKE, asked).fetchall()
    for row, charge in map(logged_of, rows):
        _give_way(conn, row, call.id, charge)
    return bool(rows)


def _give_way(conn: sqlite3.Connection, row: Logged, call_id: int, charge: Charge) -> None:
    """Make a logged row an echo of a measured one."""
    log_rows.remove(conn, row.call.id)
    echoes.put(conn, call_id, row, charge.nanos)


def _insert(conn: sqlite3.Connection, rows: Sequence[Logged], price: Price) -> list[tuple[Call, Amount]]:
    if not rows:
        return []
    charged = [(row, price(row.call, row.leg)) for row in rows]
    first = log_rows.insert(conn, charged)
    return [
        (replace(row.call, id=number), Amount(charge.nanos, row.leg.usage.total, 1, row.leg.usage))
        for number, (row, charge) in enumerate(charged[: _FEW + 1], first)
    ]
