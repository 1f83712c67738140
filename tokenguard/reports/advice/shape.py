"""What every advice is made of, and what it is asked with."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tokenguard.ledger.habits import Habit
from tokenguard.policy.measure import is_notional
from tokenguard.prices import Catalogue, compare
from tokenguard.records import Confidence, Usage


class Asked(Struct, frozen=True):
    """Of which calls, and by which prices."""

    conn: sqlite3.Connection
    catalogue: Catalogue
    since_us: int
    until_us: int


class Part(Struct, frozen=True):
    """Calls of one agent and model for which the same advice holds."""

    agent: str
    model: str
    detail: str
    """What else they share, in a few words; empty if nothing."""
    notional: bool
    """Whether their dollars are on no bill."""
    calls: int
    cost_nanos: int
    """What they cost, whoever paid."""
    saving_nanos: int
    """How much of it could have been saved."""
    confidence: Confidence
    instead: str | None = None
    """The model that would have done."""

    def __add__(self, other: Part) -> Part:
        return Part(
            self.agent,
            self.model,
            self.detail,
            self.notional,
            self.calls + other.calls,
            self.cost_nanos + other.cost_nanos,
            self.saving_nanos + other.saving_nanos,
            self.confidence.worst(other.confidence),
            self.instead,
        )


class Change(Struct, frozen=True):
    """What would change it."""

    what: str
    """In a few words."""
    how: str
    """A command, or a setting as it is written."""


class Advice(Struct, frozen=True):
    """A habit that costs more than it has to, measured."""

    name: str
    title: str
    finding: str
    """What was found, in a sentence or two."""
    calls: int
    cost_nanos: int
    """What these calls cost, and `notional_nanos` what those of them did whose dollars are on no bill."""
    notional_nanos: int
    saving_nanos: int
    """What could have been saved of either."""
    notional_saving_nanos: int
    confidence: Confidence
    """Of the saving. It is never exact: what did not happen was not billed."""
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]


def part_of(habit: Habit, saving_nanos: int, detail: str = "", *, instead: str | None = None) -> Part:
    """A habit of which so much could have been saved; never more than it cost."""
    return Part(
        habit.agent,
        habit.model,
        detail,
        is_notional(habit.billing),
        habit.calls,
        habit.nanos,
        min(saving_nanos, habit.nanos),
        Confidence.ESTIMATED.worst(habit.confidence),
        instead,
    )


def dearer_than(asked: Asked, habit: Habit, instead: Usage) -> int:
    """How much more the tokens of a habit cost than these, at the list prices of its model; 0 where there are none."""
    band = compare.band(asked.catalogue, habit.provider, habit.model, habit.longest, habit.latest_us)
    if band is None:
        return 0
    paid, otherwise = compare.nanos(band, habit.usage), compare.nanos(band, instead)
    return paid - otherwise if paid is not None and otherwise is not None else 0


def gathered(parts: Iterable[Part]) -> tuple[Part, ...]:
    """One part for all that say the same, those that would save most first; without those that would save nothing."""
    found: dict[tuple[str, str, str, str | None, bool], Part] = {}
    for part in parts:
        key = (part.agent, part.model, part.detail, part.instead, part.notional)
        found[key] = found[key] + part if key in found else part
    saving = [part for part in found.values() if part.saving_nanos > 0]
    return tuple(sorted(saving, key=lambda part: (part.notional, -part.saving_nanos, part.agent, part.model)))


def advice(name: str, title: str, finding: str, parts: Sequence[Part], changes: Iterable[Change]) -> Advice:
    """An advice with the sums over its parts, of which there must be one at least."""
    confidence = Confidence.ESTIMATED
    for part in parts:
        confidence = confidence.worst(part.confidence)
    return Advice(
        name,
        title,
        finding,
        sum(part.calls for part in parts),
        sum(part.cost_nanos for part in parts if not part.notional),
        sum(part.cost_nanos for part in parts if part.notional),
        sum(part.saving_nanos for part in parts if not part.notional),
        sum(part.saving_nanos for part in parts if part.notional),
        confidence,
        tuple(parts),
        tuple(dict.fromkeys(changes)),
    )


def all_cost(parts: Iterable[Part]) -> int:
    """What the calls of parts cost, whoever paid."""
    return sum(part.cost_nanos for part in parts)


def all_saving(parts: Iterable[Part]) -> int:
    """What could have been saved, whoever pays."""
    return sum(part.saving_nanos for part in parts)


def all_calls(parts: Iterable[Part]) -> int:
    return sum(part.calls for part in parts)
