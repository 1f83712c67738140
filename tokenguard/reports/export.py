"""Reports for other programs: CSV and JSON."""

from __future__ import annotations

import csv
import io
from typing import Any

from msgspec import json

from tokenguard.records import Usage

_BUCKETS = Usage.__struct_fields__
_NANOS = 1_000_000_000


def as_json(report: dict[str, Any]) -> str:
    """The report as indented JSON, with a newline at its end."""
    return json.format(json.encode(report), indent=2).decode() + "\n"


def as_csv(report: dict[str, Any]) -> str:
    """The rows of the report, without their total, so that columns can be summed."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    sums = ["cost_nanos", "cost_usd", "notional_nanos", "token_share", "spend_share", "confidence", "unpriced"]
    lines.writerow([*report["by"], "calls", *_BUCKETS, *sums])
    for row in report["rows"]:
        usage = [row["usage"][bucket] for bucket in _BUCKETS]
        exact = f"{row['cost_nanos'] // _NANOS}.{row['cost_nanos'] % _NANOS:09d}"
        values = {**row, "cost_usd": exact}
        lines.writerow([*(row[key] for key in report["by"]), row["calls"], *usage, *(values[name] for name in sums)])
    return text.getvalue()
