from __future__ import annotations

from typing import Any

from tokenguard.cli.demo.audit import differences, told
from tokenguard.simulator import Bill, BilledCall, Usage


def settled(nanos: int, output: int = 5, served: str | None = "claude-opus-5-5") -> dict[str, Any]:
    usage = {"input": 1, "cache_read": 2, "cache_write_5m": 3, "cache_write_1h": 4, "output": output, "reasoning": 2}
    return {"model": "claude-opus-5-5", "served": served, "usage": usage, "cost_nanos": nanos}


def billed(*amounts: int) -> Bill:
    calls = tuple(
        BilledCall(
            "id", "", "dialect", "claude-opus-5-5", True, "completed", "default", Usage(1, 2, 3, 4, 5), {}, (), one
        )
        for one in amounts
    )
    return Bill(calls, sum(amounts))


def total(calls: int, nanos: int) -> dict[str, Any]:
    return {"calls": calls, "cost_nanos": nanos}


def test_equal_is_silent_in_any_order() -> None:
    ours = [told(settled(20)), told(settled(10, served=None))]
    assert differences(ours, total(2, 30), billed(10, 20)) == []


def test_a_nanodollar_is_told() -> None:
    lines = differences([told(settled(11))], total(1, 11), billed(10))
    assert len(lines) == 3
    assert lines[0].startswith("only in the ledger: claude-opus-5-5: input 1, cache read 2") and "11 nano" in lines[0]
    assert lines[1].startswith("only on the bill: ") and "10 nanodollars" in lines[1]
    assert "11 nanodollars, the bill 1 and 10" in lines[2]


def test_a_token_is_told_even_where_the_money_is_right() -> None:
    assert len(differences([told(settled(10, output=6))], total(1, 10), billed(10))) == 2


def test_a_call_that_is_there_twice_is_told() -> None:
    ours = [told(settled(10)), told(settled(10))]
    lines = differences(ours, total(2, 20), billed(10))
    assert [line.split(":")[0] for line in lines[:-1]] == ["only in the ledger"]


def test_errors_that_cancel_out_in_the_total_are_told() -> None:
    ours = [told(settled(11)), told(settled(9))]
    assert len(differences(ours, total(2, 20), billed(10, 10))) == 4
