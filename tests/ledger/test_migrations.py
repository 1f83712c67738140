from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.ledger.support import call, in_memory, settlement
from tokenguard.ledger import Ledger, Where, agreement, habits, migrations, queries, writes
from tokenguard.ledger.migrations import constraints
from tokenguard.ledger.values import Settlement
from tokenguard.records import Amount


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(in_memory()) as opened:
        yield opened


def test_migrating_again_changes_nothing(conn: sqlite3.Connection) -> None:
    writes.settle(conn, settlement(call(1)))
    migrations.migrate(conn)
    assert migrations.version_of(conn) == migrations.newest()
    assert queries.totals(conn).calls == 1


def test_what_a_crash_left_open_may_have_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migrations.STEPS
    old = sqlite3.connect(":memory:", isolation_level=None)
    monkeypatch.setattr(migrations, "STEPS", steps[:1])
    migrations.migrate(old)
    columns = "id, session, agent, provider, dialect, model, started_us, stream, request_class, state, cost_nanos"
    for number, state in ((1, "presumed"), (2, "settled")):
        values = (number, "s", "a", "p", "d", "m", number, 1, "main", state, 700)
        old.execute(f"INSERT INTO calls ({columns}) VALUES ({', '.join('?' for _ in values)})", values)
    monkeypatch.setattr(migrations, "STEPS", steps)
    migrations.migrate(old)
    rows = old.execute("SELECT cost_low, cost_high FROM calls ORDER BY id").fetchall()
    old.close()
    assert rows == [(0, 700), (None, None)]


def test_a_step_that_fails_leaves_the_file_as_it_was(conn: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(conn: sqlite3.Connection) -> None:
        conn.execute("ALTER TABLE calls ADD COLUMN novelty TEXT")
        conn.execute("SELECT novelty FROM absent")

    version = migrations.version_of(conn)
    monkeypatch.setattr(migrations, "STEPS", [*migrations.STEPS, broken])
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        migrations.migrate(conn)
    assert migrations.version_of(conn) == version
    assert "novelty" not in [row[1] for row in conn.execute("PRAGMA table_info(calls)")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE calls SET cost_nanos = 'much'",
        "UPDATE calls SET cost_nanos = -1",
        "UPDATE calls SET state = 'forgotten'",
        "UPDATE calls SET confidence = 'certain'",
        "UPDATE calls SET reserved_nanos = -1",
        "INSERT INTO legs SELECT * FROM legs",
    ],
)
def test_the_schema_keeps_nonsense_out(conn: sqlite3.Connection, statement: str) -> None:
    writes.settle(conn, settlement(call(1)))
    with pytest.raises(sqlite3.IntegrityError):
        conn.execute(statement)


@pytest.mark.parametrize("table", ["raises", "decisions"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET amount = 0"])
def test_what_is_audited_can_only_be_added(conn: sqlite3.Connection, statement: str, table: str) -> None:
    conn.execute("INSERT INTO raises VALUES (1, 'day', '', 5, 'usd', 'why', 'who', 1, NULL)")
    conn.execute("INSERT INTO decisions (at_us, kind, who) VALUES (1, 'deny', 'who')")
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} are append-only"):
        conn.execute(statement.format(table))


def test_no_row_is_checked_by_a_list(conn: sqlite3.Connection) -> None:
    """SQLite makes a table of three or more behind `IN` each time."""
    made = conn.execute("SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'calls' AND sql IS NOT NULL").fetchall()
    assert {"calls", "calls_failed"} <= {name for name, _ in made}
    assert [name for name, sql in made if re.search(r"IN \((?:[^,)]+,){2}", sql)] == []
    assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def put_as_they_are(conn: sqlite3.Connection, *settlements: Settlement) -> None:
    """Write the rows of calls alone: what is kept beside them is another in each version."""
    with closing(in_memory()) as today:
        for one in settlements:
            writes.settle(today, one)
        for table in ("calls", "legs"):
            rows = today.execute(f"SELECT * FROM {table}").fetchall()
            conn.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in rows[0])})", rows)


