"""Pauses after which a provider had forgotten what it had cached, so that the context was sent and paid for again.

What could have been saved is the difference to reading the same tokens from the cache.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard.ledger import habits
from tokenguard.policy.money import tokens, usd
from tokenguard.records import Usage
from tokenguard.reports.advice.shape import (
    Advice,
    Asked,
    Change,
    Part,
    advice,
    all_calls,
    all_saving,
    dearer_than,
    gathered,
    part_of,
)
from tokenguard.reports.advice.wording import counted

NAME = "idle-gaps"
_WITHIN = "back within 1 h"
_AFTER = "back after 1 h"


def find(asked: Asked) -> Advice | None:
    """See the module."""
    found = habits.gone_cold(asked.conn, asked.since_us, asked.until_us)
    detail = {"hour": _WITHIN, "longer": _AFTER}
    parts = gathered(
        part_of(habit, dearer_than(asked, habit, Usage(cache_read=habit.usage.total)), detail[habit.kind])
        for habit in found
    )
    if not parts:
        return None
    again = sum(habit.usage.total for habit in found)
    finding = (
        f"{counted(all_calls(parts), 'pause')} outlasted the cache: {tokens(again)} tokens were sent again, for "
        f"{usd(all_saving(parts), about=True)} more than reading them would have cost."
    )
    return advice(NAME, "Pauses that outlasted the cache", finding, parts, _changes(parts))


def _changes(parts: tuple[Part, ...]) -> Iterator[Change]:
    for part in parts:
        if part.agent == "claude" and part.detail == _WITHIN:
            yield Change(
                "to keep it for an hour (writing then costs 2x input, not 1.25x)", "ENABLE_PROMPT_CACHING_1H=1"
            )
    for part in parts:
        if part.agent in ("claude", "codex"):
            yield Change("before a pause, or after a long one", "/compact, or /clear before something else")
        elif part.agent == "gemini":
            yield Change("before a pause, or after a long one", "/compress, or /clear before something else")
        else:
            yield Change(f"after a long pause in {part.agent}", "begin a new session")
