"""Advice for people: lines that fit a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from tokenguard.policy.money import usd
from tokenguard.policy.naming import printable, short_model
from tokenguard.records import Confidence
from tokenguard.reports.advice.wording import counted

WIDTH = 80
_MOST_PARTS = 4
"""Lines of one advice; the rest is in the JSON."""
_NARROW = 40
_OPTION = re.compile(r" (?=--)")


def lines(found: dict[str, Any], span: str, width: int = WIDTH) -> Iterator[str]:
    """The advice in lines of at most so many characters; `span` says of which time, such as `since 2026-10-22`.

    Savings of what is notional stand in brackets. Commands that are too long go on in the next line, as a shell takes
    it.
    """
    width = max(_NARROW, width)
    spent = usd(found["cost_nanos"], about=found["confidence"] != Confidence.EXACT)
    if not found["calls"]:
        yield f" no calls {span}"
        return
    yield f" {span}: {spent} in {counted(found['calls'], 'call')}"
    if not found["advice"]:
        yield ""
        yield from _wrapped("Nothing to change: no habit that tokenguard can measure cost more than it had to.", width)
    for number, one in enumerate(found["advice"], 1):
        yield ""
        yield f" {number}  {_saving(one)}  {one['title']}"
        yield from _wrapped(printable(one["finding"]), width)
        yield from _parts(one["parts"], width)
        for change in one["changes"]:
            yield from _change(change, width)
    if found["advice"]:
        yield ""
        yield from _wrapped("≈ what could have been saved, by list prices; savings can overlap.", width, " ")
    if any(one["notional_saving_nanos"] for one in found["advice"]):
        yield from _wrapped("(...) of what a subscription covers or runs on this machine, at list price.", width, " ")


def _saving(one: dict[str, Any]) -> str:
    billed = usd(one["saving_nanos"], about=True) if one["saving_nanos"] else ""
    notional = one["notional_saving_nanos"]
    return " ".join(filter(None, (billed, f"({usd(notional, about=True)})" if notional else "")))


def _parts(parts: Sequence[dict[str, Any]], width: int) -> Iterator[str]:
    rows = [_row(part) for part in parts[:_MOST_PARTS]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # Names give way where it is narrow, numbers never.
    over = 4 + sum(widths) + 2 * (len(widths) - 1) - width
    widths[2] = max(0, widths[2] - max(0, over))
    for agent, model, detail, *numbers in rows:
        shown = printable(detail, widths[2]).ljust(widths[2]) if widths[2] else ""
        cells = [agent.ljust(widths[0]), model.ljust(widths[1]), shown]
        cells += [number.rjust(size) for number, size in zip(numbers, widths[3:], strict=True)]
        yield "    " + "  ".join(cell for cell in cells if cell)
    if len(parts) > _MOST_PARTS:
        yield f"    and {len(parts) - _MOST_PARTS} more, with --json"


def _row(part: dict[str, Any]) -> list[str]:
    saving = usd(part["saving_nanos"], about=True)
    cost = usd(part["cost_nanos"], about=part["confidence"] == Confidence.BOUND)
    detail = f"→ {_model(part['instead'])}" if part["instead"] else printable(part["detail"])
    names = [printable(part["agent"], 12), _model(part["model"]), detail]
    return [*names, counted(part["calls"], "call"), cost, f"({saving})" if part["notional"] else saving]


def _model(name: str) -> str:
    return printable(short_model(name), 24)


def _change(change: dict[str, Any], width: int) -> Iterator[str]:
    what, how = printable(change["what"]), [printable(line) for line in change["how"].splitlines()]
    if len(how) == 1 and len(f"  → {what}: {how[0]}") <= width:
        yield f"  → {what}: {how[0]}"
        return
    yield from _wrapped(f"{what}:", width, "    ", "  → ")
    for line in how:
        yield from _command(line, width)


def _command(how: str, width: int) -> Iterator[str]:
    """A command in as few lines as it takes; between two options it goes on in the next one."""
    line = "     "
    for option in _OPTION.split(how):
        if len(f"{line} {option} \\") > width and line.strip():
            yield f"{line} \\"
            line = "       "
        line = f"{line} {option}"
    yield line


def _wrapped(text: str, width: int, indent: str = "    ", begin: str | None = None) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent if begin is None else begin, subsequent_indent=indent)
