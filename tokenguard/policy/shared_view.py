"""What a machine may tell of a team's budgets, by what every writer says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy.rights import Cells, Holding, held, limit_of
from tokenguard.policy.windows import Window
from tokenguard.records.teams import Member, Share, TeamBudget

SILENT_US = 24 * 3_600 * 1_000_000
"""What a machine holds that was not heard of for a day may be spent by now: it is presumed to be."""


class Scene(Struct, frozen=True):
    """One budget in one period, as one writer sees it."""

    budget: TeamBudget
    window: Window
    me: str
    own: Holding
    others: Mapping[str, Cells]
    """By writer, without this one."""
    heard_us: Mapping[str, int]
    """When each of them last said something, by its own clock."""
    givers: Collection[str]
    """Who may hand out rights: the treasurer, and those who were it before."""
    treasurer: str
    now_us: int


def share(scene: Scene, *, hard: bool) -> Share:
    """What is left of a budget, and how much of that this machine may spend."""
    own, window = scene.own, scene.window
    # What this machine spent under an earlier name is its own spending, and others say it too.
    others = max(0, sum(cells.spent for cells in scene.others.values()) - own.before)
    if not hard:
        return Share(scene.budget, window.start_us, window.end_us, others)
    cells = {**scene.others, scene.me: own.said}
    budget = scene.budget
    treasurer = cells.get(scene.treasurer)
    if treasurer is not None and treasurer.allot:
        budget = replace(budget, limit=limit_of(treasurer))
    sums = {True: 0, False: 0}
    for who in scene.others:
        sums[_silent(scene, who)] += held(who, cells, scene.givers)
    return Share(
        budget,
        window.start_us,
        window.end_us,
        others,
        granted=own.before + own.said.kept,
        held=sums[False],
        presumed=sums[True],
    )


def members(scene: Scene, *, hard: bool) -> tuple[Member, ...]:
    """Every machine that takes part, this one first."""
    cells = {**scene.others, scene.me: scene.own.said}
    found: list[Member] = []
    for who in sorted(cells, key=lambda who: (who != scene.me, who)):
        id, _, machine = who.partition("/")
        unspent = held(who, cells, scene.givers) if hard else 0
        if hard and who == scene.me:
            unspent = max(0, scene.own.said.kept - scene.own.said.spent)
        silent = who != scene.me and _silent(scene, who)
        found.append(
            Member(
                id,
                machine,
                scene.budget.name,
                spent=cells[who].spent,
                held=0 if silent else unspent,
                presumed=unspent if silent else 0,
                heard_us=scene.now_us if who == scene.me else scene.heard_us.get(who, 0),
                you=who == scene.me,
            )
        )
    return tuple(found)


def _silent(scene: Scene, who: str) -> bool:
    return scene.heard_us.get(who, 0) < scene.now_us - SILENT_US
