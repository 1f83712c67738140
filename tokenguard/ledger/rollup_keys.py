"""The keys of the sums that are kept, and the numbers that stand for them in the tables."""

from __future__ import annotations

import sqlite3
from functools import lru_cache, partial

from tokenguard.ledger.rollups import BARE_KEYS, MODEL_KEYS
from tokenguard.ledger.sums import KEYS

Key = tuple[str | None, ...]
"""The values of `KEYS`, and `leg` and `role`, and those of `THREAD` where threads are told apart."""

COLUMNS = (*KEYS, "leg", "role")
WIDTH = len(COLUMNS)
"""How many values a key has without its thread."""
_LEG_AT, _ROLE_AT = COLUMNS.index("leg"), COLUMNS.index("role")

_MOST_KEYS, _MOST_THREADS = 100_000, 1_000
"""Numbers that are remembered: of the keys of years, of the threads of an hour."""

_ALWAYS = ("agent", "provider", "model", "request_class", "billing", "origin")
"""Those that every key has."""
_FIND = f"SELECT id, bare, by_model FROM rollup_keys WHERE {' AND '.join(f'{column} IS ?' for column in COLUMNS)}"
_NAME = f"""INSERT INTO rollup_keys ({", ".join(COLUMNS)}, bare, by_model)
    VALUES ({", ".join("?" for _ in COLUMNS)}, ?, ?)"""
_THREAD_OF = """INSERT INTO rollup_threads (session, agent_session, subagent, first, last) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (session, agent_session, subagent)
    DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last) RETURNING id"""
_KNOWN_THREAD = "SELECT id FROM rollup_threads WHERE session = ? AND agent_session = ? AND subagent = ?"


def _kept(keys: frozenset[str]) -> list[tuple[int | None, str | None]]:
    """Where a key that only these tell apart takes each of `KEYS` from, or what it has in its place."""
    return [(at if key in keys else None, "" if key in _ALWAYS else None) for at, key in enumerate(KEYS)]


_BARE, _MODEL = _kept(BARE_KEYS), _kept(MODEL_KEYS)


def bare_key(key: Key) -> Key | None:
    """The key that only `BARE_KEYS` tell apart; None for a part of a call, which the sums over calls do not have."""
    if key[_ROLE_AT] == "part":
        return None
    return (*(key[at] if at is not None else none for at, none in _BARE), None, "whole")


def model_key(key: Key) -> Key | None:
    """The key that only the leg and `MODEL_KEYS` tell apart; None for a call of several legs, which its parts are."""
    if key[_ROLE_AT] == "whole":
        return None
    return (*(key[at] if at is not None else none for at, none in _MODEL), key[_LEG_AT], "part")


def names_of(conn: sqlite3.Connection, key: Key) -> tuple[int, int | None, int | None]:
    """The number that stands for a key without its thread, and those for its `bare_key` and its `model_key`."""
    for number, bare, by_model in conn.execute(_FIND, key):
        return number, bare, by_model
    bare, by_model = (name_of(conn, narrow) if narrow else None for narrow in (bare_key(key), model_key(key)))
    return conn.execute(_NAME, (*key, bare, by_model)).lastrowid or 0, bare, by_model


def name_of(conn: sqlite3.Connection, key: Key) -> int:
    """The number that stands for a key that is kept as it is."""
    for number, _, _ in conn.execute(_FIND, key):
        return int(number)
    return conn.execute(_NAME, (*key, None, None)).lastrowid or 0


def thread_of(conn: sqlite3.Connection, whose: Key, hour: int) -> int:
    """The number that stands for a thread, by the values of `THREAD`, which has a call in this hour."""
    number: int = conn.execute(_THREAD_OF, (*(value or "" for value in whose), hour, hour)).fetchone()[0]
    return number


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
