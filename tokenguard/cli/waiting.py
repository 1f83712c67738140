"""Calls that wait for an answer, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, printable, short_model
from tokenguard.records import Unit


def parts(hold: Mapping[str, Any]) -> tuple[str, ...]:
    """Agent, repository, model and about how much; the repository is empty outside one.

    Of an agent that asks for more, the budget in the model's place, and how much it asks for.
    """
    wants = hold.get("wants")
    what = short_model(hold["model"]) if wants is None else f"more of {hold['budget']}"
    much = (
        money.usd(hold["estimate_nanos"], about=True)
        if wants is None
        else f"+{money.amount(wants, Unit(hold['unit']))}"
    )
    return (*map(printable, (hold["agent"], folder_name(hold["repo"]), what)), much)


def words(hold: Mapping[str, Any]) -> str:
    """`claude web opus-5.5 ≈$3.44`."""
    return " ".join(filter(None, parts(hold)))


def left(hold: Mapping[str, Any], now: datetime) -> str:
    """`4:31`: how long it waits yet."""
    seconds = max(0, int((datetime.fromisoformat(hold["expires_at"]) - now).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"
