"""Whether another prompt of a session is sure to be refused, before anybody knows what it will ask for.

A person who is told so wrongly is locked out, while a call that comes all the same is refused at no cost. So only what
holds for every call counts: whoever still could be let through, held, or sent to a cheaper model is not told.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenguard.policy.budgets import Standing, applies, severity
from tokenguard.records import Budget, Call, Unit


def could_refuse(budget: Budget, call: Call) -> bool:
    """Whether a budget refuses every call like this one as soon as it is used up.

    `call` is one that the session would make: its `billing` is empty where nobody knows who would pay.
    """
    known = call.billing or not rests_on_billing(budget)
    return bool(known) and budget.at_limit == "refuse" and budget.official is None and applies(budget, call)


def rests_on_billing(budget: Budget) -> bool:
    """Whether it counts only those calls that somebody is billed for."""
    return budget.unit is Unit.USD and budget.counts != "all"


def refusing(standings: Iterable[Standing]) -> Standing | None:
    """Of the standings of budgets that could refuse, the tightest that does; None if there is none."""
    return min((one for one in standings if _is_used_up(one)), key=severity, default=None)


def _is_used_up(standing: Standing) -> bool:
    # A landing reserve that opens by itself opens for the call.
    opens = standing.slot.budget.landing_release == "auto"
    return standing.spent >= standing.limit - (0 if opens else standing.held_back)
