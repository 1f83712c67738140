"""What agents' own logs tell, as rows: one for each response that no measured row tells of, else an echo of that one.

Everything here can be written again and again: a key that is known is merged, never added.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import json
from msgspec.structs import astuple, replace

from tokenguard.ledger import adding, echoes
from tokenguard.ledger.echoes import AFTER_US, BEFORE_US, FIRST_ID, PROMPT
from tokenguard.ledger.rows import CALL, Row, as_json, call_of, places
from tokenguard.ledger.sums import BUCKETS
from tokenguard.ledger.values import LogFile, Logged, Logs, Settlement, Written
from tokenguard.prices import terms
from tokenguard.records import Amount, Call, Charge, Confidence, Context, Leg, Usage

COPIED = "copied"
"""Mark of a row whose line was a copy: the original takes its place when it is found."""

SUMS = "log-sums"
"""In place of a dialect: the row may be of many responses, so that its prompt is nobody's. See `habits`."""

_FEW = 100
"""So many changes are told one by one: more come of the past."""

_USAGE = ", ".join(BUCKETS)
_KEPT = "response_id IS NOT NULL AND response_id IS NOT log_key"
"""What is in the index of responses: all but the rows whose key that is."""
_LOGGED = f"{CALL}, log_key, ended_us, response_id, cost_nanos, confidence, marks, saved_nanos, {_USAGE}"
_FIXED = "state, outcome"
_INSERT = f"INSERT INTO calls ({_LOGGED}, {_FIXED}) VALUES ({places(_LOGGED)}, 'settled', 'logged')"
_UPDATE = f"UPDATE calls SET ({_LOGGED}) = ({places(_LOGGED)}) WHERE id = ?"
_KNOWN = f"""SELECT {_LOGGED} FROM calls WHERE log_key IN (SELECT value FROM json_each(?)) AND log_key IS NOT NULL"""
_LEG = f"call_id, idx, model, kind, billed, tier, speed, geo, fees, cost_nanos, saved_nanos, {_USAGE}"
_PUT_LEG = f"INSERT OR REPLACE INTO legs ({_LEG}) VALUES ({places(_LEG)})"
_LEG_OF = "SELECT tier, speed, geo, fees FROM legs WHERE call_id = ? AND idx = 0"
_ECHOED = "SELECT log_key, agent, call_id FROM echoes WHERE log_key IN (SELECT value FROM json_each(?))"
_ANSWERED = f"""SELECT response_id, id FROM calls
    WHERE response_id IN (SELECT value FROM json_each(?)) AND {_KEPT} AND id < {FIRST_ID}"""
_OVERTAKEN = f"""SELECT {_LOGGED} FROM calls WHERE response_id = ?1 AND {_KEPT} AND id >= {FIRST_ID}
    UNION ALL SELECT {_LOGGED} FROM calls WHERE log_key = ?1 AND log_key IS response_id"""
_OVERTAKEN_ALIKE = f"""SELECT {_LOGGED} FROM calls
    WHERE started_us BETWEEN :since AND :until AND id >= {FIRST_ID} AND {PROMPT} = :prompt
        AND (output = :output OR NOT :exact)
        AND log_key IS NOT NULL AND response_id IS NULL
        AND (agent = :agent OR (repo = :repo AND model IN (SELECT model FROM calls WHERE id = :id
            UNION ALL SELECT served FROM calls WHERE id = :id)))
    LIMIT 1"""
_RUNS = f"""SELECT DISTINCT c.agent_session, s.id, s.task, s.started_us, coalesce(s.ended_us, 9223372036854775807)
    FROM calls AS c JOIN sessions AS s ON s.id = c.session
    WHERE c.agent_session IN (SELECT value FROM json_each(?)) AND c.agent_session IS NOT NULL AND c.id < {FIRST_ID}"""
_SESSION = """INSERT INTO sessions (id, agent, started_us, repo, worktree, branch, labels, upstreams, ended_us, parent)
    VALUES (?, ?, ?, ?, ?, ?, '[]', '[]', ?, ?) ON CONFLICT (id)
    DO UPDATE SET started_us = min(started_us, excluded.started_us), ended_us = max(ended_us, excluded.ended_us)"""
