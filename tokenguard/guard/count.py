"""The sums of one slot: what is spent, what is set aside for calls in flight, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from tokenguard.guard.trailing import Trailing
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.policy.fitting import FAR_OFF, MOST_MARGIN, Need, Taken, fits, shortfall, stated
from tokenguard.records import Unit
from tokenguard.records.teams import Share

Kind = tuple[str, Unit, str | None, str, bool]
"""(mode, unit, bucket, what is counted, not official): budgets of one kind count the same of a call."""


class Count:
    """One slot's sums, in its budget's unit."""

    __slots__ = (
        "alarm",
        "ample",
        "doubt",
        "held_back",
        "kind",
        "limit",
        "most_open",
        "open",
        "reserved",
        "resets_us",
        "share",
        "slot",
        "spent",
        "trailing",
        "variance",
        "widest",
    )

    def __init__(self, slot: Slot, spent: int, trailing: Trailing | None) -> None:
        budget = slot.budget
        self.slot = slot
        self.kind: Kind = (budget.mode, budget.unit, budget.bucket, budget.counts, budget.official is None)
        self.limit_to(budget.limit)
        self.alarm: float = 0
        """What may be spent before its level has to be looked at."""
        self.resets_us = slot.window.end_us
        self.spent = spent
        self.trailing = trailing
        self.share: Share | None = None
        """Of a team's budget: what is known of the others, whose part is in `spent`."""
        self.reserved = 0
        self.open = 0
        self.most_open = 0
        """Calls in flight, and the most that ever were."""
        self.variance = 0.0
        self.doubt = 0.0
        self.widest = 0.0
        """The farthest that one call in it may have been off: the square of a standard deviation."""

    def limit_to(self, limit: int, held_back: int = 0) -> None:
        """Take no more than that: the limit with the raises in force, without the landing reserve while it is kept."""
        self.limit = limit
        self.held_back = held_back
        self.ample = limit - limit // MOST_MARGIN - held_back
        """What a call can leave free of it fits without a look at how certain that is."""

    def fits(self, need: Need) -> bool:
        """Whether the slot can take a call beside all that it holds."""
        return not unfit([self], need)

    def fits_alone(self, need: Need) -> bool:
        """Whether it could if no other call were in flight."""
        return fits(Taken(self.limit - self.held_back, self.spent), need, self.slot.budget.overshoot)

    def shortfall(self, need: Need) -> int:
        """By how much the limit would have to be higher for the call to fit; at least 1."""
        return shortfall(self.taken(), need, self.slot.budget.overshoot)

    def taken(self) -> Taken:
        """What it holds."""
        return Taken(self.limit - self.held_back, self.spent, self.reserved, self.variance, self.doubt)

    def give_back(self, need: Need) -> None:
        """Take out what was reserved for a call."""
        self.reserved -= need.value
        self.open -= 1
        # What is left of a difference of floating point numbers can be less than nothing.
        self.variance = max(0.0, self.variance - need.variance) if self.reserved else 0.0
        self.doubt = max(0.0, self.doubt - need.doubt) if self.reserved else 0.0

    def charge(self, started_us: int, value: int, now_us: int) -> None:
        """Add what a call took that began then."""
        if self.trailing is None:
            self.spent += value
            return
        self.move_on(now_us)
        if started_us > now_us:
            self.trailing.later(started_us, value)
        elif self.trailing.holds(started_us):
            self.spent += value
            self.trailing.add(started_us, value)

    def move_on(self, now_us: int) -> None:
        """Let a rolling window end now."""
        if self.trailing is not None:
            self.spent += self.trailing.moved(now_us)

    def standing(self) -> Standing:
        """What the slot holds now."""
        budget = self.slot.budget
        overshoot = 0.0
        if budget.mode == "calibrated":
            overshoot = stated(math.sqrt(self.widest), budget.overshoot, self.limit, self.most_open)
        return Standing(
            self.slot,
            self.limit,
            self.spent,
            self.reserved,
            self.held_back,
            overshoot,
            self.resets_us,
            share=self.share,
        )


def unfit(counts: Iterable[Count], need: Need) -> list[Count]:
    """Those of these counts that cannot take a call beside all that they hold."""
    value, bounded = max(need.value, need.likely), need.bounded
    found: list[Count] = []
    for count in counts:
        # Most calls fit by far, which shows without a root.
        spare = count.ample - count.spent - count.reserved - value
        if bounded and spare > 0 and spare * spare > FAR_OFF * (count.variance + count.doubt * count.doubt):
            continue
        if not fits(count.taken(), need, count.slot.budget.overshoot):
            found.append(count)
    return found


def set_aside(counts: Iterable[Count], need: Need) -> None:
    """Reserve for a call in all of these counts."""
    value, variance, doubt, *_ = need
    around = variance + doubt * doubt
    for count in counts:
        count.reserved += value
        count.open += 1
        if count.open > count.most_open:
            count.most_open = count.open
        if variance:
            count.variance += variance
            count.doubt += doubt
            if around > count.widest:
                count.widest = around


class Part(NamedTuple):
    """What an open call has set aside in each count of one kind."""

    counts: list[Count]
    need: Need


class Met(NamedTuple):
    """The counts that calls of one kind meet, by their own kinds, until the first of their windows ends."""

    until_us: float
    kinds: list[list[Count]]
    moving: list[Count]
    """Those whose sums change by themselves."""


def by_kind(counts: list[Count]) -> Met:
    """These, as calls meet them."""
    kinds: dict[object, list[Count]] = {}
    for count in counts:
        kinds.setdefault(count.kind, []).append(count)
    ends = (count.slot.window.end_us for count in counts)
    until_us = min((end for end in ends if end is not None), default=math.inf)
    moving = [count for count in counts if count.trailing is not None or count.slot.budget.official is not None]
    return Met(until_us, list(kinds.values()), moving)
