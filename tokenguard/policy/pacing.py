"""How fast a session spends, by the minutes in which its conversations were at work."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

MINUTE_US = 60_000_000
RECENT_MINUTES = 5
ENOUGH_MINUTES = 15
"""Minutes of work of one conversation, by which the pace of a session can be judged."""
FADING_MINUTES = 240
"""Minutes of work after which the oldest fade."""
ENOUGH_CALLS = 5
WORTH_NANOS = 1_000_000_000
"""Spending below that in `RECENT_MINUTES` is no word worth, however fast."""


class Minute(Struct, frozen=True):
    """What was settled within a minute."""

    number: int
    nanos: int = 0
    calls: int = 0
    conversations: frozenset[int] = frozenset()


class Pace(Struct, frozen=True):
    """How fast a session spends, by the minutes in which its conversations were at work."""

    recent: tuple[Minute, ...] = ()
    nanos: int = 0
    """Spent before the recent minutes, within that many `minutes`."""
    minutes: int = 0


def spent(pace: Pace, conversation: int, nanos: int, now_us: int) -> Pace:
    """With the charge of a call that ended."""
    number = now_us // MINUTE_US
    pace = aged(pace, now_us)
    recent = pace.recent
    if not recent or recent[-1].number < number:
        recent = (*recent, Minute(number))
    last = recent[-1]
    grown = Minute(last.number, last.nanos + nanos, last.calls + 1, last.conversations | {conversation})
    return replace(pace, recent=(*recent[:-1], grown))


def aged(pace: Pace, now_us: int) -> Pace:
    """With what is recent no more as part of the history."""
    oldest = now_us // MINUTE_US - RECENT_MINUTES + 1
    old = sum(one.number < oldest for one in pace.recent)
    if not old:
        return pace
    nanos, minutes = pace.nanos + _nanos(pace.recent[:old]), pace.minutes + _minutes(pace.recent[:old])
    if minutes > FADING_MINUTES:
        nanos, minutes = nanos // 2, minutes // 2
    return Pace(pace.recent[old:], nanos, minutes)


def told(pace: Pace) -> Pace:
    """Somebody knows of it: the recent one is the usual one from now on."""
    minutes = _minutes(pace.recent)
    return Pace((), _nanos(pace.recent) * pace.minutes // minutes, pace.minutes) if minutes else pace


def speed(pace: Pace, likely_nanos: int) -> float:
    """How many times as fast as before it is spent, with a call that is to be made; 0 where that cannot be judged."""
    recent = _nanos(pace.recent) + likely_nanos
    calls = sum(one.calls for one in pace.recent)
    if pace.minutes < ENOUGH_MINUTES or not pace.nanos or calls < ENOUGH_CALLS or recent < WORTH_NANOS:
        return 0.0
    return (recent / _minutes(pace.recent)) / (pace.nanos / pace.minutes)


def _nanos(minutes: Iterable[Minute]) -> int:
    return sum(one.nanos for one in minutes)


def _minutes(minutes: Iterable[Minute]) -> int:
    return sum(len(one.conversations) for one in minutes)
