"""What is set aside for one call, whatever its budgets count of it."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.records import Amount, Usage


class Reservation(Struct, frozen=True):
    """What is set aside for one call."""

    likely: Amount
    """As often exceeded as not."""
    worst: Amount
    """By `strict` budgets, and what a call costs that a crash left open."""
    bounded: bool = True
    """Whether the call cannot pass `worst`. If it can, strict budgets do not let it through."""
    p95: Amount | None = None
    """What 95 of 100 such calls do not pass, where it was estimated."""
    mean: Amount | None = None
    """What such calls take on average: long answers are rare, and cost much."""

    @property
    def about_nanos(self) -> int:
        """What people are told that it costs."""
        return (self.mean or self.likely).nanos


def recovered(reserved: Amount) -> Reservation:
    """What is set aside for a call that the ledger knows as open: any of its tokens can be of any bucket."""
    most = reserved.tokens
    worst = Amount(reserved.nanos, most, 1, Usage(most, most, most, 0, most))
    return Reservation(worst, worst)
