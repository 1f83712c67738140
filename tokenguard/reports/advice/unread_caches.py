"""Cache writes from which nobody read: conversations of a single turn, or whose beginning changes every time.

What could have been saved is what writing costs beyond plain input. A provider that asks nothing for it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from tokenguard.ledger import habits
from tokenguard.ledger.habits import LIFE_US
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

NAME = "unread-cache"


def find(asked: Asked) -> Advice | None:
    """See the module. What was written within the last hour may be read yet."""
    until_us = asked.until_us - LIFE_US["1h"]
    found = habits.unread(asked.conn, asked.since_us, until_us)
    parts = gathered(part_of(habit, dearer_than(asked, habit, Usage(input=habit.usage.total))) for habit in found)
    if not parts:
        return None
    charged = {(part.agent, part.model) for part in parts}
    written = sum(habit.usage.total for habit in found if (habit.agent, habit.model) in charged)
    finding = (
        f"{counted(all_calls(parts), 'call')} wrote {tokens(written)} tokens to a cache from which nobody "
        f"read. Writing cost {usd(all_saving(parts), about=True)} more than sending them would have."
    )
    return advice(NAME, "Caches that nobody read", finding, parts, _changes(parts))


def _changes(parts: tuple[Part, ...]) -> Iterator[Change]:
    for part in parts:
        if part.agent == "claude":
            yield Change("for runs of a single turn, such as claude -p", "DISABLE_PROMPT_CACHING=1")
            yield Change("to go on in the same conversation", "claude -p --continue")
        else:
            yield Change(f"in {part.agent}", "ask several things in one session, not each in its own")
