"""How much of a team's budget a machine asks for at a time, until when it may use it, and which of it is used up.

A **lease** is an amount that was taken out of a team's budgets for one machine, before anything of it is spent. What
is spent fills the oldest lease first. Amounts are nanodollars; instants are seconds on a clock that never goes back and
counts the time that the machine sleeps, which only means something until it starts anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

MARGIN = 0.02
"""Of a lease's time, what is left out here: two clocks may differ that much in how fast they go."""

PLENTY = 4
"""How many times what it would ask for now a machine may have unused before it gives a lease back."""

FASTEST_S = 60.0
_MACHINES_PER_SECOND = 10


class Lease(Struct, frozen=True):
    """A lease, as its holder knows it."""

    id: str
    amount: int
    spent: int = 0
    """Of all that was spent, what its giver knows to be of this lease; more than the amount is an overrun."""
    deadline_s: float = 0.0
    """From when on nothing new may begin on it."""
    boot: str = ""
    """Which start of the machine the deadline is of; after another one it waits for a confirmation."""
    firm_s: float = 0.0
    """Until when it is kept though it is not needed: a person asked for it."""
    ending: bool = False
    """Nothing new may begin on it, whatever its deadline."""
    closed: bool = False
    """Nothing of it is left, as its giver has confirmed."""

    @property
    def rest(self) -> int:
        """What its giver has set aside for it still."""
        return 0 if self.closed else max(0, self.amount - self.spent)

    @property
    def capacity(self) -> int:
        """What may be spent of it in all without anybody else's part being touched."""
        return self.spent if self.closed else max(self.amount, self.spent)

    def usable(self, now_s: float, boot: str) -> bool:
        """Whether something new may begin on it."""
        return not self.ending and not self.closed and boot == self.boot and now_s < self.deadline_s


class Part(Struct, frozen=True):
    """What is taken of one lease."""

    spent: int
    kept: int
    """For calls in flight, at their worst case."""


def size(burn: int, parallel: int, largest: int, free: int, active: int) -> int:
    """How much to ask for: half an hour's spending and what is in flight at its worst, but one call at the very least,
    and no more than half of a fair share of what is `free` among the `active`."""
    fair = free // (2 * max(active, 1))
    return max(largest, min(burn + parallel * largest, fair))


def need(size: int, largest: int, short: int, room: int) -> tuple[int, int]:
    """What to ask for with `room` left, and what is too little to be of use; (0, 0): nothing.

    `short` is what a call that waits lacks. Otherwise more is asked for when half of it is used up, so that the next
    call need not wait.
    """
    if short:
        return max(size, short), short
    if size and room < max(size // 2, largest):
        return size, max(1, largest - max(0, room))
    return 0, 0


def deadline(sent_s: float, left_s: float) -> float:
    """Until when a lease may be used that has `left_s` more seconds, by the answer to what was sent at `sent_s`."""
    return sent_s + left_s * (1 - MARGIN)


def pace(ttl_s: float, active: int) -> float:
    """How many seconds to wait before asking what is new: a third of a lease's time at most, so that it is renewed, and
    less where the team is so small that all of it together does not ask more than ten times a second."""
    return min(ttl_s / 3, max(FASTEST_S, active / _MACHINES_PER_SECOND))


def allot(spent: int, reserved: int, leases: Sequence[Lease]) -> list[Part]:
    """What is taken of each lease, the oldest first. What no lease has room for is spent of the newest one."""
    parts: list[Part] = []
    for lease in leases:
        of_it = min(spent, lease.capacity)
        kept = min(reserved, lease.capacity - of_it)
        spent, reserved = spent - of_it, reserved - kept
        parts.append(Part(of_it, kept))
    if parts and spent:
        parts[-1] = Part(parts[-1].spent + spent, parts[-1].kept)
    return parts


def forgotten(spent: int, reported: int) -> bool:
    """Whether the books of this machine have lost so much of what was reported from them that they must have been
    lost; corrections take away little."""
    return 2 * spent < reported
