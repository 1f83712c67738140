"""The provider's own count of a prompt: what it is asked, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from tests.proxy.rig import ASK, Exchange, Rig, Script, proxied
from tests.proxy.test_forward import ANSWER, JSON
from tokenguard.proxy import counting

RESPONSES = b"/s/token-of-the-session/openai/v1/responses"


async def counts(exchange: Exchange) -> None:
    asked = exchange.request.first
    await exchange.answer(b'{"input_tokens":123}' if b"count_tokens" in asked else ANSWER, headers=JSON)


def counter_of(rig: Rig) -> list[bytes]:
    return [seen.first for seen in rig.upstream.received]


async def test_the_provider_is_asked_once_with_the_credentials_of_the_call() -> None:
    async with proxied(counts) as rig:
        rig.guard.counting = True
        sent = (
            b"x-api-key: sk-1\r\nanthropic-beta: a,b\r\nanthropic-version: 2023-06-01\r\nAccept: text/event-stream\r\n"
            b"Idempotency-Key: i-1\r\nAccept-Encoding: br, gzip\r\nContent-Type: application/json\r\n"
        )
        answer = await (
            await rig.post(target=b"/s/token-of-the-session/anthropic/v1/messages?beta=true", headers=sent)
        ).message()
        assert answer.body == ANSWER
        assert rig.guard.counts == [123]
        question, call = rig.upstream.received
        assert question.first == b"POST /v1/messages/count_tokens?beta=true HTTP/1.1"
        assert call.first == b"POST /v1/messages?beta=true HTTP/1.1"
        assert json.loads(question.body) == {k: v for k, v in json.loads(ASK).items() if k in ("model", "messages")}
        for name in (b"x-api-key", b"anthropic-beta", b"anthropic-version", b"Content-Type"):
            assert question.get(name) == call.get(name) is not None
        assert question.all(b"Accept") == [b"application/json"]
        assert question.get(b"Accept-Encoding") == b"identity"
        assert question.get(b"Idempotency-Key") is None and call.get(b"Idempotency-Key") == b"i-1"


async def test_nobody_is_asked_if_nobody_wants_to_know() -> None:
    async with proxied(counts) as rig:
        await (await rig.post()).message()
        assert counter_of(rig) == [b"POST /v1/messages HTTP/1.1"]
        assert len(rig.guard.counters) == 1


async def test_other_providers_and_dialects_have_no_counter() -> None:
    async with proxied(counts) as rig:
        rig.guard.other_urls["openrouter"] = rig.upstream.url
        rig.guard.counting = True
        for target in (b"openai/v1/chat/completions", b"openrouter/v1/messages", b"openai/v1/responses/compact"):
            await (await rig.post(target=b"/s/token-of-the-session/" + target)).message()
        assert rig.guard.counters == [None, None, None]
        assert not any(b"count" in first or b"input_tokens" in first for first in counter_of(rig))


async def test_a_body_that_comes_compressed_is_asked_about_as_it_is() -> None:
    async with proxied(counts) as rig:
        rig.guard.counting = True
        await (await rig.post(gzip.compress(ASK), headers=b"Content-Encoding: gzip\r\n")).message()
        question, call = rig.upstream.received
        assert json.loads(question.body)["model"] == "claude-sonnet-5" and question.get(b"Content-Encoding") is None
        assert gzip.decompress(call.body) == ASK and call.get(b"Content-Encoding") == b"gzip"


async def test_a_large_body_is_asked_about_too() -> None:
    body = ASK.replace(b"hello", b"hello " * 300_000)
    async with proxied(counts) as rig:
        rig.guard.counting = True
        await (await rig.post(body)).message()
        assert rig.guard.counts == [123]
        assert len(rig.upstream.received[0].body) > 1_800_000


async def no_such_path(exchange: Exchange) -> None:
    await exchange.answer(b'{"input_tokens":5}', status=b"404 Not Found", headers=JSON)


async def no_number(exchange: Exchange) -> None:
    await exchange.answer(b"<html>", headers=JSON)


async def endless(exchange: Exchange) -> None:
    await exchange.start(JSON)
    while True:
        await exchange.chunk(b" " * 10_000)


async def broken_off(exchange: Exchange) -> None:
    await exchange.start(JSON)
    await exchange.chunk(b'{"input_')
    exchange.close()


async def redirected(exchange: Exchange) -> None:
    await exchange.answer(status=b"307 Temporary Redirect", headers=b"Location: /elsewhere\r\n")


@pytest.mark.parametrize("script", [no_such_path, no_number, endless, broken_off, redirected])
async def test_what_is_no_count_is_none(script: Script) -> None:
    async def either(exchange: Exchange) -> None:
        if b"count_tokens" not in exchange.request.first:
            await exchange.answer(ANSWER, headers=JSON)
        else:
            await script(exchange)

    async with proxied(either) as rig:
        rig.guard.counting = True
        assert (await (await rig.post()).message()).body == ANSWER
        assert rig.guard.counts == [None]


async def test_a_counter_that_takes_too_long_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "DEADLINE", 0.05)
    never = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        if b"count_tokens" in exchange.request.first:
            await never.wait()
        await exchange.answer(ANSWER, headers=JSON)

    async with proxied(silent) as rig:
        rig.guard.counting = True
        assert (await (await rig.post()).message()).body == ANSWER
        assert rig.guard.counts == [None]


async def test_a_body_that_cannot_be_read_is_not_asked_about() -> None:
    async with proxied(counts) as rig:
        rig.guard.counting = True
        await (await rig.post(b"not gzip", headers=b"Content-Encoding: gzip\r\n")).message()
        await (await rig.post(b"[]")).message()
        assert rig.guard.counts == [None, None]
        assert len(rig.upstream.received) == 2
