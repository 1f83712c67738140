"""What an agent is told, in as few words as will do: it pays for each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, printable, short_model, window_name
from tokenguard.records import Confidence, Unit

_AT_LIMIT = {
    "refuse": "calls are refused",
    "hold": "calls wait for a person",
    "downgrade": "a cheaper model serves",
    "warn": "nothing is stopped",
}


def budgets(
    session: Mapping[str, Any] | None,
    found: Sequence[Mapping[str, Any]],
    windows: Sequence[Mapping[str, Any]],
    now: datetime,
) -> str:
    """What limits a session, what is left and where that is going; `now` is local."""
    lines = [_head(session), *(_budget(one, session, now) for one in found)]
    if not found:
        lines.append("no budget limits it")
    lines += (_window(one, now) for one in windows)
    return _text(lines)


def spending(detail: Mapping[str, Any] | None, status: Mapping[str, Any]) -> str:
    """What a session has spent, and on what."""
    lines = [_head(detail["session"] if detail else None)]
    if detail is not None:
        one = detail["session"]
        lines.append(f"{one['calls']:,} {'call' if one['calls'] == 1 else 'calls'}, {_cost(one)}{_notional(one)}")
        usage = one["usage"]
        written = usage["cache_write_5m"] + usage["cache_write_1h"]
        parts = {"in": usage["input"], "from cache": usage["cache_read"], "to cache": written, "out": usage["output"]}
        lines.append("tokens: " + ", ".join(f"{money.tokens(count)} {kind}" for kind, count in parts.items()))
        if models := detail["models"]:
            lines.append(" · ".join(f"{short_model(each['model'])} {_cost(each)}{_notional(each)}" for each in models))
        for sub in detail.get("sub_agents", ()):
            lines.append(
                f"sub-agent {sub['type'] or sub['id'][:8]}: {sub['calls']:,} calls, {_cost(sub)}{_notional(sub)}"
            )
        if one.get("reserved_nanos"):
            lines.append(f"set aside for calls in flight: {money.usd(one['reserved_nanos'])}")
    today = status["totals"]["today"]
    lines.append(f"today, all agents: {_cost(today)}{_notional(today)}")
    return _text(lines)


def answer(found: Mapping[str, Any]) -> str:
    """What became of a request for more."""
    kind, budget = found["answer"], found["standing"]
    unit = Unit(budget["unit"])
    who, why = found["who"] or "a person", f": {found['answer_reason']}" if found["answer_reason"] else ""
    left = f"{money.amount(max(0, budget['remaining']), unit)} of {money.limit(budget['limit'], unit)} is left"
    what, then = {
        "approve": (f"{who} approved it{why}", ""),
        "deny": (f"{who} denied it{why}", " Finish with that; do not ask again now."),
        "waiting": (f"Nobody has answered request {found['id']} yet", " To go on waiting, ask again."),
        "expired": ("Nobody answered in time", ""),
    }.get(kind, (f"It was not answered ({kind})", ""))
    return _text([f"{what}. {budget['label']}: {left}.{then}"])


def _head(session: Mapping[str, Any] | None) -> str:
    if session is None:
        return "tokenguard knows no session of this agent; this is what counts here"
    where = " ".join(filter(None, (folder_name(session["repo"]), session["branch"] or "")))
    return f"session {session['id']} of {session['agent']}" + (f" in {where}" if where else "")


def _budget(one: Mapping[str, Any], session: Mapping[str, Any] | None, now: datetime) -> str:
    unit = Unit(one["unit"])
    own = session is not None and (one["scope"], one["key"]) == ("session", session["id"])
    name = f"{one['label']} (this run)" if own else one["label"]
    if unit is Unit.PERCENT:
        used = f"{one['spent']}% used, limit {one['limit']}%"
    else:
        left = money.amount(max(0, one["remaining"]), unit)
        share = money.percent(one["spent"], one["limit"])
        used = f"{money.amount(one['spent'], unit)} of {money.limit(one['limit'], unit)} spent ({share}%), {left} left"
    parts = [used, *_until(one["resets_at"], now, "starts anew"), *_forecast(one, unit, now)]
    if one["level"] != "ok":
        parts.append(f"level {one['level']}")
    parts.append(f"at the limit {_AT_LIMIT.get(one['at_limit'], one['at_limit'])}")
    return f"{name}: {'; '.join(parts)}"


def _forecast(one: Mapping[str, Any], unit: Unit, now: datetime) -> Iterator[str]:
    forecast: Mapping[str, Any] = one.get("forecast") or {}
    if forecast.get("per_hour"):
        yield f"at {money.amount(forecast['per_hour'], unit)} an hour"
    yield from _until(forecast.get("full_at"), now, "full about")
    if forecast.get("likely") and forecast["likely"] > one["spent"]:
        yield f"ends at about {money.amount(forecast['likely'], unit)}"


def _window(one: Mapping[str, Any], now: datetime) -> str:
    parts = [f"{int(one['used_percent'])}% used", *_until(one["resets_at"], now, "starts anew")]
    return f"{window_name(one['provider'], one['name'])}, a window of the plan: {'; '.join(parts)}"


def _until(at: str | None, now: datetime, what: str) -> Iterator[str]:
    if at:
        local = datetime.fromisoformat(at).astimezone(now.tzinfo)
        far = abs(local - now) >= timedelta(days=1)
        yield f"{what} {local:%b %d %H:%M}" if far else f"{what} {local:%H:%M}"


def _cost(totals: Mapping[str, Any]) -> str:
    about = totals["confidence"] != Confidence.EXACT or totals.get("unpriced", 0) > 0
    return money.usd(totals["cost_nanos"], about=about)


def _notional(totals: Mapping[str, Any]) -> str:
    nanos = totals.get("notional_nanos", 0)
    return f" (and {money.usd(nanos)} that a plan covers)" if nanos else ""


def _text(lines: Sequence[str]) -> str:
    return "\n".join(printable(line) for line in lines)
