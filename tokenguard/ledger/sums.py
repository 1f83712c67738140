"""What charges add up to: the numbers that are summed, and the two places where they can be read.

A source is a subquery named `s`, with the columns of `KEYS` and `SUMS`. Over calls it has one row for
each charge, or one for each model that a charge's legs used; over the rollups, one for each sum that is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from tokenguard.policy.measure import is_notional
from tokenguard.records import BILLINGS, Usage

BUCKETS = Usage.__struct_fields__


class Sums(Struct, frozen=True):
    """The numbers, all of which add up: over calls, and over sums of them."""

    calls: int = 0
    cost_nanos: int = 0
    """At list price, whoever pays."""
    unpriced: int = 0
    estimated: int = 0
    """Calls of this confidence, and `bound` those of that one; the others are exact."""
    bound: int = 0
    below: int = 0
    above: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    presumed: int = 0
    """Tokens that were reserved for calls that are presumed: of their usage nothing is known."""
    saved: int = 0
    """What caches took off the cost, at list price."""
    notional_nanos: int = 0
    """The dollars of all these that are on no bill, and so on: `tokenguard.policy.measure.is_notional`."""
    notional_below: int = 0
    notional_above: int = 0
    notional_saved: int = 0


KEYS = (
    "repo",
    "branch",
    "agent",
    "provider",
    "model",
    "task",
    "request_class",
    "billing",
    "worktree",
    "origin",
    "task_type",
    "confidence",
)
"""The columns of calls that sums are kept by: all by which charges are filtered and grouped, but the threads."""
SUMS = Sums.__struct_fields__
SUMMED = ", ".join(f"sum(s.{name})" for name in SUMS)
"""All of them, over a source."""
THREAD = {
    "session": "c.session",
    "agent_session": "c.agent_session",
    "subagent": "coalesce(c.subagent_type, c.subagent)",
}
"""What a thread is: calls that share these. Of whole threads sums are kept, too."""
_WHOSE = ", ".join(
    f"{column} AS {key}"
    for key, column in {**THREAD, "subagent_id": "c.subagent", "subagent_type": "c.subagent_type"}.items()
)


CHARGED = "c.state IN ('settled', 'presumed')"
_NOTIONAL = f"c.billing IN ({', '.join(repr(billing) for billing in BILLINGS if is_notional(billing))})"


def _with_notional(expressions: dict[str, str]) -> dict[str, str]:
    """With what of them is on no bill."""
    of = {"nanos": "cost_nanos", "below": "below", "above": "above", "saved": "saved"}
    return expressions | {f"notional_{name}": f"iif({_NOTIONAL}, {expressions[all]}, 0)" for name, all in of.items()}


_OF_CALL = {
    "calls": "1",
    "cost_nanos": "coalesce(c.cost_nanos, 0)",
    "unpriced": "c.cost_nanos IS NULL",
    "estimated": "c.confidence IS 'estimated'",
    "bound": "c.confidence IS 'bound'",
    "below": "coalesce(c.cost_nanos - c.cost_low, 0)",
    "above": "coalesce(c.cost_high - c.cost_nanos, 0)",
    **{bucket: f"c.{bucket}" for bucket in BUCKETS},
    "presumed": "iif(c.state = 'presumed', c.reserved_tokens, 0)",
    "saved": "coalesce(c.saved_nanos, 0)",
}
_CALL = _with_notional(_OF_CALL)
# A call without legs stands for one leg of its own model. How far a cost is from its bounds stands with the first leg.
_OF_PART = {
    **_OF_CALL,
    "cost_nanos": "coalesce(sum(iif(l.call_id IS NULL, c.cost_nanos, l.cost_nanos)), 0)",
    "below": f"iif(min(coalesce(l.idx, 0)) = 0, {_OF_CALL['below']}, 0)",
    "above": f"iif(min(coalesce(l.idx, 0)) = 0, {_OF_CALL['above']}, 0)",
    **{bucket: f"sum(iif(l.call_id IS NULL, c.{bucket}, l.{bucket} * l.billed))" for bucket in BUCKETS},
    "saved": "coalesce(sum(iif(l.call_id IS NULL, c.saved_nanos, l.saved_nanos)), 0)",
}
_PART = _with_notional(_OF_PART)

_FILLED = ("input", "cache_read", "cache_write_5m", "output")
"""The buckets that may hold all of what is presumed; both writes to a cache are one to budgets."""

_TOTALS = {
    "calls": "s.calls",
    "cost_nanos": "s.cost_nanos - s.notional_nanos",
    **{bucket: f"s.{bucket}" for bucket in BUCKETS},
    **{name: f"s.{name}" for name in ("estimated", "bound", "unpriced")},
    **{width: f"s.{width} - s.notional_{width}" for width in ("below", "above")},
    "notional_nanos": "s.notional_nanos",
    "saved": "s.saved - s.notional_saved",
    "notional_saved": "s.notional_saved",
}
TOTALLED = tuple(_TOTALS)
"""What `records.Totals` are made of."""


def totals_by(numbers: Iterable[str]) -> str:
    """These numbers, of `TOTALLED`, as columns over a source; each has its name."""
    return ", ".join(f"coalesce(sum({_TOTALS[name]}), 0) AS {name}" for name in numbers)


def as_they_stand(numbers: Iterable[str]) -> str:
    """The same of each row of a source by itself."""
    return ", ".join(f"{_TOTALS[name]} AS {name}" for name in numbers)


TOTALS = totals_by(TOTALLED)

AMOUNT = (
    "s.calls",
    "s.cost_nanos",
    f"{' + '.join(f's.{bucket}' for bucket in BUCKETS if bucket != 'reasoning')} + s.presumed",
    *(f"s.{bucket} + s.presumed" if bucket in _FILLED else f"s.{bucket}" for bucket in BUCKETS),
    "s.above",
)
"""What a row of a source is to a budget."""
NOTIONAL = ("s.notional_nanos", "s.notional_above")
"""The dollars of it that are on no bill, and how much more they can be."""


CALLS = "calls AS c"
CALLS_IN_SLICES = f"slices AS e CROSS JOIN {CALLS} ON c.started_us >= e.since AND c.started_us < e.until"
"""The calls in any of the `slices`, a table (number, since, until) of instants that there must be in the question."""


def per_call(condition: str, calls: str = CALLS) -> str:
    """The source of the calls `c` for which this holds, with the `slice` that they are in if there are any."""
    keys = ", ".join([*_slice(calls), *(f"c.{key}" for key in ("id", "started_us", *KEYS))])
    return f"(SELECT {keys}, {_WHOSE}, {_columns(_CALL)} FROM {calls} WHERE {condition}) AS s"


def per_leg(condition: str, calls: str = CALLS) -> str:
    """The source of their legs, by model, which is the column `leg`."""
    return _per_leg(condition, calls)


# Whether the first leg of a call is all of it.
_PLAIN = f"""(f.call_id IS NULL OR (f.billed AND f.cost_nanos IS c.cost_nanos AND f.saved_nanos IS c.saved_nanos
    AND ({", ".join(f"f.{bucket}" for bucket in BUCKETS)}) = ({", ".join(f"c.{bucket}" for bucket in BUCKETS)})
    AND NOT EXISTS (SELECT 1 FROM legs AS m WHERE m.call_id = c.id AND m.idx > 0)))"""
_FIRST = "legs AS f ON f.call_id = c.id AND f.idx = 0"


def per_role(condition: str) -> str:
    """The source of the calls, by the `role` that they have in sums, and the model of those that have one `leg`."""
    keys = ", ".join(f"c.{key}" for key in KEYS)
    role = f"iif({_PLAIN}, 'plain', 'whole') AS role, iif({_PLAIN}, coalesce(f.model, c.model), NULL) AS leg"
    columns = f"c.started_us, {keys}, {_WHOSE}, {role}, {_columns(_CALL)}"
    return f"(SELECT {columns} FROM {CALLS} LEFT JOIN {_FIRST} WHERE {condition}) AS s"


def per_part(condition: str) -> str:
    """The source of the legs, by model, of the calls that have more than one `leg`."""
    return _per_leg(f"{condition} AND NOT {_PLAIN}", f"{CALLS} JOIN {_FIRST}")


def _per_leg(condition: str, calls: str) -> str:
    keys = ", ".join([*_slice(calls), *(f"c.{key}" for key in ("started_us", *KEYS))])
    return f"""(SELECT {keys}, {_WHOSE}, coalesce(l.model, c.model) AS leg, {_columns(_PART)}
        FROM {calls} LEFT JOIN legs AS l ON l.call_id = c.id WHERE {condition}
        GROUP BY c.id, coalesce(l.model, c.model)) AS s"""


def _slice(calls: str) -> list[str]:
    return ["e.number AS slice"] if calls == CALLS_IN_SLICES else []


def _columns(expressions: dict[str, str]) -> str:
    return ", ".join(f"{expressions[name]} AS {name}" for name in SUMS)
