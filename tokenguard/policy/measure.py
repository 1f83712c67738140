"""What of a call a budget counts, in the budget's unit."""

from __future__ import annotations

from collections.abc import Callable

from tokenguard.records import Amount, Budget, Unit, Usage

BUCKETS: dict[str, Callable[[Usage], int]] = {
    "input": lambda usage: usage.input,
    "cache_read": lambda usage: usage.cache_read,
    "cache_write": lambda usage: usage.cache_write_5m + usage.cache_write_1h,
    "output": lambda usage: usage.output,
}
"""The token buckets that a budget can name."""

COUNTS = ("billed", "all")
"""Which dollars a budget can count."""

_NOTIONAL = frozenset({"subscription", "local"})
"""The sums that the ledger keeps know how much of them it is: for another set they have to be made anew."""


def is_notional(billing: str) -> bool:
    """Whether the dollars of calls of this billing are not on any bill."""
    return billing in _NOTIONAL


def measure(budget: Budget, amount: Amount, billing: str) -> int:
    """What the budget counts of an amount that belongs to a call of this billing."""
    if budget.unit is Unit.USD:
        if budget.counts == "billed" and is_notional(billing):
            return 0
        # What a strict budget has spent is what it may have spent at most.
        return amount.nanos + amount.above if budget.mode == "strict" else amount.nanos
    if budget.unit is Unit.TOKENS:
        return amount.tokens if budget.bucket is None else BUCKETS[budget.bucket](amount.usage)
    return amount.calls if budget.unit is Unit.CALLS else 0


def measure_sum(budget: Budget, amount: Amount, notional: Amount) -> int:
    """What the budget counts of a sum over calls, of whose dollars `notional` are on no bill."""
    total = measure(budget, amount, "")
    return total - measure(budget, notional, "") if budget.unit is Unit.USD and budget.counts == "billed" else total
