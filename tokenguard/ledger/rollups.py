"""Sums kept beside the calls, so that a question about a year does not read a year of calls.

There is one row for each hour of UTC and combination of keys, one for each shift of `SHIFT` hours, one for each block
of `BLOCK` hours, and one for each thread (a session, or a sub-agent in it). So that what was done when is told from
few rows, however much tells calls apart, there are more that only some keys tell apart: those of `NARROW`, for each
hour or half hour (some zones are half an hour off), those of `BARE_SHIFT`, and one for each thread in an hour
(`SPELLS`). On a machine whose hours begin between those of UTC, those of `NARROW` and `SPELLS` are kept once more, by
its hours (`tokenguard.ledger.phases`).
`tokenguard.ledger.adding` adds every charge to all of them in the transaction that writes it. What a call adds depends
on the `role` of the key:

- `plain`: a call that one model served, which is its `leg`. Most are.
- `whole`: a call of several legs, without a `leg`; its `part`s are the same sums once more, one for each leg's model.

Sums over calls leave `part`s out, sums by model leave `whole`s out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

HOUR_US = 3_600_000_000
HALF_US = HOUR_US // 2
HOUR = 1
SHIFT = 6
"""Hours in a shift: days of any zone hold three of them, and a few hours."""
BLOCK = 720
"""Hours in a block: thirty days, counted from the epoch."""
THREADS = -1
"""The `size` of the sums of whole threads: their `start` is the thread's number."""

BARE_KEYS = frozenset(("billing", "origin", "confidence"))
"""The keys that the narrowest sums tell apart, and those of threads in an hour."""
HALVES = 2
"""Half hours in an hour."""


class Narrow(NamedTuple):
    """Sums of hours, or of half hours, that only some keys tell apart."""

    size: int
    keys: frozenset[str]
    number: str
    """The column of `rollup_keys` that has the number of such a key, for one that tells more apart."""
    phased: int
    """The `size` of the same sums by the hours of a phase: their `start` is the hour of UTC in which one begins."""
    by_leg: bool = False
    """Whether they are sums by leg, which is told apart as well; else over calls."""
    units: int = 1
    """How many of them an hour has; their `start` is counted in these."""


BARE = Narrow(-2, BARE_KEYS, "bare", -14, units=HALVES)
MODELS = Narrow(-3, frozenset(), "by_model", -8, by_leg=True)
AGENTS = Narrow(-12, frozenset(("agent", "provider")), "by_agent", -13)
TASKS = Narrow(-6, frozenset(("task", "task_type", "request_class")), "by_task", -9)
PLACES = Narrow(-7, frozenset(("repo", "worktree", "branch")), "by_place", -10)
NARROW = (BARE, MODELS, AGENTS, TASKS, PLACES)
"""The narrowest first. All are kept by the hours of a phase as well, where there is one."""


ALWAYS = ("agent", "provider", "model", "request_class", "billing", "origin")
"""The keys that a call always has: only in narrow sums they are empty, where these do not tell them apart."""


class Coarse(NamedTuple):
    """Sums that others are summed up to."""

    size: int
    of: int
    """The size of the others."""
    units: int
    """How many of the others an hour has."""
    hours: int

    def start(self, hour: int) -> int:
        """The `start` of the one that holds an hour."""
        return hour // self.hours * self.hours * self.units


BARE_SHIFT = -5
"""The `size` of the sums of shifts that only `BARE_KEYS` tell apart; their `start` is in half hours, too."""
COARSE = (
    Coarse(SHIFT, HOUR, 1, SHIFT),
    Coarse(BARE_SHIFT, BARE.size, BARE.units, SHIFT),
    Coarse(BLOCK, HOUR, 1, BLOCK),
)

SPELLS = -4
"""The `size` of the sums of threads in an hour that only `BARE_KEYS` tell apart; their `start` is `spell`."""
PHASED_SPELLS = -11
"""The `size` of the same sums by the hours of a phase."""
THREAD_BITS = 32

CALLS = 0
"""The `size` of a piece that is read from the calls themselves."""


def spell(hour: int, thread: int) -> int:
    """What stands for a thread in an hour."""
    return hour << THREAD_BITS | thread


class Piece(Struct, frozen=True):
    """A part of a span, and where its sums are: among the calls, the hours or the blocks."""

    size: int
    """`CALLS`, `HOUR`, `SHIFT`, `BLOCK`, or one of the narrow ones."""
    since: int | None
    until: int | None
    """Instants in microseconds among the calls, else hours since the epoch, or their `units`; None is open."""


def pieces(
    since_us: int | None,
    until_us: int | None,
    sizes: Sequence[int] = (BLOCK, SHIFT, HOUR),
    unit_us: int = HOUR_US,
) -> list[Piece]:
    """The span, put together from as few sums as can be; calls are read where it begins or ends within a unit.

    The sums are of these sizes, the largest first, in units.
    """
    first = None if since_us is None else -(-since_us // unit_us)
    last = None if until_us is None else until_us // unit_us
    if first is not None and last is not None and first >= last:
        return [Piece(CALLS, since_us, until_us)]
    found = list(_whole_units(first, last, sizes))
    if first is not None and since_us != first * unit_us:
        found.append(Piece(CALLS, since_us, first * unit_us))
    if last is not None and until_us != last * unit_us:
        found.append(Piece(CALLS, last * unit_us, until_us))
    return found


def _whole_units(first: int | None, last: int | None, sizes: Sequence[int]) -> Iterator[Piece]:
    """The units in pieces of these sizes, the largest first."""
    size, *smaller = sizes
    begin = None if first is None else -(-first // size) * size
    end = None if last is None else last // size * size
    if begin is not None and end is not None and begin >= end:
        if smaller:
            yield from _whole_units(first, last, smaller)
        return
    yield Piece(size, begin, end)
    if begin != first:
        yield from _whole_units(first, begin, smaller)
    if end != last:
        yield from _whole_units(end, last, smaller)


def narrowest(asked: Iterable[str], *, by_leg: bool) -> Narrow | None:
    """The sums with the fewest rows in an hour of those that tell these columns apart; None if only all keys do."""
    wanted = frozenset(asked)
    return next((one for one in NARROW if one.by_leg == by_leg and wanted <= one.keys), None)


def narrowed(piece: Piece, narrow: Narrow | None) -> Piece:
    """The same piece among narrow sums, if it is one of hours and there are such sums."""
    if narrow is None or piece.size != HOUR:
        return piece
    since, until = (None if end is None else end * narrow.units for end in (piece.since, piece.until))
    return Piece(narrow.size, since, until)
