"""From what a log shows to rows of the ledger: merged, placed and dated."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from tokenguard.agents.logs.shape import DOUBTFUL, Odd, Sighting, Snapshot
from tokenguard.agents.logs.values import provider_of
from tokenguard.attribution.folders import Spot
from tokenguard.importing.surroundings import Surroundings
from tokenguard.ledger.log_copies import largest
from tokenguard.ledger.values import Logged
from tokenguard.policy.task_types import task_type
from tokenguard.records import Call, Leg

_AHEAD_US = 300_000_000
"""How far a clock may be ahead."""

_UNKNOWN = "unknown"
"""The name of a model that the log does not tell."""


class Gathering:
    """The sightings of one batch, copies of one response together."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Sighting] = {}
        self._sums: dict[tuple[str, str], Sighting] = {}

    def __len__(self) -> int:
        return len(self._found) + len(self._sums)

    def add(self, one: Sighting | Snapshot) -> None:
        """Take in what was seen; of sums, the last ones hold."""
        if isinstance(one, Snapshot):
            self._sums[(one.total.agent, one.total.key)] = one.total
            return
        ident = (one.agent, one.key)
        known = self._found.get(ident)
        self._found[ident] = one if known is None else together(known, one)

    def take(self) -> list[tuple[Sighting, bool]]:
        """All of it, and whether it is a sum; nothing is left."""
        found = [*((one, False) for one in self._found.values()), *((one, True) for one in self._sums.values())]
        self._found, self._sums = {}, {}
        return found


def together(known: Sighting, new: Sighting) -> Sighting:
    """Two sightings of one response: the largest counts, at the place of the earliest that is no side chain."""
    place, other = (new, known) if _rank(new) < _rank(known) else (known, new)
    if _counts(new) == _counts(known):
        return place
    return replace(
        place,
        usage=largest(known.usage, new.usage),
        model=place.model or other.model,
        response_id=place.response_id or other.response_id,
        fees=max(known.fees, new.fees, key=lambda fees: sum(count for _, count in fees)),
        stated_nanos=max((one.stated_nanos for one in (known, new) if one.stated_nanos is not None), default=None),
    )


def _rank(sighting: Sighting) -> tuple[bool, bool, int]:
    return sighting.sidechain, sighting.copied, sighting.at_us or _NEVER_US


_NEVER_US = 2**62


def _counts(sighting: Sighting) -> tuple[object, ...]:
    return sighting.usage, sighting.fees, sighting.stated_nanos, sighting.model, sighting.response_id


@lru_cache(1024)
def _task_type(request_class: str, kind: str | None, branch: str | None) -> str:
    return task_type(request_class, subagent_type=kind, branch=branch)


_MOST_TOKENS, _MOST_FEES = 1 << 36, 1 << 20
"""More than any response or session has; what is beyond would fit into no column once it is priced."""


def is_believable(one: Sighting | Snapshot) -> bool:
    """Whether counts are such as can be."""
    sighting = one.total if isinstance(one, Snapshot) else one
    if sighting.fees and max(count for _, count in sighting.fees) > _MOST_FEES:
        return False
    return sighting.usage.total <= _MOST_TOKENS


class Entries:
    """Makes rows of sightings."""

    def __init__(self, surroundings: Surroundings, now_us: int) -> None:
        self._surroundings = surroundings
        self._now_us = now_us
        self._places: dict[tuple[str | None, str | None], Spot] = {}

    def row(self, sighting: Sighting, *, cumulative: bool, anew: bool) -> Logged:
        """The row of a sighting, which has a time."""
        place = self._place(sighting)
        model = sighting.model or _UNKNOWN
        provider = sighting.provider or provider_of(model) or _UNKNOWN
        agent = sighting.agent
        request_class = sighting.request_class or ("sub-agent" if sighting.sidechain else "main")
        kind = sighting.subagent_type
        call = Call(
            0,
            f"{agent}:{sighting.session}",
            agent,
            provider,
            "log",
            model,
            sighting.at_us,
            repo=place.repo,
            branch=place.branch,
            request_class=request_class,
            billing=self._surroundings.billing(agent, provider),
            agent_session=sighting.session,
            subagent=sighting.subagent,
            subagent_type=kind,
            worktree=place.worktree,
            origin="logged",
            task_type=_task_type(request_class, kind, place.branch),
        )
        leg = Leg(model, sighting.usage, context=sighting.context, fees=sighting.fees, cost_nanos=sighting.stated_nanos)
        return Logged(
            sighting.key,
            call,
            leg,
            sighting.response_id,
            copied=sighting.copied,
            parent=f"{agent}:{sighting.parent}" if sighting.parent else None,
            cumulative=cumulative,
            anew=anew,
        )

    def _place(self, sighting: Sighting) -> Spot:
        where = (sighting.folder, sighting.branch)
        place = self._places.get(where)
        if place is None:
            place = self._surroundings.place(*where, sighting.at_us)
            if sighting.branch is not None:  # else it depends on the time as well
                self._places[where] = place
        return place

    def dated(self, one: Sighting | Snapshot, modified_us: int, odd: Odd) -> Sighting | Snapshot:
        """What was seen, at a time that can be: that of its file where it has none, or one that has not come yet."""
        if isinstance(one, Snapshot):
            return Snapshot(self._dated(one.total, modified_us, odd))
        return self._dated(one, modified_us, odd)

    def _dated(self, sighting: Sighting, modified_us: int, odd: Odd) -> Sighting:
        at_us = sighting.at_us
        if not at_us:
            odd(DOUBTFUL, "no-time")
        elif at_us > self._now_us + _AHEAD_US:
            odd(DOUBTFUL, "clock-ahead")
        else:
            return sighting
        return replace(sighting, at_us=min(modified_us, self._now_us))
