"""Who of a team lacks rights, and what is handed out to whom: nobody gets more than another who still lacks.

That the sum never passes the limit is for `rights` to see to: here nothing is given but what is spare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy.rights import Cells, Holding, balance, entitled, held, limit_of, spare

URGENT_PART = 4
"""For a call that waits a machine gets so much of the limit at most: a quarter, whatever it says that it needs."""

AHEAD_PART = 2
"""What nobody waits for: all machines together hold at most half of the limit ahead, each the same part of that."""

FEWEST = 4
"""A team of fewer machines is treated as one of four: others may join it yet."""

WORTH_WHILE = 4
"""What nobody waits for is handed out when a quarter of it is missing, so that not every cent is a transfer."""


class Needs(Struct, frozen=True):
    """What a machine needs, beside what it spent. Nanodollars."""

    bare: int = 0
    """For the next half an hour."""
    comfort: int = 0
    """For a few hours without hearing of anybody."""
    short: int = 0
    """What a call that waits lacks."""


def needs_of(limit: int, *, burn: int, largest: int, parallel: int, short: int) -> Needs:
    """What a machine needs that spends `burn` in half an hour; `largest` is the worst case of one of its usual calls.

    Rounded up to half a percent of the limit: what changes by less is nothing to tell others of.
    """
    calls = parallel * largest
    step = max(1, limit // 200)
    return Needs(_up(burn + calls, step), _up(8 * burn + 2 * calls, step), short)


def reported(holding: Holding, spent: int, needs: Needs, reserved: int) -> Holding:
    """With what this machine spent and needs."""
    said = holding.said
    spent = max(said.spent, spent)
    want, short = reserved + needs.comfort, reserved + needs.bare
    if needs.short:
        short = max(short, max(0, said.kept - spent) + needs.short)
    return replace(holding, said=replace(said, spent=spent, want=max(want, short), short=short))


def lacks(limit: int, cells: Mapping[str, Cells], givers: Collection[str], without: str = "") -> tuple[int, int]:
    """What writers need now, and what they would like to have, beyond what they hold: the sums over all but one."""
    now = wished = 0
    for who, said in cells.items():
        if who != without:
            has = held(who, cells, givers)
            now += max(0, _urgent(limit, said) - has)
            wished += max(0, min(said.want, _ahead(limit, len(cells))) - has)
    return now, wished


def lowered(holding: Holding, needs: Needs, used: int, treasury: int, lacking: tuple[int, int]) -> Holding:
    """With less kept, where others lack more than the treasury has. It is given away once the machine was told."""
    now, wished = lacking[0] - treasury, lacking[1] - treasury
    room = holding.said.kept - max(used, holding.said.spent)
    over, less = room - needs.bare, min(room - needs.comfort, wished)
    if now > 0:
        # At least half of it, or a machine that spends little at a time would have to wait for each call.
        less = max(less, min(over, max(now, over // 2)))
    return replace(holding, said=replace(holding.said, kept=holding.said.kept - max(0, less)))


def handed_out(
    holding: Holding, me: str, cells: Mapping[str, Cells], active: Iterable[str], used: int, told: int
) -> Holding:
    """Of the treasurer: with rights for those who run low, itself among them, those first for whom a call waits.

    Every machine gets a part ahead, for the time in which the treasurer does not hear of it.
    """
    limit, pool = limit_of(holding.said), spare(holding, used, told)
    kept = max(holding.said.kept, min(max(used, holding.said.spent), entitled(holding)))
    holding = replace(holding, said=replace(holding.said, kept=kept))
    machines = sorted({*active, me})
    seen = {**cells, me: holding.said}
    has = {who: balance(who, seen, (me,)) for who in machines}
    # What was spent without a right is covered before anybody gets more, so that the limit holds for all of it.
    parts = _fairly(pool, {who: -balance for who, balance in has.items() if who != me})
    pool -= sum(parts.values())
    for who, wanted in _fairly(
        pool, {who: _urgent(limit, seen.get(who)) - max(0, has[who]) for who in machines}
    ).items():
        parts[who] = parts.get(who, 0) + wanted
        pool -= wanted
        has[who] = max(0, has[who]) + wanted
    even = pool // (2 * max(FEWEST, len(machines)))
    wished: dict[str, int] = {}
    for who in machines:
        target = min(max(seen.get(who, Cells()).want, even), _ahead(limit, len(machines)))
        lack = target - has[who]
        if lack > target // WORTH_WHILE:
            wished[who] = lack
    for who, part in _fairly(pool, wished).items():
        parts[who] = parts.get(who, 0) + part
    kept += parts.pop(me, 0)
    given = dict(holding.said.given)
    for who, part in parts.items():
        given[who] = given.get(who, 0) + part
    return replace(holding, said=replace(holding.said, given=given, kept=kept))


def _urgent(limit: int, said: Cells | None) -> int:
    return min(said.short, limit // URGENT_PART) if said else 0


def _up(amount: int, step: int) -> int:
    return -(-amount // step) * step


def _ahead(limit: int, machines: int) -> int:
    return limit // (AHEAD_PART * max(FEWEST, machines))


def _fairly(pool: int, lacking: Mapping[str, int]) -> dict[str, int]:
    """Parts of a pool for those who lack something: nobody gets more than another who still lacks."""
    parts: dict[str, int] = {}
    waiting = sorted((lack, who) for who, lack in lacking.items() if lack > 0)
    for place, (lack, who) in enumerate(waiting):
        part = min(lack, pool // (len(waiting) - place))
        if part > 0:
            parts[who] = part
            pool -= part
    return parts
