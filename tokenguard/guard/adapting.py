"""Calls that are made to fit their budgets: with a lower output limit, or with another model."""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec.structs import replace

from tokenguard.guard.counting import Counting
from tokenguard.guard.over import Over, stopping
from tokenguard.guard.reserving import Reserver
from tokenguard.guard.ruling import Ruling
from tokenguard.records import Verdict

LEAST_CLAMP = 1_000
"""Tokens of output below which a call is refused rather than clamped: an agent can do nothing with less."""

USUAL_LIMIT = 32_000
"""The most that is put in where a request has no output limit: what agents ask for, and all models take."""


class Adapter:
    """Where their budgets ask for it. `reserver` is set, and set anew with other prices."""

    reserver: Reserver

    def __init__(self, counting: Counting) -> None:
        self._counting = counting

    def clamped(self, asked: Ruling, over: list[Over]) -> Ruling | None:
        """With the highest output limit that fits."""
        full = stopping(over)
        if not all(one.standing.slot.budget.clamp for one in full):
            return None
        least = max(LEAST_CLAMP, asked.facts.least_output)
        given = asked.facts.max_output
        most = given - 1 if given else min(self.reserver.longest_output(asked.call) or 0, USUAL_LIMIT)
        fitting = self._highest(asked, least, most)
        if fitting is None:
            return None
        facts = replace(asked.facts, max_output=fitting)
        reservation = self.reserver.reservation(asked.call, facts)
        self._counting.try_reserve(asked.call, reservation)
        label = full[0].standing.slot.label
        verdict = Verdict(
            "warn", label, f"its output is limited to {fitting} tokens, which the budget {label} can take"
        )
        return Ruling(asked.call, facts, reservation, verdict, max_output=fitting)

    def downgraded(self, asked: Ruling, over: list[Over]) -> Ruling | None:
        """With the model that a budget names in place of the one that was asked for."""
        wanted = asked.call.model
        for one in stopping(over):
            budget = one.standing.slot.budget
            pairs = budget.downgrade if budget.at_limit == "downgrade" else ()
            model = next((model for glob, model in pairs if fnmatchcase(wanted, glob)), wanted)
            if model == wanted:
                continue
            call = replace(asked.call, model=model, requested=wanted)
            facts = replace(asked.facts, model=model, counted=None)
            reservation = self.reserver.reservation(call, facts)
            if not stopping(self._counting.try_reserve(call, reservation)):
                label = one.standing.slot.label
                text = f"the budget {label} cannot take {wanted}; {model} serves in its place"
                return Ruling(call, facts, reservation, Verdict("downgrade", label, text))
        return None

    def _highest(self, asked: Ruling, least: int, most: int) -> int | None:
        """The highest output limit, within these, with which a call fits everywhere."""

        def fits(limit: int) -> bool:
            reservation = self.reserver.reservation(asked.call, replace(asked.facts, max_output=limit))
            return self._counting.fits(asked.call, reservation)

        if most < least or not fits(least):
            return None
        while least < most:
            middle = (least + most + 1) // 2
            least, most = (middle, most) if fits(middle) else (least, middle - 1)
        return least
