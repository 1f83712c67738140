from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.control.conftest import Api
from tests.ledger.support import call, settlement
from tokenguard.errors import DaemonError
from tokenguard.ledger import Ledger


async def _spent(folder: Path) -> None:
    ledger = Ledger.open(folder / "ledger.db")
    await ledger.settle(settlement(call(1, model="claude-opus-4-5", started_us=time.time_ns() // 1_000), 100))
    await ledger.close()


async def test_models_are_told_with_their_prices(api: Api, tmp_path: Path) -> None:
    await _spent(tmp_path)
    told = await api.get("/v1/models", since="1d")
    (row,) = told["rows"]
    assert (row["model"], row["cost_nanos"], row["hit_rate"]) == ("claude-opus-4-5", 100, 0)
    assert (row["input_per_million"], row["output_per_million"]) == (5_000_000_000, 25_000_000_000)


async def test_a_window_is_told_in_slots(api: Api, tmp_path: Path) -> None:
    await _spent(tmp_path)
    told = await api.get("/v1/history", window="week", by="agent", measure="tokens")
    assert (len(told["slots"]), told["series"][0]["name"], told["total"]) == (7, "claude", 12)
    assert len(told["hours"]) == 7 and sum(map(sum, told["hours"])) == 12
    assert (await api.get("/v1/history", back="1"))["total"] == 0


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/models", {"since": "soon"}),
        ("/v1/models", {"sinse": "7d"}),
        ("/v1/history", {"window": "year"}),
        ("/v1/history", {"back": "far"}),
    ],
)
async def test_what_is_no_question_is_refused(api: Api, tmp_path: Path, path: str, query: dict[str, str]) -> None:
    await _spent(tmp_path)
    with pytest.raises(DaemonError, match="is not a time|not understood"):
        await api.get(path, **query)
