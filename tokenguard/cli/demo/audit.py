"""The proof: what stands in the ledger against what the providers bill, call by call and dialect by dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tokenguard.ledger import queries
from tokenguard.policy import money
from tokenguard.simulator import Bill, BilledCall
from tokenguard.wire import DIALECTS

HEADER = ("DIALECT", "STREAMED", "WHOLE", "TOKENS", "LEDGER (NANO$)", "BILL (NANO$)", "")
NUMBERS = {1, 2, 3, 4, 5}
"""Columns that are numbers."""

_CHARGES = """
    SELECT dialect, coalesce(served, model), input, cache_read, cache_write_5m, cache_write_1h, output, cost_nanos
    FROM calls WHERE state IN ('settled', 'presumed') ORDER BY id
"""


class Charged(NamedTuple):
    """What a call cost, and why."""

    dialect: str
    model: str
    input: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    nanos: int

    def __str__(self) -> str:
        return (
            f"{self.dialect}, {self.model}: input {self.input}, cache read {self.cache_read}, "
            f"cache write {self.cache_write_5m} (5 min) and {self.cache_write_1h} (1 h), output {self.output}: "
            f"{self.nanos} nanodollars"
        )

    @property
    def tokens(self) -> int:
        """All that was billed."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h + self.output


def recorded(ledger: Path) -> list[Charged]:
    """Every charge in a ledger, read from its file, past all that makes reports of it."""
    with closing(queries.connect_readonly(ledger)) as conn:
        return [Charged(*row) for row in conn.execute(_CHARGES)]


def differences(charges: Iterable[Charged], total: dict[str, Any], bill: Bill) -> list[str]:
    """One line for each call that is not on both sides, for a total that differs, and for a dialect without a call.

    `total` is that of a report. Empty if all is equal and nothing was left out.
    """
    ours = Counter(charges)
    theirs = Counter(map(_billed, bill.calls))
    lines = [f"only in the ledger: {call}" for call in (ours - theirs).elements()]
    lines += [f"only on the bill: {call}" for call in (theirs - ours).elements()]
    if (total["calls"], total["cost_nanos"]) != (len(bill.calls), bill.total_nanos):
        lines.append(
            f"the report has {total['calls']} calls and {total['cost_nanos']} nanodollars, "
            f"the bill {len(bill.calls)} and {bill.total_nanos}"
        )
    used = {call.dialect for call in ours + theirs}
    return lines + [f"not a call in dialect {name}" for name in DIALECTS if name not in used]


def by_dialect(charges: Iterable[Charged], bill: Bill) -> list[Sequence[str]]:
    """A row for each dialect and one for their sum, for a table with `HEADER`."""
    charges = list(charges)
    used = {call.dialect for call in charges} | {call.dialect for call in bill.calls}
    rows = [
        _row(
            name,
            [call for call in charges if call.dialect == name],
            [call for call in bill.calls if call.dialect == name],
        )
        for name in DIALECTS
        if name in used
    ]
    return [*rows, [""] * len(HEADER), _row("total", charges, bill.calls)]


def _row(name: str, ours: Sequence[Charged], theirs: Sequence[BilledCall]) -> Sequence[str]:
    streamed = sum(call.stream for call in theirs)
    mine, bill = sum(call.nanos for call in ours), sum(call.nanos for call in theirs)
    same = Counter(ours) == Counter(map(_billed, theirs))
    tokens = money.tokens(sum(call.tokens for call in ours))
    return name, str(streamed), str(len(theirs) - streamed), tokens, f"{mine:,}", f"{bill:,}", "=" if same else "≠"


def _billed(call: BilledCall) -> Charged:
    usage = call.usage
    buckets = (usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output)
    return Charged(call.dialect, call.model, *buckets, call.nanos)
