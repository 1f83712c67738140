"""What is known of teams, as lines: budgets, how fresh that is, and members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from tokenguard.cli import output
from tokenguard.policy import money
from tokenguard.policy.naming import printable
from tokenguard.records import Unit

_LEVELS = {"ok": "", "info": "info", "warn": "warn", "soft": "soft", "hard": "used up"}
_WAYS = {"git": "git", "postgres": "PostgreSQL"}
_BUDGETS = ("BUDGET", "SPENT", "LIMIT", "USED", "HELD", "PRESUMED", "FREE", "HERE", "")
_MEMBERS = ("MEMBER", "MACHINE", "BUDGET", "SPENT", "HELD", "PRESUMED", "HEARD")

Told = Mapping[str, Any]


def teams(told: Sequence[Told], now: datetime, room: int | None = None) -> Iterator[str]:
    """All of them, an empty line between two; in lines of at most `room` characters, as far as that goes."""
    for number, one in enumerate(told):
        if number:
            yield ""
        yield from output.flowing(list(_heading(one, now)), room=room)
        if one["problem"]:
            yield from _wrapped(f"! {one['problem']}", "warn", room)
        rows = [_budget(budget, now) for budget in one["budgets"]]
        if rows:
            header = [
                title if any(cells) else "" for title, cells in zip(_BUDGETS, zip(*rows, strict=True), strict=True)
            ]
            yield from output.columns([header, *rows], right=set(range(1, 8)), spare=(5, 3, 4, 8), room=room)
        for remark in one["remarks"]:
            yield from _wrapped(f"- {remark}", "", room)


def members(told: Sequence[Told], names: Mapping[str, str], now: datetime, room: int | None = None) -> list[str]:
    """A row for each machine of each member and each budget; `names` are those of members whom this machine knows."""
    rows = [_member(one, names, now) for team in told for one in team["members"]]
    if not rows:
        return ["nobody has been heard of yet: tokenguard team sync"]
    return output.columns([_MEMBERS, *rows], right={3, 4, 5}, spare=(1, 5, 4), room=room)


def heard(at: str | None, now: datetime) -> str:
    """`12 s ago`, `never`."""
    if at is None:
        return "never"
    seconds = max(0, int((now - datetime.fromisoformat(at)).total_seconds()))
    if seconds < 60:
        return f"{seconds} s ago"
    if seconds < 3_600:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3_600} h ago" if seconds < 86_400 else f"{seconds // 86_400} d ago"


def _heading(one: Told, now: datetime) -> Iterator[str]:
    yield output.styled(printable(one["name"]), "bold")
    yield f"{_WAYS.get(one['backend'], one['backend'])}, {one['mode']}"
    yield "nothing heard yet" if one["heard_at"] is None else f"heard {heard(one['heard_at'], now)}"
    yield f"you are {printable(one['member'])}/{printable(one['machine'])}"


def _budget(one: Told, now: datetime) -> Sequence[str]:
    """Amounts add up to the limit: spent, held by others, presumed, free, and what is left here of what was granted."""
    level = output.styled(_LEVELS[one["level"]], one["level"])
    told = [_usd(one, key) for key in ("held", "presumed", "free")]
    here = "" if one["granted"] is None else money.usd(max(0, one["remaining"]))
    if one["granted"] is not None and not one.get("usable", True):
        here = "expired"
    used = f"{money.percent(one['spent'], one['limit'])}%"
    notes = [level, _resets(one["resets_at"], now)]
    return (
        printable(one["name"]),
        money.usd(one["spent"]),
        money.limit(one["limit"], Unit.USD),
        used,
        *told,
        here,
        " · ".join(filter(None, notes)),
    )


def _member(one: Told, names: Mapping[str, str], now: datetime) -> Sequence[str]:
    name = names.get(one["id"]) or one.get("name") or one["id"]
    return (
        printable(name, 30) + (" (you)" if one["you"] else ""),
        printable(one["machine"], 20),
        printable(one["budget"], 20),
        money.usd(one["spent"]),
        *(_usd(one, key) for key in ("held", "presumed")),
        heard(one["heard_at"], now),
    )


def _usd(one: Told, key: str) -> str:
    """Empty where it is not known, or nothing that this way of sharing has."""
    return money.usd(one[key]) if one[key] is not None else ""


def _resets(at: str | None, now: datetime) -> str:
    if at is None:
        return ""
    local = datetime.fromisoformat(at).astimezone(now.tzinfo)
    near = abs((local - now).total_seconds()) < 86_400
    return f"resets {local:%H:%M}" if near else f"resets {local:%b} {local.day}"


def _wrapped(text: str, style: str, room: int | None) -> Iterable[str]:
    from textwrap import wrap

    text = printable(text)
    lines = [text] if room is None else wrap(text, max(room, 20), subsequent_indent="  ", break_on_hyphens=False)
    return [output.styled(line, style) for line in lines]
