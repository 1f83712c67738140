"""Requests that go on as they were admitted: of another model, or with a lower limit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest

from tests.proxy.codings import ENCODERS
from tests.proxy.rig import ASK, TOKEN, Exchange, Rig, happened, proxied
from tests.proxy.test_forward import ANSWER, CHAT, CHAT_ASK, CHAT_TEXT, EVENTS, JSON, chat, plain, stream
from tokenguard.proxy import asking
from tokenguard.records import Call, Usage

GEMINI = b"/s/%b/gemini/v1beta/models/gemini-2.5-pro:generateContent?alt=sse" % TOKEN.encode()


async def sent(rig: Rig) -> dict[str, object]:
    """What the provider got last."""
    body: dict[str, object] = json.loads(rig.upstream.received[-1].body)
    return body


async def test_another_model_is_asked_metered_and_settled() -> None:
    async with proxied(stream) as rig:
        rig.guard.model = "claude-haiku-5"
        answer = await (await rig.post()).message()
        assert answer.body == b"".join(EVENTS)
        assert rig.upstream.received[0].body == ASK.replace(b"claude-sonnet-5", b"claude-haiku-5")
        assert rig.upstream.received[0].get(b"Content-Length") == b"%d" % (len(ASK) - 1)
        settled = await rig.guard.next_settled()
        assert (settled.call.model, settled.call.requested) == ("claude-haiku-5", "claude-sonnet-5")
        assert (settled.outcome, settled.reading.usage) == ("ok", Usage(7, output=3))


async def test_a_lower_limit_is_asked_for() -> None:
    async with proxied(plain) as rig:
        rig.guard.max_output = 4
        await (await rig.post()).message()
        assert rig.upstream.received[0].body == ASK.replace(b'"max_tokens":10', b'"max_tokens":4')


async def test_a_model_in_the_path_changes_the_path_and_nothing_else() -> None:
    async with proxied(plain) as rig:
        rig.guard.other_urls["gemini"] = rig.upstream.url
        rig.guard.model = "gemini-2.5-flash"
        await (await rig.post(b'{"contents": []}', target=GEMINI)).message()
        seen = rig.upstream.received[0]
        assert seen.first == b"POST /v1beta/models/gemini-2.5-flash:generateContent?alt=sse HTTP/1.1"
        assert seen.body == b'{"contents": []}'


@pytest.mark.parametrize("coding", ["gzip", "zstd", "br"])
async def test_a_compressed_request_goes_on_as_plain_text(coding: str) -> None:
    async with proxied(plain) as rig:
        rig.guard.model = "claude-haiku-5"
        headers = b"Content-Encoding: %b\r\nAccept-Encoding: gzip\r\n" % coding.encode()
        await (await rig.post(ENCODERS[coding](ASK), headers=headers)).message()
        seen = rig.upstream.received[0]
        assert seen.body == ASK.replace(b"claude-sonnet-5", b"claude-haiku-5")
        assert seen.get(b"Content-Encoding") is None and seen.get(b"Accept-Encoding") == b"gzip"


async def test_usage_is_asked_for_and_filtered_as_ever() -> None:
    async with proxied(chat) as rig:
        rig.guard.model = "gpt-5-mini"
        answer = await (await rig.post(CHAT_ASK, target=CHAT)).message()
        assert answer.body == CHAT_TEXT + b"data: [DONE]\n\n"
        body = await sent(rig)
        assert (body["model"], body["stream_options"]) == ("gpt-5-mini", {"include_usage": True})
        assert (await rig.guard.next_settled()).reading.state == "final"


async def test_a_large_request_is_changed_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "OFF_LOOP", 10)
    async with proxied(plain) as rig:
        rig.guard.model = "claude-haiku-5"
        await (await rig.post()).message()
        assert (await sent(rig))["model"] == "claude-haiku-5"


@pytest.mark.parametrize(
    ("body", "model", "max_output", "words"),
    [
        (ASK.replace(b"{", b'{"fallbacks":[{"model":"x"}],', 1), "claude-haiku-5", None, "choose another model"),
        (b'{"messages":[]}', "claude-haiku-5", None, "choose another model"),
        (b"no json", "claude-haiku-5", None, "choose another model"),
        (b"no json", None, 5, "lower its output limit"),
    ],
)
async def test_what_cannot_be_changed_is_refused_in_the_agent_s_words(
    body: bytes, model: str | None, max_output: int | None, words: str
) -> None:
    async with proxied(plain) as rig:
        rig.guard.model, rig.guard.max_output = model, max_output
        client = await rig.post(body)
        answer = await client.message()
        told = json.loads(answer.body)["error"]
        assert (answer.status, told["type"]) == (402, "billing_error")
        assert told["message"].startswith("tokenguard stopped this request: ") and words in told["message"]
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status) == ("refused-here", None)
        assert (settled.reading.usage, settled.reading.marks) == (Usage(), ())
        assert not rig.upstream.received and not rig.guard.answers


async def test_a_change_that_is_not_read_as_it_was_meant_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(dialect: str, path: str, body: bytes, **new: object) -> tuple[str, bytes]:
        return path, body

    monkeypatch.setattr(asking, "rewrite", fake)
    async with proxied(plain) as rig:
        rig.guard.model = "claude-haiku-5"
        assert (await (await rig.post()).message()).status == 402


async def test_a_change_that_fails_says_nothing_of_the_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise KeyError("a planted prompt")

    monkeypatch.setattr(asking, "rewrite", broken)
    async with proxied(plain) as rig:
        rig.guard.model = "claude-haiku-5"
        assert (await (await rig.post()).message()).status == 402
    assert "KeyError" in caplog.text and "planted" not in caplog.text


async def test_the_guard_is_told_with_which_headers_a_call_was_answered() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(ANSWER, headers=JSON + b"X-Codex-Primary-Used-Percent: 12\r\n")

    async with proxied(script) as rig:
        await (await rig.post()).message()
        ((call, headers),) = rig.guard.answers
        assert call == (await rig.guard.next_settled()).call
        assert headers["X-Codex-Primary-Used-Percent"] == "12"


async def test_headers_that_cannot_be_read_do_not_touch_the_answer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: Call, headers: Mapping[str, str]) -> None:
        raise KeyError("a planted secret")

    async with proxied(plain) as rig:
        monkeypatch.setattr(rig.guard, "answered", broken)
        assert (await (await rig.post()).message()).body == ANSWER
        assert (await rig.guard.next_settled()).outcome == "ok"
    assert "KeyError" in caplog.text and "planted" not in caplog.text


async def test_nothing_is_sent_to_a_client_that_waits_for_a_decision() -> None:
    async with proxied(plain) as rig:
        rig.guard.holding = True
        client = await rig.post()
        await happened(rig.guard.held)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.reader.read(1)
        assert not rig.upstream.received
        rig.guard.release.set()
        assert (await client.message()).body == ANSWER
