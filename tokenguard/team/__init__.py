"""Budgets that several people share: through refs of a git remote, or through PostgreSQL."""

from __future__ import annotations

from importlib import import_module

from tokenguard.records.teams import TeamPolicy
from tokenguard.team.shape import Backend, Clock, Place

BACKENDS = {"git": "gitrefs", "postgres": "postgres"}
"""Name in a policy -> package below this one, imported when it is needed: most machines are in no team."""


def open_backend(policy: TeamPolicy, place: Place, clock: Clock) -> Backend:
    """This machine's place in a team. Raises `TeamError` if what it needs is not installed."""
    found: Backend = import_module(f"tokenguard.team.{BACKENDS[policy.backend]}").backend(policy, place, clock)
    return found