_FILE = ", ".join(LogFile.__struct_fields__)
_PUT_FILE = f"INSERT OR REPLACE INTO log_files ({_FILE}) VALUES ({places(_FILE)})"
_ODD = """INSERT INTO log_oddities (path, agent, kind, detail, count) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (path, agent, kind, detail) DO UPDATE SET count = count + excluded.count"""
_FORGET = """DELETE FROM log_oddities
    WHERE agent = ? AND kind = 'unreadable' AND path NOT IN (SELECT path FROM log_files)"""
_SEEN = f"SELECT seen, cost_nanos, {_USAGE} FROM log_totals WHERE log_key = ? AND agent = ?"
_PUT_TOTAL = f"""INSERT OR REPLACE INTO log_totals (log_key, agent, seen, cost_nanos, {_USAGE})
    VALUES (?, ?, ?, ?, {places(_USAGE)})"""

_CALL_SIZE = len(Call.__struct_fields__)

Price = Callable[[Call, Leg], Charge]
"""What a response cost by its log."""


class _Rows:
    """The rows of one batch, as they are told apart."""

    def __init__(self, conn: sqlite3.Connection, rows: Sequence[Logged]) -> None:
        keys = json.encode([row.key for row in rows]).decode()
        ids = json.encode([row.response_id for row in rows if row.response_id]).decode()
        columns = conn.execute(_KNOWN, (keys,)).fetchall()
        self.known = {(one.key, one.call.agent): (one, charge) for one, charge in map(_logged_of, columns)}
        self.echoed = {(key, agent): call_id for key, agent, call_id in conn.execute(_ECHOED, (keys,))}
        self.answered: dict[str, int] = dict(conn.execute(_ANSWERED, (ids,)).fetchall())


def write(conn: sqlite3.Connection, logs: Logs, price: Price) -> Written:
    """What was read of logs, and how far."""
    since = (_since_last(conn, row) if row.cumulative else row for row in logs.rows)
    rows = [row for row in since if row is not None]
    known = _Rows(conn, rows)
    new: list[Logged] = []
    news: list[tuple[Call, Amount]] = []
    changed = joined = 0
    unsaid = False
    for row in _attributed(conn, rows):
        ident = (row.key, row.call.agent)
        before = known.known.get(ident)
        call_id = known.answered.get(row.response_id) if row.response_id else None
        if before is not None and call_id is not None:
            # Only now it is known of which response it is.
            _give_way(conn, before[0], call_id, before[1])
            unsaid = True
        elif before is not None:
            if (merged := _merged(conn, *before, row)) is not None:
                charge = price(merged.call, merged.leg)
                _replace(conn, merged, charge)
                changed += 1
                if merged.call == before[0].call:
                    news.append((merged.call, _grown(before, merged.leg.usage, charge)))
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
    for path in logs.anew:
        conn.execute("DELETE FROM log_oddities WHERE path = ?", (path,))
    for agent in logs.surveyed:
        conn.execute(_FORGET, (agent,))
    conn.executemany(_ODD, [astuple(odd) for odd in logs.oddities])
    conn.executemany(_PUT_FILE, [astuple(file) for file in logs.files])
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
    for row, charge in map(_logged_of, rows):
        _give_way(conn, row, call.id, charge)
    return bool(rows)


def _give_way(conn: sqlite3.Connection, row: Logged, call_id: int, charge: Charge) -> None:
    """Make a logged row an echo of a measured one."""
    adding.remove(conn, row.call.id)
    conn.execute("DELETE FROM legs WHERE call_id = ?", (row.call.id,))
    conn.execute("DELETE FROM calls WHERE id = ?", (row.call.id,))
    echoes.put(conn, call_id, row, charge.nanos)


def _insert(conn: sqlite3.Connection, rows: Sequence[Logged], price: Price) -> list[tuple[Call, Amount]]:
    if not rows:
        return []
    last: int = conn.execute("SELECT max(id) FROM calls").fetchone()[0] or 0
    first = max(last + 1, FIRST_ID)
    sums = adding.Gathered(conn)
    values: list[Sequence[object]] = []
    charges = [price(row.call, row.leg) for row in rows]
    for number, (row, charge) in enumerate(zip(rows, charges, strict=True), first):
        values.append(_values(number, row, charge))
        sums.add(row.call, charge, row.leg.usage, row.leg.model)
    conn.executemany(_INSERT, values)
    for number, (row, charge) in enumerate(zip(rows, charges, strict=True), first):
        _put_leg(conn, number, row, charge)
    sums.write()
    few = enumerate(zip(rows[: _FEW + 1], charges, strict=False), first)
    return [
        (replace(row.call, id=number), Amount(charge.nanos, row.leg.usage.total, 1, row.leg.usage))
        for number, (row, charge) in few
    ]


