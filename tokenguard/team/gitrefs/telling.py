"""What a machine tells of its team: figures, and sentences for what a person should know."""

from __future__ import annotations

from datetime import UTC, datetime

from tokenguard.policy.money import usd
from tokenguard.policy.rights import Holding, limit_of
from tokenguard.policy.shared_view import SILENT_US, Scene, members, share
from tokenguard.records.teams import Heard, TeamBudget
from tokenguard.team.gitrefs.memory import State
from tokenguard.team.gitrefs.periods import key
from tokenguard.team.gitrefs.spots import Facts, givers, limit_for, others, rivals
from tokenguard.team.identity import NEWS_US, renaming

_WRONG_US = 3_600 * 1_000_000
"""By how much clocks may differ before it is told."""


def heard(state: State, facts: Facts, remarks: tuple[str, ...]) -> Heard:
    """By what is written down; `facts` need no more than a clock."""
    scenes = [_scene(state, facts, budget) for budget in facts.policy.budgets]
    hard = facts.policy.hard
    return Heard(
        state.heard_us,
        tuple(share(scene, hard=hard) for scene in scenes),
        tuple(member for scene in scenes for member in members(scene, hard=hard)),
        remarks,
    )


def remarks(state: State, facts: Facts, refused: str) -> list[str]:
    """What is not as it should be, after a turn."""
    told: list[str] = []
    if refused:
        told.append(
            f"the remote takes no reports of this machine ({refused}): others do not see what it spends; ask for write "
            "access, or set `remote` in [team] to a private repository for budgets only"
        )
    if state.renamed_us and abs(facts.now_us - state.renamed_us) < NEWS_US:
        told.append(renaming(state.writer, state.joined))
    if facts.now_us < state.heard_us - _WRONG_US:
        told.append(f"the clock of this machine was set back, from {_day(state.heard_us)} to {_day(facts.now_us)}")
    ahead = sorted(who for who, seen in state.seen.items() if seen.at_us > facts.now_us + _WRONG_US and not seen.left)
    if ahead:
        told.append(f"the clock of this machine is behind that of {ahead[0]}, or the other is wrong")
    return told + (_of_rights(state, facts) if facts.policy.hard else [])


def _of_rights(state: State, facts: Facts) -> list[str]:
    told: list[str] = []
    treasurer = facts.policy.treasurer
    known = state.seen.get(treasurer)
    if not treasurer:
        told.append("nobody is named as treasurer: nothing can be handed out; set `treasurer` in [team]")
    elif treasurer != state.writer and known is None:
        told.append(
            f"the treasurer {treasurer} was not heard of yet: nothing is handed out before its machine takes part"
        )
    elif treasurer != state.writer and known is not None and known.at_us < facts.now_us - SILENT_US:
        told.append(
            f"the treasurer {treasurer} was last heard of on {_day(known.at_us)}: nothing is handed out until then"
        )
    for budget in facts.policy.budgets:
        period = key(facts.periods(budget).current)
        spot = budget.name, period
        found = state.holdings.get(budget.name, {}).get(period)
        if found is None:
            told.append(f"{budget.name}: this machine has forgotten this period, and takes no part until the next one")
            continue
        if treasurer == state.writer and not found.honoured and rivals(state, spot):
            told.append(
                f"{budget.name}: {rivals(state, spot)[0]} was the treasurer when this period began, and stays it until "
                "the next one"
            )
        if found.honoured and limit_of(found.said) > (wanted := limit_for(state, budget, period)):
            told.append(
                f"{budget.name}: the limit falls to {usd(wanted)} when machines give back what was handed to them; it "
                f"is {usd(limit_of(found.said))} now"
            )
        told += [
            f"{budget.name}: {who} contradicts what it said before; nothing more is taken from it in this period"
            for who in sorted(set(state.treasurers) & set(others(state, spot)) - set(givers(state, spot)))
        ]
    return told


def _scene(state: State, facts: Facts, budget: TeamBudget) -> Scene:
    window = facts.periods(budget).current
    spot = budget.name, key(window)
    own = state.holdings.get(budget.name, {}).get(spot[1], Holding())
    trusted = tuple(who for who in state.treasurers if who != state.writer or own.honoured)
    heard_us = {who: seen.at_us for who, seen in state.seen.items()}
    return Scene(
        budget, window, state.writer, own, others(state, spot), heard_us, trusted, facts.policy.treasurer, facts.now_us
    )


def _day(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us // 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
