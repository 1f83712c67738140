"""The endpoints, through the client that the command line uses."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.control.conftest import Api
from tokenguard import __version__
from tokenguard.client.exchange import Exchange
from tokenguard.errors import DaemonError, LedgerError
from tokenguard.guard import AskForMore
from tokenguard.ledger import Ledger


async def test_metrics_are_text(api: Api) -> None:
    def ask() -> tuple[int, bytes]:
        exchange = Exchange(api.daemon.socket, "GET", "/metrics")
        body = exchange.body()
        exchange.close()
        return exchange.status, body

    assert await asyncio.to_thread(ask) == (200, b"up 1\n")


async def test_an_agent_asks_for_more(api: Api) -> None:
    asked = {"session": "xk", "amount": "5", "reason": "the tests", "wait_s": 1.5}
    assert await api.post("/v1/holds", asked) == {"id": "7f2c", "answer": "waiting"}
    assert api.guard.done == [("ask", AskForMore("xk", "5", "the tests", None, 1.5))]


async def test_version(api: Api) -> None:
    assert await api.get("/v1/version") == {
        "version": __version__,
        "pid": os.getpid(),
        "port": 4747,
        "stopping": False,
    }


async def test_status(api: Api) -> None:
    assert await api.get("/v1/status") == {
        "daemon": {"pid": os.getpid(), "port": 4747, "version": __version__, "uptime_s": 12.3, "stopping": False},
        "totals": {},
        "sessions": [],
        "budgets": [],
        "holds": [],
        "logs": {"state": "following", "rows": 3},
    }


async def test_what_a_status_line_was_told_is_handed_on_as_it_is(api: Api) -> None:
    limits = {"five_hour": {"used_percentage": 12.5, "resets_at": "soon"}, "new": None}
    assert await api.post("/v1/official", {"rate_limits": limits}) == {}
    assert api.guard.done == [("official", json.dumps(limits).encode())]


class TestHolds:
    async def test_approve_and_deny(self, api: Api) -> None:
        asked = {"answer": "approve", "amount": "5", "reason": None}
        assert await api.post("/v1/holds/7f2c", asked) == {"id": "7f2c", "answer": "approve"}
        assert await api.post("/v1/holds/7f2c", {"answer": "deny", "reason": "too dear"}) == {
            "id": "7f2c",
            "answer": "deny",
        }
        assert (await api.post("/v1/holds/7f2c", {"answer": "cheaper"}))["answer"] == "cheaper"
        assert api.guard.done == [
            ("hold", "7f2c", "approve", "5", None),
            ("hold", "7f2c", "deny", None, "too dear"),
            ("hold", "7f2c", "cheaper", None, None),
        ]

    async def test_one_that_does_not_wait(self, api: Api) -> None:
        assert await api.raw("POST", "/v1/holds/nope", b'{"answer": "deny"}') == (
            400,
            {"error": {"message": "no call nope waits", "hint": "see tokenguard status"}},
        )

    @pytest.mark.parametrize(
        "body",
        [b"", b"{}", b'{"answer": "maybe"}', b'{"answer": "deny", "amount": 5}', b'{"answer":"deny","who":"me"}'],
    )
    async def test_what_is_no_answer(self, api: Api, body: bytes) -> None:
        status, told = await api.raw("POST", "/v1/holds/7f2c", body)
        assert (status, api.guard.done) == (400, [])
        assert told["error"]["message"].startswith("the request is not understood: ")


class TestShutdown:
    async def test_graceful_and_now(self, api: Api) -> None:
        assert await api.post("/v1/shutdown", {}) == {"stopping": True}
        assert await api.post("/v1/shutdown", {"mode": "now"}) == {"stopping": True}
        assert api.host.life.stopped == [False, True]

    async def test_only_if_idle(self, api: Api) -> None:
        api.host.life.idle = False
        assert await api.post("/v1/shutdown", {"only_idle": True}) == {"stopping": False}
        assert api.host.life.stopped == []
        api.host.life.idle = True
        assert await api.post("/v1/shutdown", {"only_idle": True}) == {"stopping": True}
        assert api.host.life.stopped == [False]


class TestReport:
    @pytest.fixture(autouse=True)
    async def ledger(self, tmp_path: Path, api: Api) -> None:
        await Ledger.open(tmp_path / "ledger.db").close()

    async def test_a_question(self, api: Api) -> None:
        found = await api.get("/v1/report", by="day,model", since="7d", timezone="UTC", repo="*/web")
        assert found["by"] == ["day", "model"]
        assert found["rows"] == []
        assert found["total"]["calls"] == 0

    async def test_the_dearest_calls(self, api: Api) -> None:
        assert (await api.get("/v1/report", dearest="3", since="7d"))["calls"] == []

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ({"by": "colour"}, "colour"),
            ({"dearest": "few"}, "dearest"),
            ({"since": "whenever"}, '"whenever" is not a time'),
            ({"since": "1d", "until": "2d"}, "until 2d is not after since 1d"),
            ({"timezone": "Mars/Base"}, "Mars/Base"),
            ({"limit": "5"}, "unknown field `limit`"),
        ],
    )
    async def test_what_is_no_question(self, api: Api, query: dict[str, str], message: str) -> None:
        with pytest.raises(DaemonError, match=message):
            await api.get("/v1/report", **query)


class TestErrors:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b'{"agent": "x"}', b'{"agent": 1, "cwd": "/"}', b'{"agent":"x","cwd":"/","colour":1}'],
    )
    async def test_what_is_no_request(self, api: Api, body: bytes) -> None:
        status, answer = await api.raw("POST", "/v1/sessions", body)
        assert status == 400
        assert answer["error"]["message"].startswith("the request is not understood: ")
        assert not api.guard.opened

    async def test_a_body_beyond_reason(self, api: Api) -> None:
        status, answer = await api.raw("POST", "/v1/sessions", b" " * 2_000_000)
        assert (status, "too large" in answer["error"]["message"]) == (413, True)

    async def test_no_such_endpoint(self, api: Api) -> None:
        assert await api.raw("GET", "/v1/colour") == (
            404,
            {"error": {"message": "GET /v1/colour: not found", "hint": ""}},
        )
        assert (await api.raw("POST", "/v1/status"))[0] == 405

    async def test_our_own_failure_has_its_remedy(self, api: Api) -> None:
        api.guard.failure = LedgerError("the disk is full", "make room")
        assert await api.raw("GET", "/v1/status") == (
            500,
            {"error": {"message": "the disk is full", "hint": "make room"}},
        )

    async def test_a_fault_is_logged_and_not_told(self, api: Api, caplog: pytest.LogCaptureFixture) -> None:
        api.guard.failure = ZeroDivisionError("a prompt, perhaps")
        status, answer = await api.raw("GET", "/v1/status")
        assert (status, answer["error"]["message"]) == (500, "internal error: ZeroDivisionError")
        assert "GET failed" in caplog.text

    async def test_a_ledger_that_is_not_there(self, api: Api) -> None:
        with pytest.raises(DaemonError, match="there is no ledger"):
            await api.get("/v1/report")
