"""How far logs were read, and what was odd."""

from __future__ import annotations

import sqlite3

from tests.ledger.logs import price, seen
from tokenguard.ledger import logged
from tokenguard.ledger.log_state import labelled, oddities, unpriced
from tokenguard.ledger.values import LogFile, Logs, Oddity
from tokenguard.records import Call, Charge, Confidence, Leg


def test_states_of_files_and_what_was_odd_are_kept(conn: sqlite3.Connection) -> None:
    file = LogFile("/f", "codex", 1, 2, 3, 4, 5, b"head", b"state", "thread")
    odd = Oddity("/f", "codex", "dropped", "no-id", 2)
    logged.write(conn, Logs(files=(file,), oddities=(odd,), anew=("/f",)), price)
    logged.write(conn, Logs(oddities=(odd,)), price)
    assert labelled(conn, "codex", "thread") == b"state"
    assert [(one.agent, one.detail, one.count, one.example) for one in oddities(conn)] == [("codex", "no-id", 4, "/f")]
    logged.write(conn, Logs(oddities=(odd,), anew=("/f",)), price)
    assert [one.count for one in oddities(conn)] == [2]


def test_models_without_a_price_are_told(conn: sqlite3.Connection) -> None:
    def bound(of: Call, leg: Leg) -> Charge:
        return Charge(5, Confidence.BOUND, ("unknown-model:priced-as=opus",))

    logged.write(conn, Logs((seen("m1", model="mystery"), seen("m2", model="mystery"))), bound)
    assert unpriced(conn) == [("claude", "mystery", 2)]
