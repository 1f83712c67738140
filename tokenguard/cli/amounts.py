"""Amounts on the command line: bare, because a shell eats an unquoted `$`."""

from __future__ import annotations

import re

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
    """`5`, `0.50`, `2M tokens`, `300 calls`, or `'$5'` in quotes."""

    name = "amount"

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
            self.fail(
                f"'{text}' is not an amount; write 5, 0.50, '2M tokens' or '300 calls' "
                "(a shell turns an unquoted $5 into nothing)",
                param,
                ctx,
            )
        return Limit(amount, unit)


AMOUNT = AmountType()


def confirm_zero(limit: Limit, option: str, yes: bool) -> None:
    """A zero is more often an unquoted `$20`, of which a shell leaves `0`, than meant."""
    if limit.value == 0 and not yes:
        raise click.UsageError(
            f"{option} is 0, which allows nothing (a shell turns an unquoted $20 into 0); "
            "write 20, or add --yes if 0 is meant",
            click.get_current_context(silent=True),
        )
