"""What becomes of a machine's state in one turn: what it spent, what the others say, and what follows for its rights.

States in, states out; when each step is taken, and what is written down before the next, is for `backend` to say.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy import rights
from tokenguard.policy.rights import Cells, Holding, Needs
from tokenguard.records.teams import TeamBudget, TeamPolicy
from tokenguard.team.gitrefs.document import Document
from tokenguard.team.gitrefs.memory import Seen, State
from tokenguard.team.gitrefs.periods import Periods, key, periods_at, start_us
from tokenguard.team.shape import Demand, Taken

ACTIVE_US = 7 * 24 * 3_600 * 1_000_000
"""Rights are handed to machines that were heard of within a week."""
ASKED_US = 3_600 * 1_000_000
"""What a person asked for is tried for an hour."""
_REMEMBERED = 12
"""Periods of each budget: counted, and not by their age, so that a wrong clock makes nobody forget what is in force."""
_INSTANCES = 64
_NEVER = 2**62

Spot = tuple[str, str]
"""A budget and a period."""


class Facts(Struct, frozen=True):
    """What this machine knows besides its state, at the beginning of a turn."""

    policy: TeamPolicy
    now_us: int
    taken: Mapping[Spot, Taken] = {}
    demand: Mapping[str, Demand] = {}
    told: Mapping[Spot, int] = {}
    """What this machine's calls are admitted by until they are told otherwise."""
    looked: bool = True
    """False where `taken` is the most that it can be, and not what the books say."""

    def periods(self, budget: TeamBudget) -> Periods:
        """At this moment."""
        return periods_at(budget, self.now_us)


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
    return replace(state, holdings=holdings, dropped=dropped, treasurers=treasurers)


def reported(state: State, facts: Facts) -> State:
    """With what this machine spent, and with what it needs in the current periods."""
    for budget in facts.policy.budgets:
        near = facts.periods(budget)
        for window in near.near():
            spot = budget.name, key(window)
            holding, taken = _holding(state, spot), facts.taken.get(spot)
            if holding is None or taken is None:
                continue
            now = window == near.current and not state.left
            needs = needs_of(state, facts, budget, spot[1]) if now else Needs()
            spent = max(0, taken.spent - holding.before)
            state = _with(state, spot, rights.reported(holding, spent, needs, taken.reserved if now else 0))
    return state


def needs_of(state: State, facts: Facts, budget: TeamBudget, period: str) -> Needs:
    """What this machine needs next of a budget."""
    demand = facts.demand.get(budget.name, Demand())
    short = demand.short
    asked = state.asked.get(budget.name)
    holding = _holding(state, (budget.name, period))
    if asked and holding and asked.period == period and abs(facts.now_us - asked.at_us) < ASKED_US:
        short = max(short, asked.whole - holding.said.kept)
    return rights.needs_of(
        budget.limit, burn=demand.burn, largest=demand.largest, parallel=demand.parallel, short=short
    )


def heard(state: State, documents: Mapping[str, Document]) -> State:
    """With what others published, in the periods that this machine has a place for."""
    seen = dict(state.seen)
    for who, document in documents.items():
        known = seen.get(who, Seen())
        # What is older than what was seen came back after a restore: the newer one still holds.
        if who == state.writer or document.sequence < known.sequence:
            continue
        budgets: dict[str, dict[str, Cells]] = {}
        # Nobody is born twice under one name: two machines were given the same one.
        reborn = known.birth not in ("", document.birth)
        doubted = {(budget, period) for budget, period in known.doubted if period in state.holdings.get(budget, {})}
        for budget, holdings in state.holdings.items():
            cells = dict(known.budgets.get(budget, {}))
            for period, said in document.budgets.get(budget, {}).items():
                if period in holdings:
                    before = cells.get(period, Cells())
                    if reborn or rights.went_back(before, said):
                        doubted.add((budget, period))
                    cells[period] = rights.merged(before, said)
            budgets[budget] = {period: said for period, said in cells.items() if period in holdings}
        doubts = tuple(sorted(doubted))
        birth = known.birth or document.birth
        seen[who] = Seen(document.sequence, document.at_us, document.left, budgets, doubts, birth)
    gone = {who for who in seen if who not in documents and not any(seen[who].budgets.values())}
    return replace(state, seen={who: known for who, known in seen.items() if who not in gone})


def is_another(state: State, written: Document | None, digest: str, documents: Mapping[str, Document]) -> bool:
    """Whether this machine's name belongs to another one.

    Either a copy of this one wrote the document behind the ref, or one was given the same name without a copy. Of two
    such, the name is that of whom the treasurer gave rights.
    """
    born = (documents[who].births.get(state.writer) for who in state.treasurers if who in documents)
    if any(birth not in (None, state.birth) for birth in born):
        return True
    if written is None or _is_own(state, written, digest):
        return False
    took = any(holding.confirmed for periods in state.holdings.values() for holding in periods.values())
    return written.birth == state.birth or not took


def _is_own(state: State, document: Document, digest: str) -> bool:
    if document.sequence == state.sequence and digest != state.digest:
        return False
    return document.sequence <= state.instances.get(document.instance, -1)


