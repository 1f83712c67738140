"""`tokenguard status`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from tokenguard import client
from tokenguard.cli import output, waiting
from tokenguard.cli.commands import examples
from tokenguard.cli.untrusted import team_without_effect
from tokenguard.config.paths import Paths, find_paths
from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, printable, short_model, window_name
from tokenguard.records import Confidence, Unit

_LEVELS = {"ok": "", "info": "info", "warn": "warn", "soft": "soft", "hard": "used up"}

_STATES = {"suspended": "suspended", "ended": "ended"}
"""What to say of a session besides its numbers; what waits has a sign."""

_FRESH = timedelta(minutes=15)
"""What a provider said of its window longer ago than this is shown with its time."""

_WIDEST = 0.75
"""A forecast says nothing whose band is wider than this part of it, as in the first hours that anything is known of."""


@click.command(epilog=examples("tokenguard status", "tokenguard status --json"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show what waits for you and what is being spent now: calls, budgets and sessions."""
    found = _status(find_paths(os.environ))
    if as_json:
        output.say_json(found)
    else:
        for line in lines(found, datetime.now().astimezone(), output.room()):
            output.say(line)
        if (told := team_without_effect(find_paths(os.environ))) is not None:
            output.say(output.styled(f"! {told[0]}: {told[1]}", "warn"))


def _status(paths: Paths) -> dict[str, Any]:
    daemon = client.find(paths)
    if daemon is not None:
        return daemon.get("/v1/status")
    from tokenguard.cli.resting import status_at_rest  # needs much that a running daemon spares us

    return status_at_rest(paths)


def lines(found: Mapping[str, Any], now: datetime, room: int | None = None) -> list[str]:
    """The status for people, as text in lines of at most `room` characters, as far as that goes; `now` is local."""
    told = [*_ledger(found.get("ledger") or {}, room), *_waiting(found["holds"], now, room)]
    told += output.flowing(list(_summary(found)), room=room)
    told += _logs(found.get("logs") or {}, room)
    limits = [_budget(one, now) for one in found["budgets"]]
    limits += [_window(one, now) for one in found.get("windows", ())]
    told += output.columns(limits, right={1, 3, 6}, spare=(8, 6, 2, 7, 5), room=room)
    sessions = [row for one, depth in _nested(found["sessions"]) for row in _session_rows(one, depth)]
    told += output.columns(sessions, right={3, 4, 5}, spare=(6, 2, 3, 1), room=room)
    if found["daemon"] is None:
        told.append("the daemon is not running; it starts with the next tokenguard run")
    return told


def _ledger(found: Mapping[str, Any], room: int | None) -> Iterator[str]:
    """What is wrong with the ledger, where something is."""
    if found.get("failing"):
        kept = found["kept"]
        writes = f"{kept} write waits" if kept == 1 else f"{kept} writes wait"
        text = f"! {found['failing']}; {writes} in memory. See tokenguard doctor"
        yield from (output.styled(line, "hard") for line in _wrapped(printable(text), room, indent=""))
    if found.get("set_aside"):
        text = f"! the ledger was damaged; it is kept as {found['set_aside']}, and a new one has begun"
        yield from (output.styled(line, "warn") for line in _wrapped(printable(text), room, indent=""))


def _logs(found: Mapping[str, Any], room: int | None) -> Iterator[str]:
    """How far agents' logs have been read, while they are, or why they cannot be."""
    if found.get("failing"):
        text = f"! agents' logs are not read: {found['failing']}. See tokenguard doctor"
        yield from (output.styled(line, "warn") for line in _wrapped(printable(text), room, indent=""))
    if found.get("state") == "reading":
        done, whole, left = found["bytes_done"], found["bytes"], found.get("left_s")
        parts = [
            f"reading agents' logs: {money.percent(done, whole) if whole else 0}% of {whole / 1e6:,.0f} MB",
            output.counted(found["rows"], "call") + " so far",
        ]
        yield from output.flowing([*parts, *([f"{left:.0f} s left"] if left is not None else [])], room=room)


