"""Rights to spend: a limit that is handed out in parts, so that nobody has to be asked before each call.

Each writer alone writes down what it spent, what it gave to others and what it took from them, in totals that only
grow; so whatever is lost, repeated or comes late, the greatest that was ever seen of a total is true. A limit enters
in one place: the treasurer's `allot`. The treasurer gives to members, and members give back to the treasurer, never to
each other: each transfer then has the treasurer at one end, whose own file remembers it. A member that gives the same
right to two others, after everything that others published was deleted, could not be found out by anybody.

With S(x) what an honest x spent, g(x) what the treasurer's file says that it gave to x, and r(x) what it took back:
S(x) <= g(x) - r(x), since x spends only what it was seen to be given and has not given back, and r(x) is at most what
x wrote that it gives back and never more than g(x) less what x is known to have spent. The sum of g - r and of what the
treasurer keeps for itself never exceeds the limit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace


class Cells(Struct, frozen=True, omit_defaults=True):
    """What one writer says of one budget in one period, in nanodollars. The totals only grow."""

    spent: int = 0
    given: dict[str, int] = {}
    """To whom, ever."""
    taken: dict[str, int] = {}
    """From whom, ever."""
    allot: int = 0
    """Of a treasurer: the limit and every raise of it."""
    withdrawn: int = 0
    """Of a treasurer: by how much the limit was lowered."""
    kept: int = 0
    """What it may spend in this period, with what it has spent already. No total: the newest is true."""
    want: int = 0
    """How much that is not spent it would like to have. No total."""
    short: int = 0
    """How much that is not spent it needs now. No total."""


class Holding(Struct, frozen=True, omit_defaults=True):
    """What a machine has in one period of one budget."""

    said: Cells = Cells()
    """As it is published, or about to be."""
    confirmed: dict[str, int] = {}
    """From whom it took how much for good: only this may be spent."""
    honoured: bool = False
    """Of a treasurer: nobody else claims to be the treasurer of this period."""
    before: int = 0
    """What this machine spent as another writer: part of its spending, and none of this writer's."""


def merged(known: Cells, said: Cells) -> Cells:
    """The greatest of each total, and the rest as it was said now."""
    return replace(
        said,
        spent=max(known.spent, said.spent),
        given=_greatest(known.given, said.given),
        taken=_greatest(known.taken, said.taken),
        allot=max(known.allot, said.allot),
        withdrawn=max(known.withdrawn, said.withdrawn),
    )


def went_back(known: Cells, said: Cells) -> bool:
    """Whether a total is less than it was: of a writer that says something newer, this contradicts it."""
    return merged(known, said) != said


def limit_of(cells: Cells) -> int:
    """The limit that a treasurer stands for."""
    return max(0, cells.allot - cells.withdrawn)


def entitled(holding: Holding) -> int:
    """All that a machine may spend or give in a period, with what it has spent already."""
    said = holding.said
    claimed = said.allot - said.withdrawn if holding.honoured else 0
    return claimed + sum(holding.confirmed.values()) - sum(said.given.values())


def treasury(giver: Cells) -> int:
    """What a treasurer can still hand out, by what it says."""
    inflow, outflow = sum(giver.taken.values()), sum(giver.given.values())
    return max(0, limit_of(giver) + inflow - outflow - max(giver.kept, giver.spent))


def spare(holding: Holding, used: int, told: int) -> int:
    """What can be given away: nothing of what is spent, set aside, kept, or what the machine was last told to keep.

    `used` is what was spent and is set aside, `told` what its calls are admitted by while this is decided.
    """
    return max(0, entitled(holding) - max(holding.said.kept, told, used, holding.said.spent))


def claimed(holding: Holding, limit: int, used: int, told: int) -> Holding:
    """Of the treasurer: with this limit. It falls only as far as rights are left that nobody has."""
    said = holding.said
    change = limit - (said.allot - said.withdrawn)
    if change >= 0 or not holding.honoured:
        return replace(holding, said=replace(said, allot=said.allot + max(0, change)))
    less = min(-change, spare(holding, used, told))
    return replace(holding, said=replace(said, withdrawn=said.withdrawn + less))


def solvent(giver: Cells) -> bool:
    """Whether a treasurer has what it gave."""
    return sum(giver.given.values()) + giver.spent <= limit_of(giver) + sum(giver.taken.values())


def accepted(holding: Holding, me: str, givers: Mapping[str, Cells]) -> Holding:
    """Of a member: with the intent to take what trusted givers handed to it, to be published before it is used."""
    offered = {
        who: max(holding.said.taken.get(who, 0), cells.given.get(me, 0))
        for who, cells in givers.items()
        if cells.given.get(me, 0) and solvent(cells)
    }
    taken = {**holding.said.taken, **offered}
    return replace(holding, said=replace(holding.said, taken=taken))


def confirmed(holding: Holding, me: str, published: Cells, givers: Mapping[str, Cells]) -> Holding:
    """Of a member: with what both it and the giver were seen to publish. `kept` grows by it at once."""
    found = dict(holding.confirmed)
    for who, cells in givers.items():
        both = min(published.taken.get(who, 0), holding.said.taken.get(who, 0), cells.given.get(me, 0))
        if both > found.get(who, 0):
            found[who] = both
    more = sum(found.values()) - sum(holding.confirmed.values())
    return replace(holding, confirmed=found, said=replace(holding.said, kept=holding.said.kept + more))


def took_back(holding: Holding, me: str, others: Mapping[str, Cells]) -> Holding:
    """Of the treasurer: with what members gave back, at most what was given to them and is not known to be spent."""
    back = dict(holding.confirmed)
    for who, given in holding.said.given.items():
        cells = others.get(who, Cells())
        least = min(cells.given.get(me, 0), given - cells.spent)
        if least > back.get(who, 0):
            back[who] = least
    return replace(holding, confirmed=back, said=replace(holding.said, taken=_greatest(holding.said.taken, back)))


def gave_back(holding: Holding, used: int, told: int) -> Holding:
    """Of a member: with everything that it has to spare given back to whom it came from."""
    left, given = spare(holding, used, told), dict(holding.said.given)
    for who, amount in holding.confirmed.items():
        part = min(left, amount - given.get(who, 0))
        if part > 0:
            given[who] = given.get(who, 0) + part
            left -= part
    return replace(holding, said=replace(holding.said, given=given))


def held(who: str, cells: Mapping[str, Cells], givers: Collection[str]) -> int:
    """What a writer may spend and has not spent yet, by what all of them say; a treasurer: what it keeps for itself."""
    return max(0, balance(who, cells, givers))


def balance(who: str, cells: Mapping[str, Cells], givers: Collection[str]) -> int:
    """What a writer may spend less what it has spent; below zero: it spent what was not handed to it."""
    own = cells.get(who, Cells())
    if who in givers:
        return max(own.kept - own.spent, 0)
    handed = sum(cells[giver].given.get(who, 0) - own.given.get(giver, 0) for giver in givers if giver in cells)
    return handed - own.spent


def ended(holding: Holding, used: int) -> Holding:
    """Of a period that is over: nothing is kept but what was spent and is set aside."""
    return replace(holding, said=replace(holding.said, kept=min(holding.said.kept, max(used, holding.said.spent))))


def _greatest(known: Mapping[str, int], said: Mapping[str, int]) -> dict[str, int]:
    return {who: max(known.get(who, 0), said.get(who, 0)) for who in sorted({*known, *said})}
