"""How the turns of a conversation grow: what the first ones cost and sent, and what the last ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec import Struct, json

from tokenguard.ledger.rows import fetch
from tokenguard.ledger.sums import CHARGED

_PROMPT = "c.input + c.cache_read + c.cache_write_5m + c.cache_write_1h"
_GROWTH = f"""
    WITH turns AS (
        SELECT coalesce(c.agent_session, c.session) AS conversation, coalesce(c.cost_nanos, 0) AS nanos,
               {_PROMPT} AS prompt,
               row_number() OVER (PARTITION BY coalesce(c.agent_session, c.session) ORDER BY c.started_us, c.id) AS n,
               count(*) OVER (PARTITION BY coalesce(c.agent_session, c.session)) AS count
        FROM calls AS c
        WHERE {CHARGED} AND c.request_class = 'main' AND c.session IN (SELECT value FROM json_each(?))
            AND coalesce(c.agent_session, c.session) IN (SELECT value FROM json_each(?))
    )
    SELECT conversation, count(*), sum(nanos), sum(n), sum(n * n), sum(n * nanos),
           sum(iif(n <= max(1, count / 5), 1, 0)), sum(iif(n <= max(1, count / 5), nanos, 0)),
           sum(iif(n <= max(1, count / 5), prompt, 0)),
           sum(iif(n > count - max(1, count / 5), nanos, 0)), sum(iif(n > count - max(1, count / 5), prompt, 0))
    FROM turns GROUP BY conversation
"""


class Growth(Struct, frozen=True):
    """The turns of a conversation; several are added up. Money is at list price, whoever pays."""

    conversations: int = 0
    turns: int = 0
    nanos: int = 0
    steps: int = 0
    """Turns that have one before them, and `rise` how much more they cost than those, by the line through them all."""
    rise: int = 0
    edge: int = 0
    """How many turns the first fifth has, and the last one."""
    first_nanos: int = 0
    first_prompt: int = 0
    last_nanos: int = 0
    last_prompt: int = 0

    def __add__(self, other: Growth) -> Growth:
        return Growth(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


def growth(conn: sqlite3.Connection, sessions: Sequence[str], conversations: Sequence[str]) -> dict[str, Growth]:
    """Of these conversations, which belong to these sessions, by conversation. All of their turns are read."""
    found: dict[str, Growth] = {}
    for name, *sums in fetch(conn, _GROWTH, [json.encode(list(one)).decode() for one in (sessions, conversations)]):
        turns, nanos, n, squares, products, edge, *ends = sums
        spread = turns * squares - n * n
        slope = (turns * products - n * nanos) / spread if spread else 0.0
        found[name] = Growth(1, turns, nanos, turns - 1, round(slope * (turns - 1)), edge, *ends)
    return found