def _waiting(holds: Sequence[Mapping[str, Any]], now: datetime, room: int | None) -> Iterator[str]:
    """Each call that waits: what it is, why it waits, and the two commands."""
    rows = [("!", hold["id"], *waiting.parts(hold), f"{waiting.left(hold, now)} left") for hold in holds]
    for head, hold in zip(output.columns(rows, right={5, 6}, spare=(4, 3), room=room), holds, strict=True):
        yield output.styled(head, "warn")
        yield from _wrapped(printable(hold["reason"]), room)
        yield from output.flowing(
            [f"tokenguard {answer} {hold['id']}" for answer in ("approve", "deny")], indent="  ", room=room
        )
    if holds:
        yield ""


def _wrapped(text: str, room: int | None, indent: str = "  ") -> list[str]:
    if room is None or len(indent + text) <= room:
        return [indent + text]
    from textwrap import wrap

    return wrap(text, max(room, 20), initial_indent=indent, subsequent_indent="  ", break_on_hyphens=False)


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    """What was spent today and how fast; beside it, never in it, what a subscription covered."""
    today, hour = found["totals"]["today"], found["totals"]["hour"]
    yield f"today {_cost(today)}"
    if _notional(today):
        yield _notional(today)
    if hour["calls"]:
        yield f"{_cost(hour)}/h" if hour["cost_nanos"] or not _notional(hour) else _notional(hour, "/h")
    yield f"{output.counted(len(found['sessions']), 'session')} running"
    if found["holds"]:
        yield f"{output.counted(len(found['holds']), 'call')} waiting"


def _cost(totals: Mapping[str, Any]) -> str:
    return money.usd(totals["cost_nanos"], about=_is_about(totals))


def _notional(totals: Mapping[str, Any], per: str = "") -> str:
    nanos = totals.get("notional_nanos", 0)
    return f"{money.usd(nanos, about=_is_about(totals))}{per} notional" if nanos else ""


def _is_about(totals: Mapping[str, Any]) -> bool:
    return bool(totals["confidence"] != Confidence.EXACT or totals["unpriced"])


def _budget(one: Mapping[str, Any], now: datetime) -> Sequence[str]:
    """`web/day  $16.40  of $20.00  82%  warn  resets 00:00`; the level in words too, for those who see no colours."""
    unit = Unit(one["unit"])
    spent, limit = money.amount(one["spent"], unit), f"of {money.limit(one['limit'], unit)}"
    used = f"{money.percent(one['spent'], one['limit'])}%"
    if unit is Unit.PERCENT:  # of a window, like those that providers keep: a share of that share would only confuse
        spent, limit, used = "", f"limit {one['limit']}%", spent
    level = output.styled(_LEVELS[one["level"]], one["level"])
    resets = datetime.fromisoformat(one["resets_at"]) if one["resets_at"] else None
    forecast: Mapping[str, Any] = one.get("forecast") or {}
    per_hour, full = forecast.get("per_hour"), _local(forecast.get("full_at"), now)
    speed = f"{money.amount(per_hour, unit)}/h" if per_hour else ""
    until = f"full ≈{_at(full, now)}" if full and full > now else ""
    notes = [
        _shared(one),
        _end(forecast, unit, one["spent"]),
        _landing(one, unit),
        _set_aside(one, unit),
        _overrun(one, unit),
    ]
    besides = " · ".join(filter(None, notes))
    return printable(one["label"]), spent, limit, used, level, _resets(resets, now), speed, until, besides


def _end(forecast: Mapping[str, Any], unit: Unit, spent: int) -> str:
    """`ends ≈$24.00 ($18.00 to $31.00)`: what the window comes to."""
    likely, low, high = (forecast.get(key) for key in ("likely", "low", "high"))
    if likely is None or low is None or high is None or high <= spent or high - low > likely * _WIDEST:
        return ""
    least, most = (money.amount(end, unit).partition(" ")[0] for end in (low, high))
    return f"ends ≈{money.amount(likely, unit)}" + ("" if least == most else f" ({least} to {most})")


def _shared(one: Mapping[str, Any]) -> str:
    """What others have of a limit that is shared with them."""
    if "team" not in one:
        return ""
    if one["others"] is None:
        return "nothing heard of the others"
    elsewhere = (one["held"] or 0) + (one["presumed"] or 0)
    held = f", {money.usd(elsewhere)} held by them" if elsewhere else ""
    return f"{money.usd(one['others'])} by others{held}"