def renamed(state: State, writer: str, birth: str, own: Document | None, facts: Facts) -> State:
    """As another writer: what was handed to the former one is left to it, and so is what was spent as it."""
    holdings: dict[str, dict[str, Holding]] = {}
    former: dict[str, dict[str, Cells]] = {}
    for budget, periods in state.holdings.items():
        former[budget] = {period: holding.said for period, holding in periods.items()}
        holdings[budget] = {
            period: Holding(before=holding.before + holding.said.spent) for period, holding in periods.items()
        }
    if not state.instances and own is not None:
        # Its file was lost, but what the ref says was spent is in the same books.
        for budget, cells in own.budgets.items():
            for period, said in cells.items():
                taken = facts.taken.get((budget, period), Taken(0))
                if period in holdings.get(budget, {}):
                    holdings[budget][period] = Holding(before=min(said.spent, taken.spent))
    # It may know more of itself than it has published: no contradiction, before the next document.
    seen = {**state.seen, state.writer: Seen(state.sequence + 1, budgets=former, birth=state.birth)}
    seen.pop(writer, None)
    return State(
        writer,
        state.joined,
        state.place,
        birth,
        holdings=holdings,
        dropped=state.dropped,
        seen=seen,
        treasurers=state.treasurers,
        left=state.left,
        heard_us=state.heard_us,
        renamed=state.renamed,
    )


def verified(state: State, published: Document | None) -> State:
    """With what is good now that others can see it: rights that were taken, and a treasurer's claim."""
    if published is None:
        return state
    for budget, periods in state.holdings.items():
        for period, holding in periods.items():
            cells = published.budgets.get(budget, {}).get(period)
            if cells is None:
                continue
            spot = budget, period
            if cells.allot and not rivals(state, spot):
                holding = replace(holding, honoured=True)
            if not holding.honoured:
                holding = rights.confirmed(holding, state.writer, cells, givers(state, spot))
            state = _with(state, spot, holding)
    return state


def decided(state: State, facts: Facts) -> State:
    """With rights taken, handed out and given back."""
    for budget in facts.policy.budgets if facts.policy.hard else ():
        near = facts.periods(budget)
        for window in near.near():
            spot = budget.name, key(window)
            holding = _holding(state, spot)
            if holding is None:
                continue
            if state.left or window == near.previous:
                holding = _over(state, facts, spot, holding)
            elif holding.honoured or _may_claim(state, facts, spot, window == near.current or near.ahead):
                holding = _treasury(state, facts, budget, spot, holding, window == near.current)
            else:
                holding = _member(state, facts, budget, spot, holding, window == near.current)
            state = _with(state, spot, holding)
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
        found = {key(window): _holding(state, (budget.name, key(window))) for window in facts.periods(budget).near()}
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


def rivals(state: State, spot: Spot) -> list[str]:
    """Who else claims to be the treasurer of a period: with another policy it may be, so that nobody else begins it."""
    return sorted(who for who, cells in others(state, spot).items() if cells.allot)


def givers(state: State, spot: Spot) -> dict[str, Cells]:
    """What the treasurers say from whom rights are taken: those that the policy named, and that kept to their word."""
    return {
        who: cells
        for who, cells in others(state, spot).items()
        if who in state.treasurers and spot not in state.seen[who].doubted
    }


def others(state: State, spot: Spot) -> dict[str, Cells]:
    """What everybody else says of a period."""
    found = {who: seen.budgets.get(spot[0], {}).get(spot[1]) for who, seen in state.seen.items()}
    return {who: cells for who, cells in found.items() if cells is not None}


def limit_for(state: State, budget: TeamBudget, period: str) -> int:
    """What the treasurer stands for: the policy's limit, and what was changed in this period."""
    spot = budget.name, period
    return max(0, budget.limit + sum(c.amount for c in state.changes if (c.budget, c.period) == spot))


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
    lacking = rights.lacks(rights.limit_of(holding.said), cells, (me,), without=me)
    if now:
        needs = needs_of(state, facts, budget, spot[1])
        holding = rights.lowered(holding, needs, used, rights.spare(holding, used, told), lacking)
    active = [
        who
        for who, seen in state.seen.items()
        if not seen.left
        and abs(facts.now_us - seen.at_us) < ACTIVE_US
        and state.births.get(who, seen.birth) == seen.birth
    ]
    return rights.handed_out(holding, me, here, active, used, told)


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
    return rights.lowered(holding, needs, used, treasury, rights.lacks(limit, cells, tuple(trusted), without=me))


def _used(facts: Facts, spot: Spot, holding: Holding) -> int:
    taken = facts.taken.get(spot, Taken(holding.said.spent + holding.before))
    return max(0, taken.spent + taken.reserved - holding.before)


def _told(facts: Facts, spot: Spot, holding: Holding) -> int:
    return max(0, facts.told.get(spot, 0) - holding.before)


def _holding(state: State, spot: Spot) -> Holding | None:
    return state.holdings.get(spot[0], {}).get(spot[1])


def _with(state: State, spot: Spot, holding: Holding) -> State:
    periods = {**state.holdings[spot[0]], spot[1]: holding}
    return replace(state, holdings={**state.holdings, spot[0]: periods})
