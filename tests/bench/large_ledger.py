"""A ledger of many calls, made fast: a year of them, evenly, the last one now.

python -m tests.bench.large_ledger PATH [--calls N]     PATH must not exist; 10,000,000 calls take about 4 GB
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from pathlib import Path

from tokenguard.config.zones import local_zone
from tokenguard.ledger.filling import fill
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.phases import phase_of
from tokenguard.ledger.rollups import NARROW

YEAR_US = 365 * 86_400_000_000

# 500 calls a session, of four models; 12 repositories with 40 branches; one call in twenty of two legs. One in twelve
# is a prompt, of which a third is answered without tools; one in a hundred is given up, another one fails.
_CALLS = """
    WITH RECURSIVE numbers (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2),
    drawn AS MATERIALIZED (
        SELECT n, n / 500 + abs(random()) % 4 AS s, abs(random()) % 4 AS m, abs(random()) % 5000 AS i,
            abs(random()) % 200000 AS r, abs(random()) % 2000 AS o
        FROM numbers
    )
    INSERT INTO calls (id, session, agent, provider, dialect, model, started_us, stream, repo, branch, request_class,
        state, reserved_nanos, reserved_tokens, ended_us, status, outcome, cost_nanos, confidence, input, cache_read,
        cache_write_5m, output, served, response_id, billing, task_type, tool_free)
    SELECT n, printf('session-%08x', s), iif(m = 3, 'codex', 'claude'), iif(m = 3, 'openai', 'anthropic'),
        iif(m = 3, 'openai-responses', 'anthropic-messages'), {model}, ?3 - (?4 - n) * ?5, 1,
        printf('/home/somebody/src/repository-%d', s % 12), printf('feat/branch-%d', s % 40), 'main',
        'settled', 300000000, 120000, ?3 - (?4 - n) * ?5 + 1000000, 200,
        CASE n % 100 WHEN 1 THEN 'client-gone' WHEN 2 THEN 'provider-error' ELSE 'ok' END,
        (i + r + 3000 + o) * 700, 'exact', i, r, 3000, o, {model}, printf('msg_%024x', n),
        iif(s % 3, 'metered', 'subscription'),
        CASE n % 12 WHEN 0 THEN 'chat' WHEN 1 THEN 'search' WHEN 2 THEN 'test' ELSE 'feature' END, n % 36 = 0
    FROM drawn
"""
_MODELS = ("claude-opus-5-5", "claude-sonnet-5", "claude-haiku-5-5", "gpt-6.1")
_MODEL = f"CASE m {' '.join(f'WHEN {number} THEN {name!r}' for number, name in enumerate(_MODELS))} END"
_FIRST_LEGS = """
    INSERT INTO legs (call_id, idx, model, kind, billed, cost_nanos, input, cache_read, cache_write_5m, cache_write_1h,
        output, reasoning)
    SELECT id, 0, model, 'message', 1, iif(id % 20, cost_nanos, cost_nanos - 7000), input - iif(id % 20, 0, 10),
        cache_read, cache_write_5m, 0, output, 0
    FROM calls WHERE id BETWEEN ? AND ?
"""
_SECOND_LEGS = """
    INSERT INTO legs (call_id, idx, model, kind, billed, cost_nanos, input, cache_read, cache_write_5m, cache_write_1h,
        output, reasoning)
    SELECT id, 1, 'claude-haiku-5-5', 'advisor_message', 1, 7000, 10, 0, 0, 0, 0, 0
    FROM calls WHERE id % 20 = 0 AND id BETWEEN ? AND ?
"""
_CHUNK = 100_000


def generate(path: Path, calls: int, until_us: int) -> float:
    """Begin a ledger with this many calls of the year before `until_us`; the seconds of CPU that its sums took.

    Its phase is that of the machine's zone.
    """
    conn, _ = open_for_writing(path, "normal", phase_us=phase_of(local_zone(), until_us))
    conn.execute("PRAGMA synchronous = OFF")
    conn.execute("BEGIN")
    indexes = conn.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'calls'").fetchall()
    for name, _ in indexes:
        conn.execute(f"DROP INDEX {name}")
    for start in range(1, calls + 1, _CHUNK):
        end = min(start + _CHUNK - 1, calls)
        conn.execute(_CALLS.format(model=_MODEL), (start, end, until_us, calls, YEAR_US // calls))
        conn.execute(_FIRST_LEGS, (start, end))
        conn.execute(_SECOND_LEGS, (start, end))
    for _, sql in indexes:
        conn.execute(sql)
    conn.execute("COMMIT")
    started = time.process_time()
    fill(conn)
    took = time.process_time() - started
    _sessions(conn, calls)
    conn.close()
    return took


def before_narrow_sums(path: Path) -> None:
    """Leave a ledger as one is whose hours are summed up, but not yet by what the narrow sums tell apart."""
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("BEGIN")
    for narrow in (one for one in NARROW if one.units == 1):
        conn.execute("DELETE FROM rollups WHERE size = ?", (narrow.size,))
        conn.execute(f"UPDATE rollup_keys SET {narrow.number} = NULL")
    conn.execute(
        """INSERT INTO rollup_due (source, since, until, next)
        SELECT 'hours', min(start), max(start) + 1, min(start) FROM rollups WHERE size = 1"""
    )
    conn.execute("COMMIT")
    conn.close()


def _sessions(conn: sqlite3.Connection, calls: int) -> None:
    """The last sessions of the calls, as running and ended ones."""
    conn.execute(
        """
        INSERT INTO sessions (id, agent, started_us, repo, branch, labels, upstreams, ended_us)
        SELECT session, min(agent), min(started_us), min(repo), min(branch), '[]', '[]', max(started_us)
        FROM calls WHERE id > ? GROUP BY session
        """,
        (calls - 200_000,),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--calls", type=int, default=10_000_000)
    asked = parser.parse_args()
    started = time.perf_counter()
    filled = generate(asked.path, asked.calls, time.time_ns() // 1000)
    size = asked.path.stat().st_size / 2**20
    took = time.perf_counter() - started
    print(f"{asked.calls:,} calls, {size:,.0f} MiB, in {took:.0f} s; sums in {filled:.1f} s of CPU")


if __name__ == "__main__":
    main()
