"""The values that options of `tokenguard budget` take."""

from __future__ import annotations

import re

import click

from tokenguard.config.budget_table import MATCHABLE
from tokenguard.policy.windows import KINDS, rolling_us


class Match(click.ParamType[tuple[str, str]]):
    """`model=claude-opus-*`."""

    name = "field=glob"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        field, sign, glob = str(value).partition("=")
        if not sign or not glob or field not in MATCHABLE:
            self.fail(f"'{value}' is not FIELD=GLOB; FIELD is one of {', '.join(MATCHABLE)}", param, ctx)
        return field, glob


class Downgrade(click.ParamType[tuple[str, str]]):
    """`claude-opus-*=claude-sonnet-5`."""

    name = "from=to"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        glob, sign, model = str(value).partition("=")
        if not glob or not sign or not model:
            self.fail(f"'{value}' is not FROM=TO; write 'claude-opus-*=claude-sonnet-5'", param, ctx)
        return glob, model


class Percents(click.ParamType[tuple[int, ...]]):
    """`50,75,90`."""

    name = "percents"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of percents; write 50,75,90", param, ctx)


class Probability(click.ParamType[float]):
    """`0.05` or `5%`."""

    name = "probability"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"(\d*\.?\d+)(%?)", str(value), re.ASCII)
        if found is None:
            self.fail(f"'{value}' is not a probability; write 0.05 or 5%", param, ctx)
        return float(found[1]) / (100 if found[2] else 1)


class WindowName(click.ParamType[str]):
    """`day`, `month`..., or `rolling 5h`."""

    name = "window"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        window = str(value)
        try:
            rolling_us(window)
        except ValueError:
            self.fail(f"'{window}' is not one of {', '.join(KINDS)}, or 'rolling 5h' (m, h, d, w)", param, ctx)
        return window
