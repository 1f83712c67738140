"""Calls that cost more than they had to, found among all others by indexes of their own: what advice is made of.

Each question reads the few calls that fit it, and none of the others. The conditions are those of the indexes
`calls_easy`, `calls_long`, `calls_cold` and `calls_failed`, word for word: SQLite uses them only so.

A conversation is what a session, an agent's own session or a sub-agent in it asks, one call after the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec import Struct

from tokenguard.ledger.rows import Row, fetch
from tokenguard.records import Confidence, Usage

SHORT = 500
"""Tokens of an answer that is short at most."""
LONG = 100_000
"""Tokens from which on prompts are looked at for their length: no agent's model has a price cliff below."""
AGAIN_US = 60_000_000
"""How soon after a call that failed another one is a retry."""
LIFE_US = {"5m": 300_000_000, "1h": 3_600_000_000}
"""How long providers keep what was cached, after it was used last."""

_PROMPT = "input + cache_read + cache_write_5m + cache_write_1h"
_EASY = f"tool_free = 1 AND output BETWEEN 1 AND {SHORT}"
_LONG = f"{_PROMPT} >= {LONG} AND dialect <> 'log-sums'"
_COLD = f"cache_read * 2 < {_PROMPT} AND {_PROMPT} >= 4096 AND dialect <> 'log-sums'"
_FAILURES = ("client-gone", "cut", "provider-error", "refused-upstream", "unreachable")
_FAILED = "(" + " OR ".join(f"outcome = '{one}'" for one in _FAILURES) + ")"

_NO_END = 2**62