def _replace(conn: sqlite3.Connection, row: Logged, charge: Charge) -> None:
    call_id = row.call.id
    adding.remove(conn, call_id)
    conn.execute(_UPDATE, (*_values(call_id, row, charge), call_id))
    conn.execute("DELETE FROM legs WHERE call_id = ?", (call_id,))
    _put_leg(conn, call_id, row, charge)
    adding.add(conn, call_id)


def _values(call_id: int, row: Logged, charge: Charge) -> list[object]:
    call = row.call
    marks = (*charge.marks, COPIED) if row.copied else charge.marks
    return [
        call_id,
        *astuple(call)[1:],
        row.key,
        call.started_us,
        row.response_id,
        charge.nanos,
        charge.confidence.value,
        as_json(marks) if marks else None,
        sum(charge.leg_saved) if charge.leg_saved else None,
        *astuple(row.leg.usage),
    ]


def _put_leg(conn: sqlite3.Connection, call_id: int, row: Logged, charge: Charge) -> None:
    """A call without a leg is one of its own model: only what moved its price has to be written besides."""
    leg = row.leg
    if not leg.fees and terms.is_standard(leg.context):
        return
    context, fees = leg.context, as_json(leg.fees) if leg.fees else None
    about = (call_id, 0, leg.model, leg.kind, True, context.tier, context.speed, context.geo, fees)
    saved = sum(charge.leg_saved) if charge.leg_saved else None
    conn.execute(_PUT_LEG, (*about, charge.nanos, saved, *astuple(leg.usage)))


_PLAIN = Context()


def _merged(conn: sqlite3.Connection, before: Logged, charge: Charge, new: Logged) -> Logged | None:
    """Both together; None if that is what was known. Of two copies the earliest holds that is no side chain."""
    if new.anew:
        # Of copies that nothing tells apart, the one stays that was found first, also where all are read again.
        there = rank(new) < rank(before) or new.call.session == before.call.session
        place = new if there else replace(before, call=replace(before.call, model=new.call.model))
        fresh = replace(new, call=replace(place.call, id=before.call.id), copied=place.copied)
        known = new.leg.cost_nanos in (None, charge.nanos)
        return None if known and _tells_the_same(fresh, before, _leg_of(conn, before)) else fresh
    usage = largest(before.leg.usage, new.leg.usage)
    leg = _leg_of(conn, before)
    stated = new.leg.cost_nanos
    place = new if rank(new) < rank(before) else before
    if usage == leg.usage and place is before and stated in (None, charge.nanos):
        return None
    model = new.leg.model or leg.model
    fees = max(leg.fees, new.leg.fees, key=lambda fees: sum(count for _, count in fees))
    context = new.leg.context if new.leg.context != _PLAIN else leg.context
    whole = Leg(model, usage, context=context, fees=fees, cost_nanos=stated)
    call = replace(place.call, id=before.call.id, model=model or place.call.model)
    return Logged(before.key, call, whole, before.response_id or new.response_id, copied=place.copied)


def _tells_the_same(one: Logged, before: Logged, leg: Leg) -> bool:
    context = None if terms.is_standard(one.leg.context) else one.leg.context
    known = None if terms.is_standard(leg.context) else leg.context
    of_both = (one.call, one.leg.usage, one.leg.fees, context, one.response_id, one.copied)
    return of_both == (before.call, leg.usage, leg.fees, known, before.response_id, before.copied)


def rank(row: Logged) -> tuple[bool, bool, int]:
    """Which of two copies tells where a response belongs: the lesser one."""
    return row.call.request_class == "sub-agent", row.copied, row.call.started_us


def largest(one: Usage, other: Usage) -> Usage:
    """Bucket by bucket the greater count."""
    return Usage(*map(max, astuple(one), astuple(other)))


