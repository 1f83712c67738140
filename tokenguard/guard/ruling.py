"""What becomes of a call, and what stands in its way."""

from __future__ import annotations

from msgspec import Struct

from tokenguard.guard.over import Over
from tokenguard.guard.reservation import Reservation
from tokenguard.guard.slots import resets_at
from tokenguard.policy import wording
from tokenguard.records import Call, Facts, Verdict


class Ruling(Struct, frozen=True):
    """What becomes of a call. Unless it is refused, it is reserved in all its budgets."""

    call: Call
    """As it is to be forwarded."""
    facts: Facts
    reservation: Reservation
    verdict: Verdict
    max_output: int | None = None
    """The output limit to put into the request; None to leave it."""


def sentence(over: Over, now_us: int) -> str:
    """Why a budget cannot take it, as its agent is told."""
    # What would have to be free: with a margin, where it is not certain.
    need = over.standing.remaining + over.shortfall if over.need.bounded else None
    return wording.refusal(over.standing, need, now_us, resets_at(over.standing))
