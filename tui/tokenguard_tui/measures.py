"""What the history is measured in, and how its parts and times are called. Values in, text out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, short_model
from tokenguard.records import Unit
from tokenguard_tui import words

NEXT = {"spend": "list", "list": "tokens", "tokens": "spend"}
"""The measure that is shown after each."""
TITLES = {"spend": "SPEND", "list": "AT LIST", "tokens": "TOKENS"}

_WIDEST = 0.75
"""A forecast says nothing whose band is wider than this part of it, as in the first hours that anything is known of."""
_ENDS = {"day": "midnight", "week": "Sunday night", "month": "the end of the month"}
_SLOTS = {"day": "%H", "week": "%a %d", "month": "%d"}


def measured(value: int, measure: str, of: Mapping[str, Any] | None = None) -> str:
    """A value in its measure; `of` says whether it is exact."""
    if measure == "tokens":
        return money.tokens(value)
    about = of is not None and (of["confidence"] != "exact" or bool(of["unpriced"]))
    return money.usd(value, about=about)


def tick(value: int, measure: str) -> str:
    """A round value at an axis: `$5`, `$2.50`, `500k`."""
    if measure == "tokens":
        return money.tokens(value).replace(".0", "")
    return money.limit(value, Unit.USD).removesuffix(".00")


def slot(begin: datetime, window: str, width: int) -> str:
    """The name of an hour of a day, or of a day of a week or month, in `width` cells if that goes."""
    name = f"{begin:{_SLOTS.get(window, '%H')}}"
    return name if window != "week" or len(name) < width else name[: 3 if width > 3 else 1]


def named(told: Mapping[str, Any]) -> dict[str, str]:
    """Each part as people say it; repositories with their parent where two are called the same."""
    names = [one["name"] or "" for one in told["series"]]
    if told["by"] == "model":
        return {name: words.clean(short_model(name)) for name in names}
    if told["by"] != "repo":
        return {name: words.clean(name) or "-" for name in names}
    same = Counter(map(folder_name, names))
    return {name: words.clean(_folder(name, same)) or "no repository" for name in names}


def _folder(path: str, same: Mapping[str, int]) -> str:
    parts = path.rstrip("/").rsplit("/", 2)
    return "/".join(parts[-2:]) if same[parts[-1]] > 1 else parts[-1]


def window(told: Mapping[str, Any], now: datetime) -> str:
    """The name of a window: `today`, `yesterday`, `Thu Nov 19`; `this week`, `Nov 9 to 15`; `November`."""
    since = datetime.fromisoformat(told["since"])
    year = "" if since.year == now.year else f" {since.year}"
    if told["window"] == "month":
        return f"{since:%B}{year}"
    if told["window"] == "week":
        last = datetime.fromisoformat(told["until"]) - timedelta(hours=12)
        end = f"{last.day}" if last.month == since.month else f"{last:%b} {last.day}"
        return f"{since:%b} {since.day} to {end}{year}" if told["back"] else "this week"
    days = {0: "today", 1: "yesterday"}
    return days.get(told["back"]) or f"{since:%a %b} {since.day}{year}"


def foreseen(told: Mapping[str, Any]) -> tuple[int, int, int] | None:
    """What the window will have come to (likely, low, high); None where nobody knows, or where that is no news."""
    course = told["course"][-1] if told["course"] else None
    if course is None:
        return None
    likely, low, high = course
    return None if high <= told["total"] or high - low > likely * _WIDEST else (likely, low, high)


def outlook(told: Mapping[str, Any]) -> tuple[str, ...]:
    """The same in words, `≈$21.30 by midnight ($17.00 to $26.00)`, and in fewer; none where there is nothing to say."""
    if (end := foreseen(told)) is None:
        return ()
    likely, low, high = (measured(value, told["measure"]) for value in end)
    text = f"≈{likely} by {_ENDS[told['window']]}"
    return (text, f"≈{likely}") if low == high else (f"{text} ({low} to {high})", text, f"≈{likely}")
