"""What becomes of a machine's state in one turn: what it spent and needs, and what follows for its rights.

States in, states out; when each step is taken, and what is written down before the next, is for `exchange` to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tokenguard.policy import allocation, rights
from tokenguard.policy.allocation import Needs
from tokenguard.policy.rights import Cells, Holding
from tokenguard.records.teams import TeamBudget
from tokenguard.team.gitrefs.document import Document
from tokenguard.team.gitrefs.memory import State
from tokenguard.team.gitrefs.periods import key, start_us
from tokenguard.team.gitrefs.spots import Facts, Spot, givers, holding_of, limit_for, others, rivals, with_holding
from tokenguard.team.shape import Demand, Taken

ACTIVE_US = 7 * 24 * 3_600 * 1_000_000
"""Rights are handed to machines that were heard of within a week."""
ASKED_US = 3_600 * 1_000_000
"""What a person asked for is tried for an hour."""
_REMEMBERED = 12
"""Periods of each budget: counted, and not by their age, so that a wrong clock makes nobody forget what is in force."""
_INSTANCES = 64
_NEVER = 2**62


def opened(state: State, facts: Facts) -> State:
    """With a place for the periods that are near, and without those that are long over."""
    policy = facts.policy
    holdings, dropped = dict(state.holdings), dict(state.dropped)
    for budget in policy.budgets:
        near = facts.periods(budget)
        here = dict(holdings.get(budget.name, {}))
        for window in (near.current, near.following):
            # One that was forgotten must not begin anew: all of it may have been handed out.
            if window is not None and window.start_us > dropped.get(budget.name, -_NEVER):
                here.setdefault(key(window), Holding())
        wanted = {key(window) for window in near.near()}
        ages = sorted((period for period in here if period not in wanted), key=start_us)
        for period in ages[: max(0, len(here) - _REMEMBERED)]:
            del here[period]
            dropped[budget.name] = max(dropped.get(budget.name, -_NEVER), start_us(period))
        holdings[budget.name] = here
    treasurers = state.treasurers
    if policy.treasurer and policy.treasurer not in treasurers:
        treasurers = (*treasurers, policy.treasurer)
    changes = tuple(change for change in state.changes if change.period in holdings.get(change.budget, {}))
    return replace(state, holdings=holdings, dropped=dropped, treasurers=treasurers, changes=changes)


def reported(state: State, facts: Facts) -> State:
    """With what this machine spent, and with what it needs in the current periods."""
    for budget in facts.policy.budgets:
        near = facts.periods(budget)
        for window in near.near():
            spot = budget.name, key(window)
            holding, taken = holding_of(state, spot), facts.taken.get(spot)
            if holding is None or taken is None:
                continue
            now = facts.policy.hard and window == near.current and not state.left
            needs = needs_of(state, facts, budget, spot[1]) if now else Needs()
            spent = max(0, taken.spent - holding.before)
            state = with_holding(state, spot, allocation.reported(holding, spent, needs, taken.reserved if now else 0))
    return state


def needs_of(state: State, facts: Facts, budget: TeamBudget, period: str) -> Needs:
    """What this machine needs next of a budget."""
    demand = facts.demand.get(budget.name, Demand())
    short = demand.short
    asked = state.asked.get(budget.name)
    holding = holding_of(state, (budget.name, period))
    if asked and holding and asked.period == period and abs(facts.now_us - asked.at_us) < ASKED_US:
        short = max(short, asked.whole - holding.said.kept)
    return allocation.needs_of(
        budget.limit, burn=demand.burn, largest=demand.largest, parallel=demand.parallel, short=short
    )


def decided(state: State, facts: Facts) -> State:
    """With rights taken, handed out and given back."""
    for budget in facts.policy.budgets if facts.policy.hard else ():
        near = facts.periods(budget)
        for window in near.near():
            spot = budget.name, key(window)
            holding = holding_of(state, spot)
            if holding is None:
                continue
            if state.left or window == near.previous:
                holding = _over(state, facts, spot, holding)
            elif holding.honoured or _may_claim(state, facts, spot, window == near.current or near.ahead):
                holding = _treasury(state, facts, budget, spot, holding, window == near.current)
            else:
                holding = _member(state, facts, budget, spot, holding, window == near.current)
            state = with_holding(state, spot, holding)
            # From now on whoever else takes the name of one of them is told so.
            births = {who: state.seen[who].birth for who in holding.said.given if who in state.seen}
            state = replace(state, births={**births, **state.births})
    return state


def pending(state: State, facts: Facts) -> bool:
    """Whether something waits for being seen by others, which it is once it was published."""
    for budget in facts.policy.budgets if facts.policy.hard else ():
        for period, holding in state.holdings.get(budget.name, {}).items():
            spot = budget.name, period
            claims = holding.said.allot and not holding.honoured and not rivals(state, spot)
            takes = not holding.honoured and any(
                amount > holding.confirmed.get(who, 0) for who, amount in holding.said.taken.items()
            )
            if claims or takes:
                return True
    return False


def document_of(state: State, facts: Facts, instance: str) -> Document:
    """What this machine publishes: of the periods that are near."""
    budgets: dict[str, dict[str, Cells]] = {}
    for budget in facts.policy.budgets:
        found = {key(window): holding_of(state, (budget.name, key(window))) for window in facts.periods(budget).near()}
        said = {period: holding.said for period, holding in found.items() if holding and holding.said != Cells()}
        if said:
            budgets[budget.name] = said
    near = {period for periods in budgets.values() for period in periods}
    changes = tuple(change for change in state.changes if change.period in near)
    return Document(
        1, state.sequence, instance, facts.now_us, budgets, changes, state.left, state.birth, _births(state, budgets)
    )


def numbered(state: State, instance: str, digest: str) -> State:
    """After one more document of this process."""
    instances = {**{who: last for who, last in state.instances.items() if who != instance}, instance: state.sequence}
    return replace(state, instances=dict(list(instances.items())[-_INSTANCES:]), digest=digest)


def _births(state: State, budgets: Mapping[str, Mapping[str, Cells]]) -> dict[str, str]:
    given = {who for periods in budgets.values() for said in periods.values() for who in said.given}
    return {who: birth for who, birth in state.births.items() if who in given}


def _may_claim(state: State, facts: Facts, spot: Spot, near: bool) -> bool:
    return facts.policy.treasurer == state.writer and near and not rivals(state, spot)


def _over(state: State, facts: Facts, spot: Spot, holding: Holding) -> Holding:
    """Of a period that is over, or a machine that leaves."""
    used, told = _used(facts, spot, holding), _told(facts, spot, holding)
    if holding.honoured:
        return rights.took_back(holding, state.writer, others(state, spot))
    holding = rights.ended(holding, used)
    return rights.gave_back(holding, used, 0 if state.left else told)


def _treasury(state: State, facts: Facts, budget: TeamBudget, spot: Spot, holding: Holding, now: bool) -> Holding:
    me, told, used = state.writer, _told(facts, spot, holding), _used(facts, spot, holding)
    here = others(state, spot)
    if facts.policy.treasurer == me:
        holding = rights.claimed(holding, limit_for(state, budget, spot[1]), used, told)
    if not holding.honoured:
        return holding
    holding = rights.took_back(holding, me, here)
    cells = {**here, me: holding.said}
    lacking = allocation.lacks(rights.limit_of(holding.said), cells, (me,), without=me)
    if now:
        needs = needs_of(state, facts, budget, spot[1])
        holding = allocation.lowered(holding, needs, used, rights.spare(holding, used, told), lacking)
    active = [
        who
        for who, seen in state.seen.items()
        if not seen.left
        and abs(facts.now_us - seen.at_us) < ACTIVE_US
        and state.births.get(who, seen.birth) == seen.birth
    ]
    return allocation.handed_out(holding, me, here, active, used, told)


def _member(state: State, facts: Facts, budget: TeamBudget, spot: Spot, holding: Holding, now: bool) -> Holding:
    me, told, used = state.writer, _told(facts, spot, holding), _used(facts, spot, holding)
    trusted = givers(state, spot)
    holding = rights.accepted(holding, me, trusted)
    holding = rights.gave_back(holding, used, told)
    if not now or not trusted:
        return holding
    cells = {**others(state, spot), me: holding.said}
    limit = max(rights.limit_of(giver) for giver in trusted.values())
    treasury = sum(rights.treasury(giver) for giver in trusted.values())
    needs = needs_of(state, facts, budget, spot[1])
    return allocation.lowered(
        holding, needs, used, treasury, allocation.lacks(limit, cells, tuple(trusted), without=me)
    )


def _used(facts: Facts, spot: Spot, holding: Holding) -> int:
    taken = facts.taken.get(spot, Taken(holding.said.spent + holding.before))
    return max(0, taken.spent + taken.reserved - holding.before)


def _told(facts: Facts, spot: Spot, holding: Holding) -> int:
    return max(0, facts.told.get(spot, 0) - holding.before)
