"""Slots that cannot take a call, and whether that stops it."""

from __future__ import annotations

from typing import NamedTuple

from tokenguard.policy.budgets import Standing
from tokenguard.policy.fitting import Need


class Over(NamedTuple):
    """A slot that cannot take a call, and what the call would have needed there."""

    standing: Standing
    need: Need
    shortfall: int
    """By how much the limit would have to be higher."""


def stops(standing: Standing) -> bool:
    """Whether a slot's budget does more than warn."""
    return standing.slot.budget.at_limit != "warn"


def stopping(over: list[Over]) -> list[Over]:
    """Those that do not let it through."""
    return [one for one in over if stops(one.standing)]
