"""Answers that were given up before their end, and calls that failed and were made again.

What was given up is paid for as far as it went, and what follows at once pays for the whole prompt once more. What
could have been saved is what was charged for calls that nobody had anything of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tokenguard.ledger import habits
from tokenguard.policy.money import usd
from tokenguard.reports.advice.shape import Advice, Asked, Change, Part, advice, all_cost, gathered, part_of
from tokenguard.reports.advice.wording import counted

NAME = "abandoned"
_GIVEN_UP = frozenset({"client-gone", "cut"})
_WORDS = {
    "client-gone": "agent left",
    "cut": "stream broke off",
    "provider-error": "provider failed",
    "unreachable": "not reached",
    "throttled": "rate limit",
}


def find(asked: Asked) -> Advice | None:
    """See the module."""
    found = habits.failed(asked.conn, asked.since_us, asked.until_us)
    parts = gathered(part_of(habit, habit.nanos, _WORDS[habit.kind.partition("+")[0]]) for habit in found)
    if not parts:
        return None
    count: Counter[str] = Counter()
    for habit in found:
        outcome, _, again = habit.kind.partition("+")
        count["given up" if outcome in _GIVEN_UP else "failed"] += habit.calls
        count["again"] += habit.calls if again else 0
    finding = (
        f"{counted(count['given up'], 'answer')} {'was' if count['given up'] == 1 else 'were'} given up, "
        f"{counted(count['failed'], 'call')} failed; {usd(all_cost(parts), about=True)} was charged for them all the "
        f"same. After {count['again']:,} of them the next call followed within a minute."
    )
    return advice(NAME, "Abandoned streams and retries", finding, parts, _changes(parts))


def _changes(parts: tuple[Part, ...]) -> Iterator[Change]:
    agents = dict.fromkeys(part.agent for part in parts)
    if "claude" in agents:
        yield Change("for slow answers, in milliseconds", "API_TIMEOUT_MS=1200000")
        yield Change("for fewer retries", "CLAUDE_CODE_MAX_RETRIES=3")
    if "codex" in agents:
        yield Change(
            "for slow answers, [model_providers.NAME] in ~/.codex/config.toml", "stream_idle_timeout_ms = 600000"
        )
        yield Change("for fewer retries, [model_providers.NAME] in ~/.codex/config.toml", "stream_max_retries = 2")
    if "gemini" in agents:
        yield Change("in ~/.gemini/settings.json", '"general": {"maxAttempts": 3}')
    yield Change("to be asked when calls fail in a row, in config.toml", '[loops]\nactions = { failures = "hold" }')
