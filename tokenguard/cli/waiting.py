"""Calls that wait for an answer, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tokenguard.policy import money
from tokenguard.policy.naming import folder_name, printable, short_model


def parts(hold: Mapping[str, Any]) -> tuple[str, ...]:
    """Agent, repository, model and about how much; the repository is empty outside one."""
    names = (hold["agent"], folder_name(hold["repo"]), short_model(hold["model"]))
    return (*map(printable, names), money.usd(hold["estimate_nanos"], about=True))


def words(hold: Mapping[str, Any]) -> str:
    """`claude web opus-5.5 ≈$3.44`."""
    return " ".join(filter(None, parts(hold)))


def left(hold: Mapping[str, Any], now: datetime) -> str:
    """`4:31`: how long it waits yet."""
    seconds = max(0, int((datetime.fromisoformat(hold["expires_at"]) - now).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02d}"