def _landing(one: Mapping[str, Any], unit: Unit) -> str:
    """What the budget keeps back so that work can be saved."""
    if not one.get("landing"):
        return ""
    return f"landing {money.limit(one['landing'], unit)} {'open' if one['landing_released'] else 'kept'}"


def _overrun(one: Mapping[str, Any], unit: Unit) -> str:
    """By how much calls that did not pass here have overdrawn a strict budget."""
    return f"{money.amount(one['overrun'], unit)} over by what only logs tell of" if one.get("overrun") else ""


def _set_aside(one: Mapping[str, Any], unit: Unit) -> str:
    """What calls in flight may take."""
    return f"{money.amount(one['reserved'], unit)} set aside" if one.get("reserved") else ""


def _window(one: Mapping[str, Any], now: datetime) -> Sequence[str]:
    """`Claude 5 h  62%  resets 14:05`: a window that the provider itself keeps."""
    used = int(one["used_percent"])
    level = "hard" if used >= 100 else "ok"
    resets, seen = (_local(one[key], now) for key in ("resets_at", "seen_at"))
    old = f"as of {_at(seen, now)}" if seen and now - seen > _FRESH else ""
    name = printable(window_name(one["provider"], one["name"]))
    told = output.styled(_LEVELS[level], level)
    return name, "", "", f"{used}%", told, _resets(resets, now), "", "", old


def _local(at: str | None, now: datetime) -> datetime | None:
    return datetime.fromisoformat(at).astimezone(now.tzinfo) if at else None


def _resets(at: datetime | None, now: datetime) -> str:
    return f"resets {_at(at, now)}" if at else ""


def _at(at: datetime, now: datetime) -> str:
    """`14:05`; `Nov 29` where that is a day or more away."""
    return f"{at:%H:%M}" if abs(at - now) < timedelta(days=1) else f"{at:%b} {at.day}"


def _nested(sessions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each session, below the one in which it was started, and how deep that is."""
    shown = {one["id"] for one in sessions}
    below: dict[str | None, list[Mapping[str, Any]]] = {}
    for one in sessions:
        parent = one.get("parent")
        below.setdefault(parent if parent in shown else None, []).append(one)

    def under(parent: str | None, depth: int) -> Iterator[tuple[Mapping[str, Any], int]]:
        for one in below.get(parent, ()):
            yield one, depth
            yield from under(one["id"], depth + 1)

    return under(None, 0)


def _session_rows(one: Mapping[str, Any], depth: int) -> Iterator[Sequence[str]]:
    """A session, and below it what its sub-agents took, those of one kind together."""
    state = one.get("state", "running")
    branch = "  " * (depth - 1) + "└ " if depth else ""
    names = (one["agent"], folder_name(one["repo"]), one["branch"] or "", one["task"] or "")
    agent, repo, branch_name, task = map(printable, names)
    yours = "your turn" if state == "running" and one.get("your_turn") else ""
    about = " · ".join(filter(None, [task, _STATES.get(state, yours), _left(one)]))
    yield f"{'!' if state == 'waiting' else ' '} {branch}{agent}", repo, branch_name, *_taken(one), about
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for sub in one.get("sub_agents", ()):
        kinds.setdefault(sub["type"] or sub["id"][:8], []).append(sub)
    for kind, subs in kinds.items():
        name = printable(kind) + (f" ×{len(subs)}" if len(subs) > 1 else "")
        models = dict.fromkeys(short_model(sub["model"]) for sub in subs)
        yield f"  {'  ' * depth}└ sub", name, printable(", ".join(models)), *_taken(_sum(subs)), ""


def _taken(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return output.counted(one["calls"], "call"), _cost(one), _notional(one)


def _sum(subs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    added = {key: sum(sub.get(key, 0) for sub in subs) for key in ("calls", "cost_nanos", "notional_nanos", "unpriced")}
    return {**added, "confidence": max((Confidence(sub["confidence"]) for sub in subs), key=list(Confidence).index)}


def _left(one: Mapping[str, Any]) -> str:
    """What still runs of a session whose agent has ended."""
    return ", ".join(f"{printable(left['name'])} (pid {left['pid']}) still runs" for left in one.get("left", ()))
