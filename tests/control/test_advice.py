from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.control.conftest import Api
from tests.ledger.support import call, settlement
from tokenguard.errors import DaemonError
from tokenguard.ledger import Ledger

CENTS = 10_000_000


async def _spent(folder: Path) -> None:
    """An answer that was given up, for three cents."""
    ledger = Ledger.open(folder / "ledger.db")
    of = call(1, started_us=time.time_ns() // 1_000 - 60_000_000)
    await ledger.settle(replace(settlement(of, 3 * CENTS), outcome="client-gone"))
    await ledger.close()


async def test_advice_is_told_as_the_command_tells_it(api: Api, tmp_path: Path) -> None:
    await _spent(tmp_path)
    told = await api.get("/v1/advice", since="1d")
    (one,) = told["advice"]
    assert (one["name"], one["calls"], one["saving_nanos"]) == ("abandoned", 1, 3 * CENTS)
    assert (told["calls"], told["cost_nanos"]) == (1, 3 * CENTS)
    assert told["since"] < told["until"]
    assert (await api.get("/v1/advice", since="2d", until="1d"))["advice"] == []


@pytest.mark.parametrize(
    "query", [{"since": "soon"}, {"sinse": "7d"}, {"timezone": "Mars/Phobos"}, {"since": "1d", "until": "2d"}]
)
async def test_what_is_no_question_is_refused(api: Api, tmp_path: Path, query: dict[str, str]) -> None:
    await _spent(tmp_path)
    with pytest.raises(DaemonError, match="is not a time|not understood|is not after"):
        await api.get("/v1/advice", **query)
