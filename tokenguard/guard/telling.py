"""What events tell of calls, and what calls add to their sessions."""

from __future__ import annotations

from tokenguard.policy.measure import is_notional
from tokenguard.records import Call, Charge, Reading, Totals, Usage


def told_of(call: Call) -> dict[str, object]:
    """What every event tells of its call."""
    return {
        "id": call.id,
        "session": call.session,
        "agent": call.agent,
        "repo": call.repo,
        "branch": call.branch,
        "model": call.model,
        "provider": call.provider,
        "billing": call.billing,
        "requested": call.requested,
        "request_class": call.request_class,
        "subagent": call.subagent,
        "subagent_type": call.subagent_type,
    }


def settled(
    call: Call, reading: Reading, charge: Charge, usage: Usage, *, status: int | None, outcome: str
) -> dict[str, object]:
    """What a call came to, at list price, whoever pays."""
    below, above = _around(charge)
    return told_of(call) | {
        "served": reading.model,
        "response_id": reading.response_id,
        "status": status,
        "outcome": outcome,
        "usage": usage,
        "cost_nanos": charge.nanos,
        "cost_low_nanos": charge.nanos - below,
        "cost_high_nanos": charge.nanos + above,
        "confidence": charge.confidence,
        "marks": charge.marks,
    }


def totals_of(call: Call, charge: Charge, usage: Usage) -> Totals:
    """What a call adds to sums: dollars that nobody pays stand apart."""
    if is_notional(call.billing):
        return Totals(1, 0, usage, charge.confidence, notional_nanos=charge.nanos)
    return Totals(1, charge.nanos, usage, charge.confidence, 0, *_around(charge))


def _around(charge: Charge) -> tuple[int, int]:
    """How much less and how much more it can be."""
    low, high = charge.low_nanos, charge.high_nanos
    return 0 if low is None else charge.nanos - low, 0 if high is None else high - charge.nanos
