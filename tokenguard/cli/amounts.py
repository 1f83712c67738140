"""Amounts on the command line: bare, because a shell eats an unquoted `$`."""

from __future__ import annotations

import re
from typing import NoReturn

import click
from msgspec import Struct

from tokenguard.policy import money
from tokenguard.records import Unit

_EATEN = re.compile(r"\.|0\d")
"""How what is left of an unquoted `$1.50` (`.50`) or `$105` (`05`) begins."""


class Limit(Struct, frozen=True):
    """An amount in its unit."""

    value: int
    unit: Unit


class AmountType(click.ParamType[Limit]):
    """`5`, `0.50`, `2M tokens`, `300 calls`, or `'$5'` in quotes; with `percent` also `90%`."""

    name = "amount"

    def __init__(self, *, percent: bool = False) -> None:
        self._percent = percent

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Limit:
        if isinstance(value, Limit):
            return value
        text = str(value).strip()
        if not text:
            self.fail("it is empty: a shell turns an unquoted $5 into nothing; write 5", param, ctx)
        if _EATEN.match(text):
            self.fail(f"'{text}' may be what a shell left of an unquoted '$1.50'; write 0.50", param, ctx)
        try:
            amount, unit = money.parse_amount(text)
        except ValueError:
            self._fail(text, param, ctx)
        if unit is Unit.PERCENT and not self._percent:
            self._fail(text, param, ctx)
        return Limit(amount, unit)

    def _fail(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        forms = "5, 0.50, '2M tokens', '300 calls' or 90%" if self._percent else "5, 0.50, '2M tokens' or '300 calls'"
        self.fail(f"'{text}' is not an amount; write {forms} (a shell turns an unquoted $5 into nothing)", param, ctx)


AMOUNT = AmountType()

AMOUNT_OR_PERCENT = AmountType(percent=True)


def confirm_zero(limit: Limit, option: str, yes: bool) -> None:
    """A zero is more often an unquoted `$20`, of which a shell leaves `0`, than meant."""
    if limit.value == 0 and not yes:
        raise click.UsageError(
            f"{option} is 0, which allows nothing (a shell turns an unquoted $20 into 0); "
            "write 20, or add --yes if 0 is meant",
            click.get_current_context(silent=True),
        )
