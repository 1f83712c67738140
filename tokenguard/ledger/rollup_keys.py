"""The keys of the sums that are kept, and the numbers that stand for them in the tables."""

from __future__ import annotations

import sqlite3
from functools import lru_cache, partial

from tokenguard.ledger.phases import STORED, stored
from tokenguard.ledger.rollups import ALWAYS, NARROW, Narrow
from tokenguard.ledger.sums import KEYS

Key = tuple[str | None, ...]
"""The values of `KEYS`, and `leg` and `role`, and those of `THREAD` where threads are told apart."""

COLUMNS = (*KEYS, "leg", "role")
WIDTH = len(COLUMNS)
"""How many values a key has without its thread."""
_LEG_AT, _ROLE_AT = COLUMNS.index("leg"), COLUMNS.index("role")

_MOST_KEYS, _MOST_THREADS = 100_000, 1_000
"""Numbers that are remembered: of the keys of years, of the threads of an hour."""

_NUMBERS = ", ".join(narrow.number for narrow in NARROW)
# The phase comes with them: to ask for it by itself would take several times as long, for each charge.
_FIND = f"SELECT id, {_NUMBERS}, {STORED} FROM rollup_keys WHERE {' AND '.join(f'{column} IS ?' for column in COLUMNS)}"
_NAME = f"""INSERT INTO rollup_keys ({", ".join(COLUMNS)}, {_NUMBERS})
    VALUES ({", ".join("?" for _ in (*COLUMNS, *NARROW))})"""
OF_ALL = "(billing <> '' AND agent || provider || model <> '')"
"""Of which keys each charge has one: narrow ones lack who pays, or all of the others."""
_UNNAMED = f"SELECT {', '.join(COLUMNS)} FROM rollup_keys WHERE {{}} IS NULL AND {OF_ALL}"
_SEEN = """SELECT id FROM rollup_threads
    WHERE session = ?1 AND agent_session = ?2 AND subagent = ?3 AND first <= ?4 AND last >= ?4"""
_THREAD_OF = """INSERT INTO rollup_threads (session, agent_session, subagent, first, last) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (session, agent_session, subagent)
    DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last) RETURNING id"""
_KNOWN_THREAD = "SELECT id FROM rollup_threads WHERE session = ? AND agent_session = ? AND subagent = ?"


Names = tuple[int, int | None, int | None, int | None, int | None, int | None, int | None]
"""The number that stands for a key without its thread, those for the narrower keys, in the order of `NARROW`, and the
phase of the ledger, in microseconds."""

_SOURCES = {
    narrow: [(at if key in narrow.keys else None, "" if key in ALWAYS else None) for at, key in enumerate(KEYS)]
    for narrow in NARROW
}
"""Where a narrow key takes each of `KEYS` from, or what it has in its place."""


def columns_of(narrow: Narrow) -> tuple[str, str]:
    """The keys of narrow sums, as the columns of a source that has `KEYS` and by leg a `leg`; those that tell apart."""
    told = [f"s.{key}" for key in KEYS if key in narrow.keys] + ["s.leg"] * narrow.by_leg
    keys = (f"s.{KEYS[at]}" if at is not None else "NULL" if none is None else "''" for at, none in _SOURCES[narrow])
    leg, role = ("s.leg", "'part'") if narrow.by_leg else ("NULL", "'whole'")
    return ", ".join([*keys, leg, role]), ", ".join(told)


@lru_cache(_MOST_KEYS)
def narrow_key(key: Key, narrow: Narrow) -> Key | None:
    """The key that only what is narrow tells apart, by one without its thread; None for those its sums do not have.

    Those are, over calls, the parts of a call, and by leg a call of several, which its parts are.
    """
    if key[_ROLE_AT] == ("whole" if narrow.by_leg else "part"):
        return None
    kept = (key[at] if at is not None else none for at, none in _SOURCES[narrow])
    return (*kept, key[_LEG_AT], "part") if narrow.by_leg else (*kept, None, "whole")


def names_of(conn: sqlite3.Connection, key: Key) -> Names:
    """The numbers that stand for a key without its thread."""
    names: Names
    for names in conn.execute(_FIND, key):
        return names
    bare, by_model, by_agent, by_task, by_place = (_narrow_name(conn, key, narrow) for narrow in NARROW)
    number = conn.execute(_NAME, (*key, bare, by_model, by_agent, by_task, by_place)).lastrowid or 0
    return number, bare, by_model, by_agent, by_task, by_place, stored(conn)


def name_of(conn: sqlite3.Connection, key: Key) -> int:
    """The number that stands for a key that is kept as it is."""
    for number, *_ in conn.execute(_FIND, key):
        return int(number)
    return conn.execute(_NAME, (*key, *(None for _ in NARROW))).lastrowid or 0


def name_narrow(conn: sqlite3.Connection, narrow: Narrow) -> None:
    """Give all keys the number of their narrow one that a former version did not give them."""
    named = {key: _narrow_name(conn, key, narrow) for key in conn.execute(_UNNAMED.format(narrow.number)).fetchall()}
    assigned = f"UPDATE rollup_keys SET {narrow.number} = ? WHERE {' AND '.join(f'{one} IS ?' for one in COLUMNS)}"
    conn.executemany(assigned, [(number, *key) for key, number in named.items() if number is not None])


def _narrow_name(conn: sqlite3.Connection, key: Key, narrow: Narrow) -> int | None:
    narrower = narrow_key(key, narrow)
    return None if narrower is None else name_of(conn, narrower)


def thread_of(conn: sqlite3.Connection, whose: Key, hour: int) -> int:
    """The number that stands for a thread, by the values of `THREAD`, which has a call in this hour."""
    session, agent_session, subagent = (value or "" for value in whose)
    # Most have had one in it already, and looking takes half as long as writing.
    for (number,) in conn.execute(_SEEN, (session, agent_session, subagent, hour)):
        return int(number)
    return int(conn.execute(_THREAD_OF, (session, agent_session, subagent, hour, hour)).fetchone()[0])


class Numbers:
    """The numbers that stand for keys and threads, looked up once: for those who sum up many hours at once."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.names_of = lru_cache(_MOST_KEYS)(partial(names_of, conn))
        self.name_of = lru_cache(_MOST_KEYS)(partial(name_of, conn))
        # Of each hour anew: a thread knows its first and last one.
        self.thread_of = lru_cache(_MOST_THREADS)(partial(thread_of, conn))


def known_thread(conn: sqlite3.Connection, whose: Key) -> int | None:
    """The number that stands for a thread, if there is one."""
    found = conn.execute(_KNOWN_THREAD, [value or "" for value in whose]).fetchone()
    return None if found is None else int(found[0])
