"""Posts to a receiver on this machine: one that takes them, one that is slow, one that is dead."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.notify.events import event
from tokenguard.notify import Notice, webhook
from tokenguard.notify.notices import notice
from tokenguard.notify.webhook import Webhook
from tokenguard.upstream import Network, Upstreams

SECRET = b"0123abcd"


def told(**changes: object) -> Notice:
    found = notice(event("hold.asked", **changes), "soft")
    assert found is not None
    return found


class Receiver:
    """Answers with the statuses it was given, the last one again and again, and keeps what it got."""

    def __init__(self) -> None:
        self.statuses = [204]
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.url = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.got.append((dict(request.headers), await request.read()))
        await self.answers.wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"Location": self.url + "elsewhere"} if status == 302 else None)

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    runner = web.ServerRunner(web.Server(made.handle), shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks/s3cret?x=%2F"
    yield made
    made.answers.set()
    await runner.cleanup()


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    made = Upstreams()
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 0.02))


async def test_a_post_is_signed_and_dated(receiver: Receiver, upstreams: Upstreams) -> None:
    await Webhook(upstreams, Network(), receiver.url, SECRET).tell(told())
    [(headers, body)] = receiver.got
    signature = headers["X-Tokenguard-Signature"]
    assert signature == "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    document = json.loads(body)
    assert headers["X-Tokenguard-Timestamp"] == str(document["sent_at"])
    assert abs(document["sent_at"] - time.time()) < 60
    assert headers["Content-Type"] == "application/json"
    assert document == {
        "id": document["id"],
        "type": "hold.asked",
        "at": "2026-11-21T12:00:00.000+00:00",
        "sent_at": document["sent_at"],
        "text": "tokenguard: claude web waits for you. ≈$3.44 for opus-5.5: 340k uncached tokens. "
        "Answer: tokenguard approve 7f2c, or tokenguard deny 7f2c",
        "data": {
            "id": "7f2c",
            "session": "bcdfg",
            "agent": "claude",
            "repo": "web",
            "model": "claude-opus-5-5",
            "estimate_nanos": 3_440_000_000,
            "reason": "340k uncached tokens",
            "asked_at": "2026-11-21T12:00:00Z",
            "expires_at": "2026-11-21T12:05:00Z",
            "budget": "web/day",
            "unit": "usd",
            "wants": None,
        },
    }


async def test_the_documented_receiver_takes_it(receiver: Receiver, upstreams: Upstreams) -> None:
    page = (Path(__file__).parents[2] / "docs/notifications.md").read_text("utf-8")
    documented: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], documented)
    await Webhook(upstreams, Network(), receiver.url, SECRET).tell(told())
    [(headers, body)] = receiver.got
    signature = headers["X-Tokenguard-Signature"]
    assert documented["genuine"](body, signature, SECRET)
    assert not documented["genuine"](body + b" ", signature, SECRET)
    assert not documented["genuine"](body, signature, b"other")


async def test_without_a_secret_nothing_is_signed(receiver: Receiver, upstreams: Upstreams) -> None:
    await Webhook(upstreams, Network(), receiver.url, None).tell(told())
    assert "X-Tokenguard-Signature" not in receiver.got[0][0]


@pytest.mark.parametrize("statuses", [[500, 503, 200], [429, 408, 201]])
async def test_it_is_tried_again_under_the_same_id(
    receiver: Receiver, upstreams: Upstreams, statuses: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    receiver.statuses = statuses
    await Webhook(upstreams, Network(), receiver.url, SECRET).tell(told())
    assert len(receiver.got) == 3
    assert len({document["id"] for document in receiver.documents}) == 1
    assert not caplog.text


async def test_another_notice_has_another_id(receiver: Receiver, upstreams: Upstreams) -> None:
    hook = Webhook(upstreams, Network(), receiver.url, SECRET)
    await hook.tell(told())
    await hook.tell(told())
    assert len({document["id"] for document in receiver.documents}) == 2


@pytest.mark.parametrize(("status", "tries"), [(500, 3), (404, 1), (302, 1)])
async def test_it_is_given_up(
    receiver: Receiver, upstreams: Upstreams, status: int, tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.statuses = [status]
    await Webhook(upstreams, Network(), receiver.url, SECRET).tell(told())
    assert len(receiver.got) == tries
    assert [record.getMessage() for record in caplog.records] == [
        f"the webhook at 127.0.0.1 was not told of hold.asked: it answered with {status}"
    ]
    assert "s3cret" not in caplog.text


async def test_a_slow_receiver_is_not_waited_for(
    receiver: Receiver, upstreams: Upstreams, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhook, "DEADLINE", 0.1)
    receiver.answers.clear()
    async with asyncio.timeout(10):
        await Webhook(upstreams, Network(), receiver.url, SECRET).tell(told())
    assert len(receiver.got) == 3
    assert "was not told of hold.asked: no answer within" in caplog.text


async def test_a_dead_receiver(upstreams: Upstreams, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with asyncio.timeout(10):
        await Webhook(upstreams, Network(), f"http://127.0.0.1:{port}/s3cret", SECRET).tell(told())
    assert "the webhook at 127.0.0.1 was not told of hold.asked: 127.0.0.1 cannot be reached" in caplog.text
    assert "s3cret" not in caplog.text
