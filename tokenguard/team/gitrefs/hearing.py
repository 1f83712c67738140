"""What becomes of a machine's state by what it hears of the others, and of itself."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from tokenguard.policy import rights
from tokenguard.policy.rights import Cells, Holding
from tokenguard.team.gitrefs.document import Document
from tokenguard.team.gitrefs.memory import Seen, State
from tokenguard.team.gitrefs.spots import Facts, givers, rivals, with_holding
from tokenguard.team.shape import Taken


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
        renamed_us=facts.now_us,
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
            state = with_holding(state, spot, holding)
    return state
