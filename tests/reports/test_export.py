from __future__ import annotations

import csv
import io
import json
from typing import Any

from msgspec import to_builtins

from tokenguard.records import Usage
from tokenguard.reports.export import as_csv, as_json


def answer(**row: Any) -> dict[str, Any]:
    sums = {"calls": 2, "usage": to_builtins(Usage(1, 2, 3, 4, 5, 1)), "cost_nanos": 12_000_000_034}
    sums |= {"notional_nanos": 7, "confidence": "estimated", "unpriced": 0}
    whole = {**row, **sums, "token_share": 1.0, "spend_share": 1.0}
    return {"by": list(row), "since": None, "until": None, "rows": [whole], "total": sums}


def test_csv_has_a_column_for_every_key_and_number() -> None:
    (line,) = csv.DictReader(io.StringIO(as_csv(answer(repo="/src/a, b", branch=None))))
    assert line == {
        "repo": "/src/a, b",
        "branch": "",
        "calls": "2",
        "input": "1",
        "cache_read": "2",
        "cache_write_5m": "3",
        "cache_write_1h": "4",
        "output": "5",
        "reasoning": "1",
        "cost_nanos": "12000000034",
        "cost_usd": "12.000000034",
        "notional_nanos": "7",
        "token_share": "1.0",
        "spend_share": "1.0",
        "confidence": "estimated",
        "unpriced": "0",
    }


def test_csv_of_nothing_is_its_header() -> None:
    assert as_csv({**answer(day="x"), "rows": []}).count("\n") == 1


def test_json_is_the_answer_itself() -> None:
    given = answer(task=None)
    assert json.loads(as_json(given)) == given
    assert as_json(given).endswith("}\n")
