from __future__ import annotations

from contextlib import closing
from datetime import UTC

from msgspec.structs import replace

from tests.ledger.support import START_US, call, in_memory, settlement
from tokenguard.ledger import writes
from tokenguard.prices import decode
from tokenguard.records import Usage
from tokenguard.reports.models import models

HOUR_US = 3_600_000_000
CATALOGUE = decode(
    b"""{"format": 1, "source": {"name": "a list", "version": "1", "date": "2025-11-01"}, "providers": [
        {"id": "anthropic", "api": "x", "models": [
            {"id": "opus", "names": ["opus"], "prices": [{"bands": [[0, 4, 20, 0, 5, 8], [100, 8, 40]]}]}]}]}"""
)


def test_prices_and_hit_rates_stand_beside_the_sums() -> None:
    with closing(in_memory()) as conn:
        made = [
            ("opus", 1, 100, Usage(input=10, cache_read=30)),
            ("opus", 2, 100, Usage(input=10, cache_write_5m=10, output=5)),
            ("other", 2, 300, Usage(output=9)),
            ("opus", -2, 900, Usage(input=10, cache_read=90)),
            ("opus", -4, 900, Usage(input=10)),
        ]
        for number, (model, hour, nanos, usage) in enumerate(made, 1):
            charge = settlement(call(number, model=model, started_us=START_US + hour * HOUR_US), nanos)
            writes.settle(conn, replace(charge, usage=usage, legs=()))
        found = models(conn, CATALOGUE, START_US, START_US + 3 * HOUR_US, UTC)
    other, opus = found["rows"]
    assert (other["model"], opus["model"], opus["calls"], opus["spend_share"]) == ("other", "opus", 2, 0.4)
    assert (opus["hit_rate"], opus["hit_rate_before"]) == (0.5, 0.9)
    assert (opus["input_per_million"], opus["output_per_million"], opus["price_confidence"]) == (4, 20, "exact")
    # Of what is not listed, the dearest price there is bounds it.
    assert (other["hit_rate"], other["hit_rate_before"], other["price_confidence"]) == (None, None, "bound")
    assert other["output_per_million"] == 40
    assert found["total"]["cost_nanos"] == 500
