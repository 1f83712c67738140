"""Sessions in the status: rows of what each took, and what it was, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenguard.cli import output
from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, printable, short_model
from tokenguard.records import Confidence

_STATES = {"suspended": "suspended", "ended": "ended"}
"""What to say of a session besides its numbers; what waits has a sign."""


def cost(totals: Mapping[str, Any]) -> str:
    """Dollars."""
    return money.usd(totals["cost_nanos"], about=_is_about(totals))


def notional(totals: Mapping[str, Any], per: str = "") -> str:
    """Dollars that are on no bill; empty if there are none."""
    nanos = totals.get("notional_nanos", 0)
    return f"{money.usd(nanos, about=_is_about(totals))}{per} notional" if nanos else ""


def _is_about(totals: Mapping[str, Any]) -> bool:
    return bool(totals["confidence"] != Confidence.EXACT or totals["unpriced"])


def rows(sessions: Sequence[Mapping[str, Any]]) -> list[Sequence[str]]:
    """A row for each session and for each kind of its sub-agents."""
    return [row for one, depth in _nested(sessions) for row in _session_rows(one, depth)]


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
    return output.counted(one["calls"], "call"), cost(one), notional(one)


def _sum(subs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    added = {key: sum(sub.get(key, 0) for sub in subs) for key in ("calls", "cost_nanos", "notional_nanos", "unpriced")}
    return {**added, "confidence": max((Confidence(sub["confidence"]) for sub in subs), key=list(Confidence).index)}


def _left(one: Mapping[str, Any]) -> str:
    """What still runs of a session whose agent has ended."""
    return ", ".join(f"{printable(left['name'])} (pid {left['pid']}) still runs" for left in one.get("left", ()))
