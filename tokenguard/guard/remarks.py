"""What the log says of sessions that do not go as they should."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tokenguard.guard.registry import Live
from tokenguard.policy.naming import printable
from tokenguard.records import Session

log = logging.getLogger(__name__)

_AT_START_US = 20_000_000
"""An agent that ends with an error within that time, without a call, has failed to start; some are slow to."""


def begun(session: Session, notes: Iterable[str]) -> None:
    """What its `run` has found, above all what of it is not guarded."""
    for note in notes:
        log.warning("session %s of %s: %s", session.id, printable(session.agent), printable(note))


def shared(holder: Session, agent: str) -> None:
    """Somebody asks for a session with the token of one that runs."""
    log.warning(
        "a run of %s came with the token of session %s of %s: it is turned away",
        printable(agent),
        holder.id,
        holder.agent,
    )


def answered(live: Live, status: int | None) -> None:
    """Take note of whether the provider takes the agent's key or login; the log tells the first time."""
    if status != 401:
        live.unauthorized = 0
        return
    live.unauthorized += 1
    if live.unauthorized == 1:
        log.warning(
            "session %s of %s: the provider does not take its key or login (401)", live.session.id, live.session.agent
        )


def ended(live: Live, exit_code: int | None, now_us: int) -> None:
    """Tell of an agent that has failed to start."""
    lasted_us = now_us - live.session.started_us
    if exit_code and not live.totals.calls and not live.refused and lasted_us < _AT_START_US:
        log.warning(
            "session %s of %s made no call: its agent ended after %.1f s with exit code %d",
            live.session.id,
            live.session.agent,
            lasted_us / 1_000_000,
            exit_code,
        )
