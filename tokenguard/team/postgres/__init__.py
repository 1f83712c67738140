"""Budgets that a team shares through PostgreSQL: a machine leases an amount, spends of it without asking anybody, and
says what it spent.

What a lease holds is taken out of every budget that applies before anything of it is spent. It comes back by a report
of its holder only: what expires unreported is presumed to be spent. So nobody can pass a cap, whoever crashes when.
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
