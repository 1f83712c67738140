"""The proof: what tokenguard charged against what the providers bill, call by call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec import convert

from tokenguard.simulator import Bill, BilledCall, Usage


class Charged(NamedTuple):
    """What a call cost, and why."""

    model: str
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    nanos: int

    def __str__(self) -> str:
        return (
            f"{self.model}: input {self.input}, cache read {self.cache_read}, "
            f"cache write {self.cache_write_5m} (5 min) and {self.cache_write_1h} (1 h), output {self.output}: "
            f"{self.nanos} nanodollars"
        )


def told(data: dict[str, Any]) -> Charged:
    """The charge that a `call.settled` event tells."""
    usage = convert(data["usage"], Usage)
    return _charged(data["served"] or data["model"], usage, data["cost_nanos"])


def differences(settled: Iterable[Charged], total: dict[str, Any], bill: Bill) -> list[str]:
    """One line for each call that is not on both sides, and for a total that differs; empty if all is equal.

    `total` is that of a report: what the ledger holds, while `settled` is what was told when calls ended.
    """
    ours, theirs = Counter(settled), Counter(map(_billed, bill.calls))
    lines = [f"only in the ledger: {call}" for call in (ours - theirs).elements()]
    lines += [f"only on the bill: {call}" for call in (theirs - ours).elements()]
    if (total["calls"], total["cost_nanos"]) != (len(bill.calls), bill.total_nanos):
        lines.append(
            f"the ledger holds {total['calls']} calls and {total['cost_nanos']} nanodollars, "
            f"the bill {len(bill.calls)} and {bill.total_nanos}"
        )
    return lines


def _billed(call: BilledCall) -> Charged:
    return _charged(call.model, call.usage, call.nanos)


def _charged(model: str, usage: Usage, nanos: int) -> Charged:
    buckets = (usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output)
    return Charged(model, *buckets, nanos)
