"""Refused calls that would have fitted: each by itself, and as many of them as there was room for."""

from __future__ import annotations

from tests.chaos.truth import Books, Entry
from tokenguard.records import Amount, Call


class Forgone:
    """What was refused in a run, beside what was let through.

    When little is left of a limit, each of many streams may be refused a call that would have fitted by itself, though
    not all of them would have fitted. `calls` are those that a guard who knows every bill would have let through.
    """

    def __init__(self, books: Books) -> None:
        """`books` holds what is let through."""
        self._books = books
        self._beside = Books(books.budgets)
        self._turns: dict[int, Entry] = {}

    @property
    def calls(self) -> int:
        return len(self._turns)

    def refused(self, turn: int, call: Call, bill: Amount, *, on_a_plan: bool) -> bool:
        """A call was refused that would have taken this; whether it would have fitted by itself."""
        fits = self._books.fits(call, bill, on_a_plan=on_a_plan)
        if fits and turn not in self._turns and self._books.fits(call, bill, on_a_plan=on_a_plan, beside=self._beside):
            self._turns[turn] = self._beside.add(call, bill, on_a_plan=on_a_plan)
        return fits

    def admitted(self, turn: int) -> None:
        """A call was let through, perhaps after a refusal: it takes what it takes only once."""
        if turn in self._turns:
            self._turns[turn].bill = Amount()
