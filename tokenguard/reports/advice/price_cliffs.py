"""Sessions whose context grew past a length at which every token of a call costs more.

What could have been saved is what the same tokens would have cost below that length: the share of the price that is
for the length alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from tokenguard.ledger import habits
from tokenguard.ledger.habits import Habit
from tokenguard.policy.money import tokens, usd
from tokenguard.policy.naming import printable
from tokenguard.prices import compare
from tokenguard.prices.data import Band
from tokenguard.reports.advice.shape import Advice, Asked, Change, Part, advice, all_calls, all_cost, gathered, part_of
from tokenguard.reports.advice.wording import counted

NAME = "price-cliff"


class _Beyond(Struct, frozen=True):
    """Calls of a session beyond a cliff."""

    session: str
    cliff: int
    provider: str
    part: Part


def find(asked: Asked) -> Advice | None:
    """See the module."""
    found = [one for provider, model in habits.models(asked.conn) for one in _of(asked, provider, model)]
    parts = gathered(one.part for one in found)
    if not parts:
        return None
    by_session: Counter[str] = Counter()
    for one in found:
        by_session[one.session] += one.part.saving_nanos
    (worst, nanos), *_ = by_session.most_common(1)
    finding = (
        f"{counted(len(by_session), 'session')} grew past a length from which on every token costs more: "
        f"{counted(all_calls(parts), 'call')} for {usd(all_cost(parts))}. Session {printable(worst, 48)} alone paid "
        f"{usd(nanos, about=True)} for that."
    )
    changes = [
        change for part in parts for one in found if one.part.model == part.model for change in _changes(asked, one)
    ]
    return advice(NAME, "Contexts past a price cliff", finding, parts, changes)


def _of(asked: Asked, provider: str, model: str) -> Iterator[_Beyond]:
    where = (asked.catalogue, provider, model)
    cliffs = compare.cliffs(*where, asked.until_us)
    below = compare.band(*where, 0, asked.until_us)
    for above, most in zip(cliffs, (*cliffs[1:], None), strict=False):
        beyond = compare.band(*where, above + 1, asked.until_us)
        if below is None or beyond is None:
            continue
        for habit in habits.beyond(asked.conn, provider, model, (above, most), asked.since_us, asked.until_us):
            part = part_of(habit, _saving(habit, below, beyond), f"beyond {tokens(cliffs[0])}")
            yield _Beyond(habit.kind, cliffs[0], provider, part)


def _saving(habit: Habit, below: Band, beyond: Band) -> int:
    """The part of what was paid that is for the length, whatever tier or region it was paid at."""
    short, long = compare.nanos(below, habit.usage), compare.nanos(beyond, habit.usage)
    return habit.nanos - habit.nanos * short // long if short is not None and long else 0


def _changes(asked: Asked, beyond: _Beyond) -> Iterator[Change]:
    agent, cliff = beyond.part.agent, beyond.cliff
    # An agent notices between two turns: some room has to be left for one.
    limit = cliff * 9 // 10
    if agent == "claude":
        yield Change("to compact in time", f"CLAUDE_CODE_AUTO_COMPACT_WINDOW={limit}")
        yield Change("by hand", "/compact, or /clear before something else")
    elif agent == "codex":
        yield Change("to compact in time, in ~/.codex/config.toml", f"model_auto_compact_token_limit = {limit}")
    elif agent == "gemini":
        found = asked.catalogue.find(beyond.provider, beyond.part.model)
        share = limit / (found.model.window or 1_048_576) if found is not None else 0.1
        setting = f'"model": {{"compressionThreshold": {share:.2f}}}'
        yield Change("to compress in time, in ~/.gemini/settings.json", setting)
    else:
        yield Change(f"in {agent}", f"compact the conversation before {tokens(cliff)} tokens, or begin a new one")
