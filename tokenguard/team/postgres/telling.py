"""What the database answers, as a machine tells it on."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy.leasing import Lease
from tokenguard.policy.money import usd
from tokenguard.records.teams import Share, TeamBudget, TeamPolicy

SKEW_US = 60_000_000
"""How far a clock may be off before a person is told."""


class Standing(Struct, frozen=True):
    """A row of the step of this name: one budget in its window."""

    name: str
    owner: str
    kind: str
    timezone: str
    week_start: int
    month_start: int
    cap: int
    held: int
    presumed: int
    spent: int
    overrun: int
    live: int
    since_us: int
    until_us: int | None
    now_us: int
    ttl_s: float
    admin: bool
    lapsed: bool
    """Whether leases of the team have run out that nobody has expired yet."""
    foldable: bool
    """Whether leases of the team are so long over that they can be folded."""

    @property
    def free(self) -> int:
        """What nobody spent and nobody holds; below zero when it is overdrawn."""
        return self.cap - self.held - self.presumed - self.spent


def budget_of(policy: TeamPolicy, row: Standing) -> TeamBudget:
    """A budget as the database has it; what happens at its levels is said by the policy."""
    said = next((budget for budget in policy.budgets if budget.name == row.name), TeamBudget(row.name, row.cap))
    return replace(
        said,
        limit=row.cap,
        window=row.kind,
        timezone=row.timezone,
        week_start=row.week_start,
        month_start=row.month_start,
        owner=row.owner,
    )


def share_of(budget: TeamBudget, row: Standing, ours: int, known: int) -> Share:
    """What is known of a budget, without what may still be spent of leases: see `with_leases`.

    `ours` was held by this machine when the row was read. `known` is what the database knows of what this machine has
    spent by its own books, and what it had spent before it joined: counted on both sides, that changes nothing.
    """
    return Share(
        budget=budget,
        since_us=row.since_us,
        until_us=row.until_us,
        others=row.spent - known,
        granted=known,
        held=row.held - ours,
        presumed=row.presumed,
        usable_s=0.0,
    )


def with_leases(share: Share, usable: Sequence[Lease]) -> Share:
    """A share with what may still be spent of leases, until the first of them has to be renewed."""
    rest = [lease for lease in usable if lease.rest]
    return replace(
        share,
        granted=(share.granted or 0) + sum(lease.rest for lease in rest),
        usable_s=min((lease.deadline_s for lease in rest), default=math.inf),
    )


def remarks_on(policy: TeamPolicy, rows: Sequence[Standing], now_us: int) -> list[str]:
    """What a person should know of what was heard."""
    known = {row.name for row in rows}
    remarks = [
        f'the database of the team {policy.name} has no budget "{budget.name}", which its policy names'
        for budget in policy.budgets
        if not budget.owner and budget.name not in known
    ]
    remarks += [
        f"of what the budget {row.name} has spent, {usd(row.overrun)} had been leased by nobody"
        for row in rows
        if row.overrun
    ]
    off_us = now_us - rows[0].now_us
    if abs(off_us) > SKEW_US:
        way = "ahead of" if off_us > 0 else "behind"
        remarks.append(
            f"this machine's clock is {abs(off_us) / 60e6:,.0f} minutes {way} the database's:"
            " calls outside of the team's windows do not begin"
        )
    return remarks
