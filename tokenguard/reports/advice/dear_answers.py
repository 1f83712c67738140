"""Short answers of premium models in which no tool had a part, and what the next model down would have asked for them.

Short is an answer of up to `habits.SHORT` tokens, thinking included; premium a model whose output costs `PREMIUM` or
more and below which its maker has another one. The other model is taken to need the same tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from shlex import quote

from tokenguard.ledger import habits, queries
from tokenguard.ledger.habits import Habit
from tokenguard.ledger.values import Where
from tokenguard.policy.money import NANOS, usd
from tokenguard.prices import compare
from tokenguard.reports.advice.shape import (
    Advice,
    Asked,
    Change,
    Part,
    advice,
    all_calls,
    all_cost,
    all_saving,
    gathered,
    part_of,
)

NAME = "cheaper-model"
PREMIUM = 10 * NANOS
"""Nanodollars per million tokens of output."""

_DAY_US = timedelta(days=1) // timedelta(microseconds=1)
_CENT = NANOS // 100
_GLOB = re.compile(r"([*?\[])")
_NAME = re.compile(r"[a-z]{3,}")
_BESIDE = frozenset({"title", "side", "router"})


def find(asked: Asked) -> Advice | None:
    """See the module."""
    judged = [
        (habit, *found)
        for habit in habits.easy(asked.conn, asked.since_us, asked.until_us)
        if habit.kind != "compaction" and (found := _otherwise(asked, habit)) is not None
    ]
    parts = gathered(part_of(habit, habit.nanos - nanos, instead=other) for habit, other, nanos in judged)
    if not parts:
        return None
    saved = usd(all_cost(parts) - all_saving(parts), about=True)
    finding = (
        f"{all_calls(parts):,} short answers in which no tool had a part cost {usd(all_cost(parts))}. "
        f"The next model down would have given them for {saved}."
    )
    kinds = {(habit.agent, other, habit.kind) for habit, other, _ in judged}
    changes = [*_changes(parts, kinds), _downgrade(asked, parts[0])]
    return advice(NAME, "Short answers from dear models", finding, parts, changes)


def _otherwise(asked: Asked, habit: Habit) -> tuple[str, int] | None:
    """The model to take instead, and what it would have cost; None if the one that was used is not premium."""
    where = (asked.catalogue, habit.provider)
    own = compare.band(*where, habit.model, habit.longest, habit.latest_us)
    other = compare.next_down(*where, habit.model, habit.latest_us)
    if own is None or own.output is None or own.output < PREMIUM or other is None:
        return None
    band = compare.band(*where, other, habit.longest, habit.latest_us)
    nanos = None if band is None else compare.nanos(band, habit.usage)
    return None if nanos is None else (other, nanos)


def _changes(parts: tuple[Part, ...], kinds: set[tuple[str, str, str]]) -> Iterator[Change]:
    for part in parts:
        for agent, other, kind in sorted(kinds):
            if (agent, other) == (part.agent, part.instead):
                yield _change(agent, other, kind)


def _change(agent: str, model: str, kind: str) -> Change:
    """How an agent is told to use another model for calls of this class."""
    if agent == "claude" and kind == "sub-agent":
        return Change("for sub-agents", f"CLAUDE_CODE_SUBAGENT_MODEL={model}")
    if agent == "claude" and kind in _BESIDE:
        return Change("for titles and the like", f"ANTHROPIC_DEFAULT_HAIKU_MODEL={model}")
    if agent == "opencode" and kind in _BESIDE:
        return Change("for titles, in opencode.json", f'"small_model": "PROVIDER/{model}"')
    if agent == "kilo" and kind in _BESIDE:
        return Change("for titles, in kilo.jsonc", f'"small_model": "PROVIDER/{model}"')
    if agent == "claude":
        return Change("for a question", f"/model {model}")
    if agent in ("codex", "gemini"):
        return Change("for a question", f"{agent} -m {model}")
    return Change(f"for a question, in {agent}", f"choose {model}")


def _downgrade(asked: Asked, part: Part) -> Change:
    """A budget that leaves the model what the rest of its work took a day, and puts the other one in after that."""
    spent = queries.totals(asked.conn, Where(model=part.model), asked.since_us, asked.until_us)
    first_us = queries.first_charge(asked.conn, asked.since_us, asked.until_us) or asked.since_us
    days = max(1, -(-(asked.until_us - first_us) // _DAY_US))
    counted = spent.cost_nanos + (spent.notional_nanos if part.notional else 0)
    cents = max(1, -(-(counted - part.saving_nanos) // (days * _CENT)))
    limit = f"{cents // 100}.{cents % 100:02d}"
    counts = " --counts all" if part.notional else ""
    # The name was in a request or in a log, and this is to be typed into a shell.
    exactly = _GLOB.sub(r"[\1]", part.model)
    match, downgrade = quote(f"model={exactly}"), quote(f"{exactly}={part.instead}")
    name = (_NAME.findall(part.model) or ["dear"])[-1]
    how = (
        f"tokenguard budget set {name}-day --window day --limit {limit}{counts}"
        f" --match {match} --at-limit downgrade --downgrade {downgrade}"
    )
    return Change("or let tokenguard do it, from what the rest took a day on", how)
