"""Of a session that runs: whether its next prompt would be refused, whatever it is."""

from __future__ import annotations

from msgspec.structs import replace

from tokenguard.guard.registry import Live
from tokenguard.guard.slots import call_of
from tokenguard.guard.standings import Standings
from tokenguard.policy.budgets import Standing
from tokenguard.policy.prompting import could_refuse, refusing, rests_on_billing
from tokenguard.policy.windows import rolling_us

BILLED_US = 600_000_000
"""For how long the last call shows who pays the next one: a person may sign in otherwise meanwhile."""

_MOVES_US = 120_000_000
"""For how long what a window that moves along has room for is taken as it is now."""


def refused(standings: Standings, live: Live, now_us: int) -> tuple[Standing, int] | None:
    """The standing that refuses it, and until when that is known (0: until something changes); None if none does."""
    session = replace(live.session, branch=live.place.branch() or live.session.branch)
    fresh = live.billing is not None and now_us < live.billing_us + BILLED_US
    call = replace(call_of(session, now_us), billing=live.billing if fresh else "")
    standing = refusing(standings.ahead_of(call, could_refuse))
    if standing is None:
        return None
    budget = standing.slot.budget
    ends = [standing.resets_us] if standing.resets_us is not None else []
    if rests_on_billing(budget):
        ends.append(live.billing_us + BILLED_US)
    if rolling_us(budget.window) is not None:
        ends.append(now_us + _MOVES_US)
    return standing, min(ends, default=0)
