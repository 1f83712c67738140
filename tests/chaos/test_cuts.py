"""A sample of the cuts; `python -m tests.chaos.cuts` makes 5,000."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from tests.chaos import cases
from tests.chaos.cuts import run, summary, table
from tests.chaos.lane import SILENCE_S, leave
from tokenguard.ledger import Ledger
from tokenguard.records import Amount, Call, Verdict


async def test_the_interval_holds_the_bill_and_nothing_costs_more(tmp_path: Path) -> None:
    results = await run(300, 7, 24, tmp_path)
    found, shown = summary(results), table(results)
    missed = [result for result in results if not result.contained]
    assert found.cuts > 280 and len(missed) <= 1, f"{shown}\n{missed}"
    assert found.drained_exact == found.drained >= 20, shown
    assert found.dearer == 0, shown
    assert all(result.cost == result.truth for result in results if result.confidence == "exact"), shown


async def test_clients_that_leave_before_they_are_let_through_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine whose disk is busy."""
    reserve = Ledger.reserve

    async def slowly(ledger: Ledger, call: Call, reserved: Amount, verdict: Verdict | None = None) -> None:
        await asyncio.sleep(0.2)
        await reserve(ledger, call, reserved, verdict)

    monkeypatch.setattr(Ledger, "reserve", slowly)
    results = await run(60, 7, 12, tmp_path)
    assert 0 < len(results) < 60 and {result.case.way for result in results} - {"leave-time"}
    assert summary(results).dearer == 0


async def test_a_client_that_was_stopped_itself_does_not_take_a_stream_for_hung() -> None:
    """As on a machine that is busy: client and provider are one process here, and stop together."""
    sent: list[int] = []
    left = asyncio.Event()

    async def provider(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in range(9):
            writer.write(b"data: {}\n\n")
            sent.append(piece)
            if piece % 3 == 1:
                asyncio.get_running_loop().call_later(0.001, time.sleep, 2 * SILENCE_S)
            await asyncio.sleep(cases.SLOW_MS / 1_000)
        with suppress(ConnectionError):
            await reader.read()
        left.set()
        writer.close()

    case = replace(cases.draw(Random(1), 1), way="leave-hung")
    async with asyncio.timeout(30), await asyncio.start_server(provider, "127.0.0.1", 0) as server:
        await leave(server.sockets[0].getsockname()[1], "/v1/messages", b"{}", case)
        sent_before = len(sent)
        await left.wait()
    assert sent_before == 9