@pytest.fixture
def before_19(monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """A ledger as step 18 left it, with a call that was settled and one that failed."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:18])
        migrations.migrate(conn)
    put_as_they_are(conn, settlement(call(1)), replace(settlement(call(2)), outcome="cut"))
    yield conn
    conn.close()


NONSENSE = ("UPDATE calls SET state = 'forgotten'", "UPDATE calls SET confidence = 'certain'")


def refused(conn: sqlite3.Connection) -> list[str]:
    found: list[str] = []
    for statement in NONSENSE:
        try:
            conn.execute(statement)
        except sqlite3.IntegrityError as error:
            found.append(str(error))
    return found


def test_rows_stay_when_what_checks_them_is_written_otherwise(before_19: sqlite3.Connection) -> None:
    rows = before_19.execute("SELECT * FROM calls").fetchall()
    migrations.migrate(before_19)
    assert before_19.execute("SELECT * FROM calls").fetchall() == rows
    assert [habit.kind for habit in habits.failed(before_19, 0, 2**60)] == ["cut"]
    assert len(refused(before_19)) == len(NONSENSE)
    assert before_19.execute("PRAGMA writable_schema").fetchone()[0] == 0
    assert before_19.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_where_sqlite_lets_nobody_write_its_schema_the_lists_stay(
    before_19: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constraints, "_WRITABLE", "PRAGMA writable_schema = OFF")
    migrations.migrate(before_19)
    assert migrations.version_of(before_19) == migrations.newest()
    assert [habit.kind for habit in habits.failed(before_19, 0, 2**60)] == ["cut"]
    assert len(refused(before_19)) == len(NONSENSE)


def test_another_connection_sees_how_rows_are_checked_now(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as one:
        for number, step in enumerate(migrations.STEPS[:18], 1):
            step(one)
            one.execute(f"PRAGMA user_version = {number}")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            put_as_they_are(other, settlement(call(1)))
            migrations.migrate(one)
            assert len(refused(other)) == len(NONSENSE)
            assert [habit.kind for habit in habits.failed(other, 0, 2**60)] == []


OFTEN_ASKED: list[tuple[Callable[[sqlite3.Connection], object], str]] = [
    (lambda conn: queries.open_reservations(conn), "calls_open"),
    (lambda conn: queries.open_reservations(conn, before_id=5), "calls_open"),
    (lambda conn: queries.spent(conn), "r USING PRIMARY KEY (size=?)"),
    (lambda conn: queries.spent(conn, since_us=5), "r USING PRIMARY KEY (size=? AND start>?)"),
    (lambda conn: queries.spent(conn, since_us=5), "calls_started (started_us>? AND started_us<?)"),
    (lambda conn: queries.spent(conn, Where(repo="/r"), 5, 9), "calls_started (started_us>? AND started_us<?)"),
    (lambda conn: queries.spent(conn, Where(session="s")), "calls_session (session=?)"),
    (lambda conn: queries.leaving(conn, Where(repo="/r"), 5, 9, 3), "calls_started (started_us>? AND started_us<?)"),
    (lambda conn: queries.latest_start(conn), "calls_started"),
    (lambda conn: queries.decisions(conn, 5), "decisions_at"),
    (lambda conn: queries.first_charge(conn, 5, None), "calls_started (started_us>?)"),
    (lambda conn: queries.running_sessions(conn), "sessions_running"),
    (lambda conn: queries.recent_sessions(conn, 5), "sessions_started"),
    (lambda conn: queries.session_by_token(conn, b"x"), "(token_hash=?)"),
    (lambda conn: writes.presume(conn, 5, 5), "calls_open"),
    (lambda conn: habits.easy(conn, 5, 9), "calls_easy"),
    (
        lambda conn: habits.beyond(conn, "anthropic", "opus", (100_000, None), 5, 9),
        "COVERING INDEX calls_long (provider=? AND model=?)",
    ),
    (lambda conn: habits.gone_cold(conn, 5, 9), "calls_cold"),
    (lambda conn: habits.gone_cold(conn, 5, 9), "calls_session (session=? AND started_us<?)"),
    (lambda conn: habits.unread(conn, 5, 9), "calls_cold"),
    (lambda conn: habits.failed(conn, 5, 9), "calls_failed"),
]


@pytest.mark.parametrize(("ask", "index"), OFTEN_ASKED)
def test_what_is_asked_often_uses_an_index(
    conn: sqlite3.Connection, ask: Callable[[sqlite3.Connection], object], index: str
) -> None:
    for number in range(1, 50):
        writes.reserve(conn, call(number, session=f"s{number}"), Amount(1, 1, 1), None)
        writes.settle(conn, settlement(call(number, session=f"s{number}")))
    asked: list[str] = []
    conn.set_trace_callback(asked.append)
    ask(conn)
    conn.set_trace_callback(None)
    plan = [row[3] for sql in asked for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert any(index in step for step in plan), plan
    assert not [step for step in plan if step.startswith("SCAN") and "INDEX" not in step], plan


def test_a_ledger_from_before_sub_agents_keeps_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migrations.STEPS
    old = sqlite3.connect(":memory:", isolation_level=None)
    monkeypatch.setattr(migrations, "STEPS", steps[:7])
    migrations.migrate(old)
    old.execute("INSERT INTO sessions (id, agent, started_us, labels, upstreams) VALUES ('s', 'claude', 1, '[]', '[]')")
    monkeypatch.setattr(migrations, "STEPS", steps)
    migrations.migrate(old)
    known = queries.running_sessions(old)
    writes.settle(old, settlement(call(1)))
    (group,) = queries.grouped(old, ["session", "sub-agent"])
    old.close()
    assert [(one.id, one.parent) for one in known] == [("s", None)]
    assert (group.key, group.totals.calls) == (("s1", None), 1)


async def test_a_ledger_from_before_logs_were_read_keeps_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = migrations.STEPS
    monkeypatch.setattr(migrations, "STEPS", steps[:6])
    with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as old:
        migrations.migrate(old)
        columns = "id, session, agent, provider, dialect, model, started_us, stream, request_class, state, cost_nanos"
        values = (1, "s", "claude", "anthropic", "d", "opus", 1, 1, "main", "settled", 700)
        old.execute(f"INSERT INTO calls ({columns}) VALUES ({', '.join('?' for _ in values)})", values)
    monkeypatch.setattr(migrations, "STEPS", steps)
    ledger = Ledger.open(tmp_path / "ledger.db")
    assert agreement.agrees_as_a_whole(ledger.read())
    assert queries.totals(ledger.read(), Where(origin="measured")).cost_nanos == 700
    assert queries.totals(ledger.read(), Where(origin="logged")).calls == 0
    await ledger.close()
