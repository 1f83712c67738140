"""Agents that leave in the middle of a call: what the ledger says once the provider is done with it."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing

import pytest

from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator

LEAVE = """
import http.client, json, os, sys, time
from urllib.parse import urlsplit
name, path, body = sys.argv[1:]
base = urlsplit(os.environ[name])
connection = http.client.HTTPConnection(base.hostname, base.port)
connection.request("POST", base.path + path, body, {"content-type": "application/json", "x-api-key": "k"})
time.sleep(0.5)
os._exit(0)
"""

WORDS = "Explain the plan. " * 100


def leave(tg: Installation, variable: str, path: str, body: str) -> tuple[str, str, int, int, int]:
    """Outcome, confidence and cost (least, likely, most) of a call whose agent ended in the middle of it."""
    tg("run", "--", sys.executable, "-c", LEAVE, variable, path, body)

    def settled() -> tuple[str, str, int, int, int] | None:
        with closing(sqlite3.connect(f"file:{tg.home}/ledger.db?mode=ro", uri=True)) as ledger:
            columns = "outcome, confidence, coalesce(cost_low, cost_nanos), cost_nanos, coalesce(cost_high, cost_nanos)"
            found: tuple[str, str, int, int, int] | None = ledger.execute(
                f"SELECT {columns} FROM calls WHERE state = 'settled'"
            ).fetchone()
            return found

    return until(settled, "the call was settled")


@pytest.mark.parametrize(
    ("variable", "path", "body"),
    [
        (
            "ANTHROPIC_BASE_URL",
            "/v1/messages",
            '{"model":"claude-opus-5-5","max_tokens":8000,"messages":[{"role":"user","content":"SAID"}]}',
        ),
        ("OPENAI_BASE_URL", "/responses", '{"model":"gpt-6.1-sol","input":"SAID"}'),
        (
            "GOOGLE_GEMINI_BASE_URL",
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            '{"contents":[{"role":"user","parts":[{"text":"SAID"}]}]}',
        ),
    ],
)
def test_what_is_billed_to_its_end_is_exact(
    tg: Installation, sim: simulator.Process, variable: str, path: str, body: str
) -> None:
    said = WORDS + ("[sim:slow=50ms]" if "stream" in path else "[sim:wait=2s]")
    outcome, confidence, *costs = leave(tg, variable, path, body.replace("SAID", said))
    assert (outcome, confidence) == ("client-gone", "exact")
    assert costs == [sim.bill().total_nanos] * 3 != [0] * 3


def test_what_stops_with_its_client_is_within_an_interval(tg: Installation, sim: simulator.Process) -> None:
    body = '{"model":"claude-opus-5-5","max_tokens":8000,"stream":true,"messages":[{"role":"user","content":"SAID"}]}'
    asked = body.replace("SAID", WORDS + "[sim:output=400] [sim:slow=50ms]")
    outcome, confidence, low, likely, high = leave(tg, "ANTHROPIC_BASE_URL", "/v1/messages", asked)
    assert (outcome, confidence) == ("client-gone", "estimated")
    (billed,) = sim.bill().calls
    assert billed.outcome == "left" and billed.usage.output < 400
    assert 0 < low <= billed.nanos <= high and low <= likely <= high
    status = tg.json("status")["totals"]["today"]
    assert (status["cost_low_nanos"], status["cost_nanos"], status["cost_high_nanos"]) == (low, likely, high)
