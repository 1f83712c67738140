"""How calls end: as they should, or broken off, failed, left; what is billed then, and what a meter has read of it."""

from __future__ import annotations

from random import Random

from msgspec import Struct
from msgspec.structs import replace

from tests.chaos.traces import Turn
from tokenguard.policy.disconnects import Habit, habit
from tokenguard.records import Leg, Reading, Usage
from tokenguard.simulator.pricing import snapshot

WAYS = {"failed": 35, "unreachable": 8, "lost": 4, "left": 25, "cut": 12, "silent": 4, "aborted": 12}


class Ending(Struct, frozen=True):
    """What becomes of a call."""

    way: str = "whole"
    """`failed`: an error instead of an answer. `unreachable`: never sent. `lost`: sent, and nothing came back. `left`,
    `cut`: broken off by the client, by the provider. `silent`: an answer without a bill. `aborted`: the client leaves
    while it waits for the decision.
    """
    status: int | None = 200
    outcome: str = "ok"
    share: float = 1.0
    """Of the answer that was generated."""
    patience_s: float | None = None

    @property
    def sure(self) -> bool:
        """Whether a bill comes, or certainly none."""
        return self.way in ("whole", "failed", "unreachable", "aborted")


def draw_ending(rng: Random, turn: Turn, faults: float) -> Ending:
    """An ending at random; `faults` of them are not what they should be."""
    if rng.random() >= faults:
        return Ending()
    way = rng.choices(list(WAYS), list(WAYS.values()))[0]
    share = rng.random()
    match way:
        case "failed":
            status = rng.choice((400, 401, 429, 500, 529))
            outcome = "refused-upstream" if status < 500 else "provider-error"
            return Ending(way, status, outcome, share * 0.1)
        case "unreachable":
            return Ending(way, None, "unreachable", 0.0)
        case "lost":
            return Ending(way, None, "cut", share)
        case "left":
            return Ending(way, 200, "client-gone", share)
        case "cut":
            return Ending(way, 200, "cut", share)
        case "silent":
            return Ending(way, 200, "ok", 1.0)
        case _:
            return Ending(way, 200, "ok", 1.0, patience_s=rng.choice((0.0, rng.random() * 0.002, rng.random() * 3)))


def ended(ending: Ending, turn: Turn, usage: Usage) -> tuple[Usage, Reading]:
    """What the provider bills for a call that would have taken `usage`, and what was read of its answer."""
    model = snapshot(turn.model.name)
    whole = Reading((Leg(model, usage),), "final", model, "msg_1", output_bytes=usage.output * 4)
    match ending.way:
        case "failed" | "unreachable":
            return Usage(), Reading()
        case "lost":
            return usage, Reading(marks=("sent",))
        case "silent":
            return usage, Reading(output_bytes=usage.output * 4)
        case "left" | "cut":
            return _broken_off(ending, turn, usage, whole)
        case _:
            return usage, whole


def _broken_off(ending: Ending, turn: Turn, usage: Usage, whole: Reading) -> tuple[Usage, Reading]:
    stops = habit(turn.model.provider, turn.model.dialect, stream=True) is Habit.STOPS
    seen = int(usage.output * ending.share)
    if not stops and ending.way == "left":
        return usage, replace(whole, marks=("drained",))
    billed = replace(usage, output=seen) if stops else usage
    if turn.model.dialect != "anthropic-messages":
        return billed, Reading(model=whole.model, response_id="resp_1", output_bytes=seen * 4)
    first = replace(usage, output=1)
    marks = ("provisional-output",)
    return billed, Reading((Leg(whole.model or "", first),), "partial", whole.model, "msg_1", None, seen * 4, marks)
