"""What is told while it happens."""

from __future__ import annotations

from msgspec import Struct


class Event(Struct, frozen=True):
    """Something that happened, as `GET /v1/events` tells it."""

    type: str
    """`session.started`, `session.left` (its agent has ended and has left something running), `session.ended`,
    `session.steered` (somebody has paused, resumed or stopped its processes), `call.started`, `call.progress`,
    `call.settled`, `call.refused`, `call.runaway`, `call.preflight`, `hold.asked`, `hold.answered`, `budget.level`,
    `budget.raised`, `config.reloaded`, `official.window`, `team.heard`, `team.away` or `calls.logged` (agents' logs
    have told of so many, or of very many, that did not pass here)."""
    at_us: int
    data: dict[str, object]
