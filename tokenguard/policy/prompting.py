"""Whether another prompt of a session is sure to be refused, before anybody knows what it will ask for.

A person who is told so wrongly is locked out, while a call that comes all the same is refused at no cost. So only what
holds for every call counts: whoever still could be let through, held, or sent to a cheaper model is not told.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenguard.policy.budgets import Standing, applies, severity
from tokenguard.records import Call, Unit


def refusing(standings: Iterable[Standing], call: Call) -> Standing | None:
    """The standing that refuses every call like this one, the tightest of several; None if there is none.

    `call` is one that the session would make: its `billing` is empty where nobody knows who would pay.
    """
    return min((one for one in standings if _refuses(one, call)), key=severity, default=None)


def rests_on_billing(standing: Standing) -> bool:
    """Whether it refuses only those calls that somebody is billed for."""
    budget = standing.slot.budget
    return budget.unit is Unit.USD and budget.counts != "all"


def _refuses(standing: Standing, call: Call) -> bool:
    budget = standing.slot.budget
    if budget.at_limit != "refuse" or budget.official is not None or not applies(budget, call):
        return False
    if rests_on_billing(standing) and not call.billing:
        return False
    # A landing reserve that opens by itself opens for the call.
    kept = standing.held_back if budget.landing_release == "auto" else 0
    return standing.spent >= standing.limit - standing.held_back + kept
