"""Calls, settlements and ledgers to test with."""

from __future__ import annotations

import sqlite3

from tokenguard.ledger import Settlement
from tokenguard.ledger.migrations import migrate
from tokenguard.records import Call, Charge, Confidence, Leg, Session, Usage

START_US = 1_763_719_200_000_000
"""2025-11-21 10:00 UTC."""
SECOND_US = 1_000_000


def in_memory() -> sqlite3.Connection:
    """A ledger without a file, for what neither writer thread nor disk matters to."""
    conn = sqlite3.connect(":memory:", isolation_level=None)
    migrate(conn)
    return conn


def call(number: int, *, session: str = "s1", model: str = "opus", started_us: int | None = None) -> Call:
    """A call that starts `number` seconds after `START_US` unless it says otherwise."""
    return Call(
        id=number,
        session=session,
        agent="claude",
        provider="anthropic",
        dialect="anthropic-messages",
        model=model,
        started_us=START_US + number * SECOND_US if started_us is None else started_us,
        stream=True,
        repo="/src/web",
        branch="main",
    )


def settlement(of: Call, nanos: int = 1_000, confidence: Confidence = Confidence.EXACT) -> Settlement:
    """A charge of one leg with 10 tokens in and 2 out."""
    usage = Usage(input=10, output=2)
    return Settlement(
        call=of,
        charge=Charge(nanos, confidence, leg_nanos=(nanos,)),
        ended_us=of.started_us + SECOND_US,
        outcome="ok",
        legs=(Leg(of.model, usage),),
        usage=usage,
        served=of.model,
        response_id=f"msg_{of.id}",
        status=200,
    )


def session(name: str, started_us: int = START_US) -> Session:
    """A session with every kind of field set."""
    return Session(
        id=name,
        agent="claude",
        started_us=started_us,
        repo="/src/web",
        worktree="/src/web-2",
        branch="main",
        labels=(("team", "web"),),
        budget="5",
        upstreams=(("anthropic", "https://gateway.example"),),
    )
