"""What a row of a logged response keeps."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.ledger.logs import price, seen, write
from tests.ledger.support import call, settlement
from tokenguard.ledger import Ledger
from tokenguard.ledger.values import Logs
from tokenguard.records import Context, Usage


def test_what_moves_a_price_is_kept(conn: sqlite3.Connection) -> None:
    write(
        conn,
        seen("m1", context=Context("priority"), fees=(("web_search", 2),)),
        seen("m2", context=Context("standard")),
    )
    assert conn.execute("SELECT tier, fees FROM legs").fetchall() == [("priority", '[["web_search",2]]')]
    write(conn, seen("m1", Usage(50)))
    assert conn.execute("SELECT tier, input FROM legs").fetchall() == [("priority", 50)]


async def test_measured_calls_are_numbered_apart(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "ledger.db")
    await ledger.settle(settlement(call(41)))
    assert (await ledger.log(Logs((seen("m9"),)), price)).added == 1
    await ledger.close()
    ledger = Ledger.open(tmp_path / "ledger.db")
    assert ledger.next_call_id == 42
    await ledger.close()