def _leg_of(conn: sqlite3.Connection, row: Logged) -> Leg:
    for tier, speed, geo, fees in conn.execute(_LEG_OF, (row.call.id,)):
        counted = json.decode(fees, type=tuple[tuple[str, int], ...]) if fees else ()
        return replace(row.leg, context=Context(tier, speed, geo), fees=counted)
    return row.leg


def _logged_of(row: Row) -> tuple[Logged, Charge]:
    """A logged row from the columns `_LOGGED`; its leg has no context and no fees."""
    call = call_of(row[:_CALL_SIZE])
    key, _, response_id, nanos, confidence, marks, _, *buckets = row[_CALL_SIZE:]
    told = json.decode(marks, type=tuple[str, ...]) if marks else ()
    charge = Charge(nanos or 0, Confidence(confidence), tuple(mark for mark in told if mark != COPIED))
    return Logged(key, call, Leg(call.model, Usage(*buckets)), response_id, copied=COPIED in told), charge


def _since_last(conn: sqlite3.Connection, row: Logged) -> Logged | None:
    """What sums of a session grew by since they were seen last and no measured call tells; None if that is nothing.

    Where a part fell all began anew, but for sums of which the cost went on growing: there only that part did.
    """
    seen, cost, before = 0, 0, (0,) * len(BUCKETS)
    for number, nanos, *buckets in conn.execute(_SEEN, (row.key, row.call.agent)):
        seen, cost, before = number, nanos or 0, tuple(buckets)
    now, stated = astuple(row.leg.usage), row.leg.cost_nanos
    fell = any(new < old for new, old in zip(now, before, strict=True)) or (stated or 0) < cost
    if fell and not cost <= (stated or 0) > 0:
        cost, before = 0, (0,) * len(BUCKETS)
    grown = tuple(new - old if new >= old else new for new, old in zip(now, before, strict=True))
    since = None if stated is None else stated - cost
    if not any(grown) and not since:
        return None
    conn.execute(_PUT_TOTAL, (row.key, row.call.agent, seen + 1, stated, *now))
    leg = replace(row.leg, usage=Usage(*grown), cost_nanos=since)
    call = replace(row.call, dialect=SUMS)
    return echoes.lessened(conn, Logged(f"{row.key}#{seen + 1}", call, leg, parent=row.parent, summed=True))


class _Run(NamedTuple):
    """A guarded run that an agent's own session fell into."""

    id: str
    task: str | None
    start_us: int
    end_us: int


def _attributed(conn: sqlite3.Connection, rows: Sequence[Logged]) -> Iterable[Logged]:
    """The rows, each in the guarded run in which it fell, or else in a session of its own, which is written."""
    theirs = {row.call.agent_session for row in rows if row.call.agent_session}
    theirs |= {_own_id(row.parent) for row in rows if row.parent}
    runs: dict[str, list[_Run]] = {}
    for agent_session, *run in conn.execute(_RUNS, (json.encode(sorted(theirs)).decode(),)):
        runs.setdefault(agent_session, []).append(_Run(*run))
    own: dict[str, Logged] = {}
    ends: dict[str, tuple[int, int]] = {}
    for row in rows:
        call = row.call
        guarded = _within(runs.get(call.agent_session or "", ()), call.started_us)
        if guarded is not None:
            yield replace(row, call=replace(call, session=guarded.id, task=guarded.task))
            continue
        own.setdefault(call.session, row)
        first_us, last_us = ends.get(call.session, (call.started_us, call.started_us))
        ends[call.session] = (min(first_us, call.started_us), max(last_us, call.started_us))
        yield row
    for id, row in own.items():
        call, (first_us, last_us) = row.call, ends[id]
        place = (call.repo, call.worktree, call.branch)
        above = _within(runs.get(_own_id(row.parent), ()), call.started_us) if row.parent else None
        parent = above.id if above else row.parent
        conn.execute(_SESSION, (id, call.agent, first_us, *place, last_us, parent))


def _own_id(session: str) -> str:
    """What an agent itself calls a session of the ledger that is none of a guarded run."""
    return session.partition(":")[2]


def _within(runs: Sequence[_Run], at_us: int) -> _Run | None:
    return next((run for run in runs if run.start_us - BEFORE_US <= at_us <= run.end_us + AFTER_US), None)
