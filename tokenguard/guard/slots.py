"""Slots where they meet the world: time zones, the ledger's rows, the agents' sessions."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from tokenguard.config.zones import local_zone
from tokenguard.ledger import Where
from tokenguard.policy.budgets import Slot, Standing
from tokenguard.records import Call, Session


@lru_cache(maxsize=64)
def zone_of(name: str | None) -> tzinfo:
    """A budget's time zone; None is the machine's."""
    return ZoneInfo(name) if name else local_zone()


def call_of(session: Session, now_us: int) -> Call:
    """A call as this session would make it, its model, provider and billing still open."""
    return Call(
        0,
        session.id,
        session.agent,
        "",
        "",
        "",
        now_us,
        repo=session.repo,
        branch=session.branch,
        task=session.task,
        billing="",
    )


def where_of(slot: Slot) -> Where:
    """The ledger's calls that a slot counts."""
    where = Where(match=slot.budget.match)
    scope, key = slot.budget.scope, slot.key
    if scope in ("user", "global"):
        return where
    if scope == "branch":
        repo, _, branch = key.partition("\0")
        return replace(where, repo=repo, branch=branch)
    # What was started in a session counts in it.
    return replace(where, **{"family" if scope == "session" else scope: key})


def resets_at(standing: Standing) -> datetime | None:
    """When a slot starts anew, in its budget's zone; None if it does not, or moves along."""
    if standing.resets_us is None:
        return None
    return datetime.fromtimestamp(standing.resets_us / 1_000_000, zone_of(standing.slot.budget.timezone))
