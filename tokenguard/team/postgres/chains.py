"""Leases in a row: what a machine has of its team's budgets in one span of time, the oldest first.

Where windows lie in each other, a day of a month, the span is the shortest of them: a lease ends with the first of its
windows, so what is spent in the span is what is spent of the leases of its chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.policy import leasing
from tokenguard.policy.leasing import Lease
from tokenguard.team.shape import Taken

_LATE_US = 2 * 86_400_000_000
"""How long after a span has ended what is charged to it late is still reported."""


class Chain(Struct, frozen=True):
    """The leases of one span."""

    since_us: int
    until_us: int | None
    base: int = 0
    """What this machine had spent in it before it joined the team, which is not the team's."""
    settled: int = 0
    """Spent of leases that were closed long ago."""
    leases: tuple[Lease, ...] = ()

    @property
    def reported(self) -> int:
        """Of what this machine spent in it, what the database knows."""
        return self.settled + sum(lease.spent for lease in self.leases)

    @property
    def span(self) -> tuple[int, int | None]:
        """What tells it from the others."""
        return self.since_us, self.until_us

    def unreported(self, spent: int) -> int:
        """Of what was spent in it, what the database does not know yet."""
        return max(0, spent - self.base - self.reported)

    def usable(self, now_s: float, boot: str) -> list[Lease]:
        """The leases on which something new may begin."""
        return [lease for lease in self.leases if lease.usable(now_s, boot)]


class Due(Struct, frozen=True):
    """What is to be reported of a lease."""

    lease: str
    spent: int
    keep: int
    final: bool


class _Windowed(Protocol):
    @property
    def since_us(self) -> int: ...
    @property
    def until_us(self) -> int | None: ...


def span_of(windows: Iterable[_Windowed]) -> tuple[int, int | None]:
    """What windows that hold the same instant have in common."""
    known = list(windows)
    return (
        max(window.since_us for window in known),
        min((window.until_us for window in known if window.until_us is not None), default=None),
    )


def find(chains: Iterable[Chain], span: tuple[int, int | None]) -> Chain:
    """The chain of a span; an empty one where there is none."""
    return next((chain for chain in chains if chain.span == span), Chain(*span))


def put(chains: tuple[Chain, ...], chain: Chain) -> tuple[Chain, ...]:
    """With this chain in the place of the one of its span, or as the last."""
    if all(one.span != chain.span for one in chains):
        return (*chains, chain)
    return tuple(chain if one.span == chain.span else one for one in chains)


def put_lease(chain: Chain, lease: Lease) -> Chain:
    """With this lease in the place of the one of its name, or as the newest."""
    if all(one.id != lease.id for one in chain.leases):
        return replace(chain, leases=(*chain.leases, lease))
    return replace(chain, leases=tuple(lease if one.id == lease.id else one for one in chain.leases))


def settle(chain: Chain, taken: Taken, in_use: frozenset[str], now_s: float, boot: str) -> tuple[Chain, list[Due]]:
    """What to report of a chain, and what is left of it: leases that end are cut down to what is taken of them.

    Those of which all is spent end, too: they would be renewed for as long as the span lasts. The cut is to be written
    down before the report is sent: what went back could be spent otherwise. `in_use` are leases on which calls may
    begin right now; one that is to end waits until none can.
    """
    dues: list[Due] = []
    parts = leasing.allot(max(0, taken.spent - chain.base - chain.settled), taken.reserved, chain.leases)
    for lease, part in zip(chain.leases, parts, strict=True):
        over = boot == lease.boot and now_s >= lease.deadline_s
        used_up = part.spent >= lease.amount
        final = over or used_up or (lease.ending and lease.id not in in_use)
        if not lease.closed or part.spent > lease.spent:
            dues.append(Due(lease.id, part.spent, part.kept, final))
        if final and not lease.closed:
            cut = replace(lease, ending=True, amount=min(lease.amount, part.spent + part.kept))
            chain = put_lease(chain, cut)
    return chain, dues


def without_largest(chain: Chain, now_s: float, boot: str) -> Chain:
    """Ends the lease that has the most unused, of those that may be given back; what is needed is asked for anew."""
    usable = [lease for lease in chain.usable(now_s, boot) if now_s >= lease.firm_s]
    if not usable:
        return chain
    return put_lease(chain, replace(max(usable, key=lambda lease: lease.rest), ending=True))


def without_closed(chain: Chain) -> Chain:
    """Of which nothing more will be told on the leases that are closed."""
    settled = sum(lease.spent for lease in chain.leases if lease.closed)
    left = tuple(lease for lease in chain.leases if not lease.closed)
    return replace(chain, settled=chain.settled + settled, leases=left)


def tidy(chains: tuple[Chain, ...], now_us: int) -> tuple[Chain, ...]:
    """Without what no report can be about any longer."""
    kept: list[Chain] = []
    for chain in chains:
        done = [lease for lease in chain.leases[:-1] if lease.closed]
        left = tuple(lease for lease in chain.leases if lease not in done)
        if chain.until_us is None or now_us < chain.until_us + _LATE_US or any(not lease.closed for lease in left):
            settled = chain.settled + sum(lease.spent for lease in done)
            kept.append(replace(chain, settled=settled, leases=left))
    return tuple(kept)