_STEPS = (100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000, 524_288)
"""Lengths at which some model's price changes: calls on both sides of one are not summed up together."""
_LENGTH = " + ".join(f"(c.prompt > {step})" for step in _STEPS)
_SUMS = ", ".join(
    ["count(*)", "coalesce(sum(c.cost_nanos), 0)", "min(c.confidence)", "max(c.prompt)", "max(c.started_us)"]
    + [f"sum(c.{bucket})" for bucket in ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")]
)
_SAME = "{a}.session = {b}.session AND {a}.agent_session IS {b}.agent_session AND {a}.subagent IS {b}.subagent"
_KEPT = "cost_nanos, confidence, started_us, input, cache_read, cache_write_5m, cache_write_1h, output"


class Habit(Struct, frozen=True):
    """Calls that have something in common, summed up. All their prompts are priced at the same rates."""

    provider: str
    model: str
    agent: str
    billing: str
    kind: str
    """What tells these from others that were found with them; see each question."""
    calls: int
    nanos: int
    """What they cost."""
    confidence: Confidence
    longest: int
    """Tokens of the longest prompt among them."""
    latest_us: int
    usage: Usage
    """All their tokens, or those that the question is about."""


def easy(conn: sqlite3.Connection, since_us: int, until_us: int) -> list[Habit]:
    """Calls with short answers in which no tool had a part, by request class."""
    calls = f"""SELECT provider, model, agent, billing, request_class AS kind, {_PROMPT} AS prompt, {_KEPT}
        FROM calls INDEXED BY calls_easy
        WHERE {_EASY} AND started_us >= ? AND started_us < ? AND cost_nanos IS NOT NULL"""
    return _summed(conn, calls, [since_us, until_us])


def models(conn: sqlite3.Connection) -> list[tuple[str, str]]:
    """(provider, model) of all calls there ever were."""
    sql = "SELECT DISTINCT provider, model FROM rollup_keys WHERE model <> ''"
    return [(row[0], row[1]) for row in fetch(conn, sql, [])]


def beyond(
    conn: sqlite3.Connection, provider: str, model: str, prompts: tuple[int, int | None], since_us: int, until_us: int
) -> list[Habit]:
    """Calls of a model whose prompts have more tokens than the first, but no more than the second of two numbers.

    Their kind is their session.
    """
    above, most = prompts
    # In the order of the index: grouping by more would have to sort what was found.
    sql = f"""SELECT provider, model, max(agent), billing, session, {_SUMS}
        FROM (SELECT *, {_PROMPT} AS prompt FROM calls INDEXED BY calls_long
            WHERE {_LONG} AND provider = ? AND model = ? AND {_PROMPT} BETWEEN ? AND ?
                AND started_us >= ? AND started_us < ? AND cost_nanos IS NOT NULL) AS c
        GROUP BY session, billing"""
    span = [above + 1, _NO_END if most is None else most, since_us, until_us]
    return [_habit_of(row) for row in fetch(conn, sql, [provider, model, *span])]


def gone_cold(conn: sqlite3.Connection, since_us: int, until_us: int) -> list[Habit]:
    """Calls that sent again what a provider had cached, because their conversation had paused for longer than it keeps.

    Sub-agents without an id cannot be told apart, and what agents ask beside their conversations has no order: neither
    counts. Where a conversation was made shorter, or went on with another model, the pause is not to blame.

    Their usage is what had to be sent again, as it was paid for. Their kind is `hour` where a cache of an hour would
    have been enough, else `longer`.
    """
    life = f"iif(p.cache_write_1h > p.cache_write_5m, {LIFE_US['1h']}, {LIFE_US['5m']})"
    cold = f"""SELECT {_columns("provider, model, agent, billing")}, c.confidence, c.cost_nanos, c.started_us, c.prompt,
            c.input, c.cache_write_5m, c.cache_write_1h, p.held - c.cache_read AS lost,
            c.started_us - p.ended AS paused
        FROM ({_cold_calls()}) AS c JOIN (
            SELECT id, model, {_PROMPT} AS prompt, cache_write_5m, cache_write_1h,
                cache_read + cache_write_5m + cache_write_1h AS held, coalesce(ended_us, started_us) AS ended
            FROM calls) AS p ON p.id = (
                SELECT b.id FROM calls AS b
                WHERE {_SAME.format(a="b", b="c")} AND b.request_class = c.request_class AND b.started_us < c.started_us
                    AND b.state = 'settled'
                ORDER BY b.started_us DESC LIMIT 1)
        WHERE (c.request_class = 'main' OR (c.request_class = 'sub-agent' AND c.subagent IS NOT NULL))
            AND p.model = c.model AND c.prompt * 5 >= p.prompt * 4 AND p.held > c.cache_read AND paused > {life}"""
    # What was written to a cache anew comes first: it is what had been there.
    calls = f"""SELECT provider, model, agent, billing, iif(paused <= {LIFE_US["1h"]}, 'hour', 'longer') AS kind,
            prompt, cost_nanos, confidence, started_us, 0 AS cache_read, 0 AS output,
            min(lost, cache_write_5m) AS cache_write_5m,
            min(max(lost - cache_write_5m, 0), cache_write_1h) AS cache_write_1h,
            min(max(lost - cache_write_5m - cache_write_1h, 0), input) AS input
        FROM ({cold}) WHERE lost >= 1024"""
    return _summed(conn, calls, [since_us, until_us])


def unread(conn: sqlite3.Connection, since_us: int, until_us: int) -> list[Habit]:
    """Calls that wrote most of their prompt to a cache from which nobody read: no other call of their conversation ever
    did, nor the first call of another one while it lasted, which may begin in the same way.

    Their usage is what was written; their kind is the request class.
    """
    own = _SAME.format(a="n", b="c")
    life = f"iif(c.cache_write_1h > 0, {LIFE_US['1h']}, {LIFE_US['5m']})"
    around = 2 * LIFE_US["1h"]
    calls = f"""SELECT provider, model, agent, billing, request_class AS kind, prompt, cost_nanos, confidence,
            started_us, 0 AS input, 0 AS cache_read, cache_write_5m, cache_write_1h, 0 AS output
        FROM ({_cold_calls()}) AS c
        WHERE cache_write_5m + cache_write_1h > 0 AND NOT EXISTS (
            SELECT 1 FROM calls AS n
            WHERE {own} AND n.started_us BETWEEN c.started_us - {around} AND c.started_us + {around}
                AND n.id <> c.id AND n.cache_read > 0)
        AND NOT EXISTS (
            SELECT 1 FROM calls AS n
            WHERE n.started_us > c.started_us AND n.started_us < c.started_us + {life} AND n.model = c.model
                AND n.cache_read BETWEEN 1 AND c.prompt AND NOT ({own}) AND NOT EXISTS (
                    SELECT 1 FROM calls AS e WHERE {_SAME.format(a="e", b="n")} AND e.started_us < n.started_us))"""
    return _summed(conn, calls, [since_us, until_us])


def failed(conn: sqlite3.Connection, since_us: int, until_us: int) -> list[Habit]:
    """Calls that nobody had anything of. Their kind is the outcome, with `+again` where another call followed at once.

    `client-gone` and `cut` are answers that were given up; `throttled` is what a provider refuses for its rate limit.
    What it refuses for other reasons is nobody's habit.
    """
    again = f"""EXISTS (SELECT 1 FROM calls AS n
        WHERE {_SAME.format(a="n", b="f")} AND n.request_class = f.request_class AND n.started_us > f.started_us
            AND n.started_us < coalesce(f.ended_us, f.started_us) + {AGAIN_US})"""
    outcome = "iif(outcome = 'refused-upstream', 'throttled', outcome)"
    calls = f"""SELECT provider, model, agent, billing, {outcome} || iif({again}, '+again', '') AS kind,
            {_PROMPT} AS prompt, {_KEPT}
        FROM calls AS f INDEXED BY calls_failed
        WHERE {_FAILED} AND (outcome <> 'refused-upstream' OR status = 429) AND started_us >= ? AND started_us < ?"""
    return _summed(conn, calls, [since_us, until_us])


def _cold_calls() -> str:
    """Calls of which a provider had little in its cache, though their prompts are large enough for that."""
    return f"""SELECT *, {_PROMPT} AS prompt FROM calls INDEXED BY calls_cold
        WHERE {_COLD} AND started_us >= ? AND started_us < ? AND request_class <> 'compaction'
            AND cost_nanos IS NOT NULL"""


def _columns(names: str) -> str:
    return ", ".join(f"c.{name}" for name in names.split(", "))


def _summed(conn: sqlite3.Connection, calls: str, values: Sequence[object]) -> list[Habit]:
    keys = _columns("provider, model, agent, billing, kind")
    sql = f"SELECT {keys}, {_SUMS} FROM ({calls}) AS c GROUP BY {keys}, {_LENGTH}"
    return [_habit_of(row) for row in fetch(conn, sql, values)]


def _habit_of(row: Row) -> Habit:
    provider, model, agent, billing, kind, calls, nanos, confidence, longest, latest_us, *usage = row
    trust = Confidence(confidence or Confidence.EXACT)
    return Habit(provider, model, agent, billing, kind, calls, nanos, trust, longest, latest_us, Usage(*usage))
