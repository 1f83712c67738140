"""Budgets that a team shares through PostgreSQL: a machine leases an amount, spends of it without asking anybody, and
says what it spent.

What a lease holds is taken out of every budget that applies before anything of it is spent. It comes back by a report
of its holder only: what expires unreported is presumed to be spent. So nobody can pass a cap, whoever crashes when.

A database that kept every lease would grow with every call. So a lease that nobody will ask for again is **folded**,
by whoever visits, some at a time: what it came to is added to the row of its machine in each of its windows
(`holding.folded_...`), and the lease and its journal are taken away. What holds then:

1. What a window has spent, holds and presumes is the sum of its leases and of what is folded, the sum of its machines,
   and what the journal and what is folded come to. Folding changes none of it. The view `audit` has a row where one of
   these does not hold.
2. No live lease is folded and, of a window that runs, none that is presumed to be spent: that may come back.
3. Of a window that runs, a lease is folded only after its holder has let go of it. A machine says at every visit which
   leases it remembers, as it has written that down before, and never reports one again that it does not remember.
4. Nobody's memory goes back. A machine enters with the token that it left at its last visit; whoever has an older one
   is a copy, or was put back from a backup, and goes on as another machine, which remembers no lease.
5. A lease is granted in the visit that asks for it, and in no other: a grant that is said again when its lease is
   folded names a visit that is over. A visit that is said again has a token that is over. A report that is said again
   finds no lease, and changes nothing.
6. What does not add up is not folded, so that it can be looked at.
"""

from __future__ import annotations

from tokenguard.errors import TeamError
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.shape import Backend, Clock, Place


def backend(policy: TeamPolicy, place: Place, clock: Clock) -> Backend:
    """This machine's place in a team that has a database. Raises `TeamError` if the driver is not installed."""
    try:
        from tokenguard.team.postgres.machine import Machine
    except ImportError as error:
        raise TeamError(
            "a team with a database needs the PostgreSQL driver psycopg, which is not installed",
            "install it with: pip install 'tokenguard[postgres]'",
        ) from error
    return Machine(policy, place, clock)
