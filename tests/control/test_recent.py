from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.control.conftest import Api
from tests.ledger.support import call, settlement
from tokenguard.errors import DaemonError
from tokenguard.ledger import Ledger
from tokenguard.records import Amount, Verdict


async def test_what_happened_before_is_told_as_it_would_have_been(api: Api, tmp_path: Path) -> None:
    now_us = time.time_ns() // 1_000
    ledger = Ledger.open(tmp_path / "ledger.db")
    made = [call(number, started_us=now_us - 10_000_000 + number) for number in (1, 2, 3)]
    for one in made[:2]:
        await ledger.reserve(one, Amount())
    await ledger.settle(settlement(made[0], 100))
    await ledger.settle(replace(settlement(made[1]), charge=None, outcome="unmetered"))
    await ledger.refuse(made[2], Verdict("refuse", "day", "it is used up"))
    await ledger.close()
    told = await api.get("/v1/recent", calls="5", minutes="2")
    assert [(event["type"], event["data"]["id"]) for event in told["calls"]] == [
        ("call.settled", 1),
        ("call.settled", 2),
        ("call.refused", 3),
    ]
    first, second, third = (event["data"] for event in told["calls"])
    assert (first["cost_nanos"], first["model"], first["usage"]["input"]) == (100, "opus", 10)
    # What nobody knows is not nothing.
    assert (second["outcome"], second["cost_nanos"]) == ("unmetered", None)
    assert third["reason"] == "it is used up"
    ((minute, nanos),) = told["minutes"]
    assert (minute, nanos) == (told["calls"][0]["at_us"] // 60_000_000, 100)


async def test_what_is_no_question_is_refused(api: Api) -> None:
    with pytest.raises(DaemonError, match="not understood"):
        await api.get("/v1/recent", calls="many")
