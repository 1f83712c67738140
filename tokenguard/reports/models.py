"""Models side by side: their shares of tokens and of spending, their prices, and how much came from caches."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from tokenguard.ledger.values import Where
from tokenguard.prices import Catalogue
from tokenguard.prices.explain import explain
from tokenguard.records import Usage
from tokenguard.reports import report

_BY = ("model", "provider")


def models(conn: sqlite3.Connection, catalogue: Catalogue, since_us: int, now_us: int, zone: tzinfo) -> dict[str, Any]:
    """The report by model and provider, with what stands beside it.

    `hit_rate` is the part of the prompts that came from a cache, `hit_rate_before` that of as long a time before;
    None where nothing was sent. `input_per_million` and `output_per_million` are the list's prices of today, in
    nanodollars, None where it has none; `price_confidence` is `bound` where a model is not listed.
    """
    found = report(conn, _BY, since_us, None, Where(), zone)
    before = report(conn, _BY, max(0, 2 * since_us - now_us), since_us, Where(), zone)
    rates = {(row["model"], row["provider"]): _hit_rate(row) for row in before["rows"]}
    rows: list[dict[str, Any]] = [
        {
            **row,
            "hit_rate": _hit_rate(row),
            "hit_rate_before": rates.get((row["model"], row["provider"])),
            **_prices(catalogue, row["provider"], row["model"], now_us),
        }
        for row in found["rows"]
    ]
    rows.sort(key=lambda row: (-row["cost_nanos"], -row["notional_nanos"], -Usage(**row["usage"]).total))
    return {**found, "rows": rows}


def _hit_rate(row: Mapping[str, Any]) -> float | None:
    usage = Usage(**row["usage"])
    return round(usage.cache_read / usage.prompt, 4) if usage.prompt else None


def _prices(catalogue: Catalogue, provider: str, model: str, at_us: int) -> dict[str, Any]:
    known = explain(catalogue, provider, model, at_us)
    bands = next((line.prices.bands for line in known.lines if line.begun and line.prices.bands), ())
    return {
        "input_per_million": bands[0].input if bands else None,
        "output_per_million": bands[0].output if bands else None,
        "price_confidence": known.confidence,
    }
