"""The way of a call: what reaches the provider, what the guard is told, and what happens when things go wrong."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proxy.codings import ENCODERS
from tests.proxy.rig import ASK, MESSAGES, SESSION, TOKEN, Exchange, Rig, happened, proxied, request
from tokenguard import wire
from tokenguard.proxy import asking, passage
from tokenguard.records import Facts, Reading, Usage
from tokenguard.wire.shape import Refusal

USAGE = b'"usage":{"input_tokens":7,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":%d}'
ANSWER = (
    b'{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5","content":[],"stop_reason":"end_turn",'
    + USAGE % 3
    + b"}"
)
JSON = b"Content-Type: application/json\r\n"
EVENTS = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude-sonnet-5","content":[],' + USAGE % 1 + b"}}\n\n",
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":"hello"}}\n\n',
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},' + USAGE % 3 + b"}\n\n",
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
)
EXPECTED = Usage(input=7, output=3)
SLOW = settings(deadline=None, max_examples=30)


async def plain(exchange: Exchange) -> None:
    await exchange.answer(ANSWER, headers=JSON)


async def stream(exchange: Exchange) -> None:
    await exchange.start()
    for event in EVENTS:
        await exchange.chunk(event)
    await exchange.end()


# What reaches the provider, and the client.


async def test_a_call_is_begun_admitted_and_settled() -> None:
    async with proxied(plain) as rig:
        answer = await (await rig.post(headers=b"x-claude-code-session-id: 7\r\n")).message()
        assert answer.body == ANSWER
        call, facts, headers = rig.guard.begun[0]
        assert (call.session, call.provider, call.dialect) == (SESSION.id, "anthropic", "anthropic-messages")
        assert facts.model == "claude-sonnet-5" and facts.stream and facts.body_bytes == len(ASK)
        assert headers["x-claude-code-session-id"] == "7"
        settled = await rig.guard.next_settled()
        assert (settled.call, settled.status, settled.outcome) == (call, 200, "ok")
        assert (settled.reading.state, settled.reading.usage) == ("final", EXPECTED)


async def test_a_stream_is_passed_on_and_metered() -> None:
    async with proxied(stream) as rig:
        answer = await (await rig.post()).message()
        assert answer.body == b"".join(EVENTS) and answer.complete
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.reading.state, settled.reading.usage) == ("ok", "final", EXPECTED)


NAMES = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.!~", min_size=1).map(lambda name: b"X-" + name.encode())
VALUES = st.text(st.characters(min_codepoint=0x20, blacklist_characters="\x7f", blacklist_categories=("Cs", "Cc")))
FIELDS = st.lists(st.tuples(NAMES, VALUES.map(lambda value: value.strip(" \t").encode())), max_size=20)


@SLOW
@given(sent=FIELDS, returned=FIELDS, question=st.binary(max_size=4000), answer=st.binary(max_size=4000))
async def test_headers_and_bodies_are_the_same_bytes_on_both_sides(
    sent: list[tuple[bytes, bytes]], returned: list[tuple[bytes, bytes]], question: bytes, answer: bytes
) -> None:
    def lines(fields: list[tuple[bytes, bytes]]) -> bytes:
        return b"".join(b"%b: %b\r\n" % field for field in fields)

    def one_spelling(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        first: dict[bytes, bytes] = {}
        return [(first.setdefault(name.lower(), name), value) for name, value in fields]

    async def script(exchange: Exchange) -> None:
        await exchange.answer(answer, headers=lines(returned))

    async with proxied(script) as rig:
        seen = await (await rig.post(question, headers=lines(sent))).message()
        upstream = rig.upstream.received[0]
    assert upstream.body == question and seen.body == answer
    assert [field for field in upstream.headers if field[0].startswith(b"X-")] == one_spelling(sent)
    assert seen.headers == [*returned, (b"Content-Length", b"%d" % len(answer))]


async def test_only_what_belongs_to_the_connection_is_changed() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(
            b"{}",
            headers=b"request-id: req_1\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
            b"Set-Cookie: a=1\r\nset-cookie: b=2\r\nDate: then\r\n",
        )

    async with proxied(script) as rig:
        seen = await (
            await rig.post(
                headers=b"x-api-key: sk-ant-1\r\nConnection: X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\n"
                b"Proxy-Authorization: Basic x\r\nanthropic-beta: a,b\r\naccept-encoding: gzip, compress;q=0.5, *\r\n"
            )
        ).message()
        assert rig.upstream.received[0].headers == [
            (b"Host", b"127.0.0.1:%d" % rig.upstream.port),
            (b"x-api-key", b"sk-ant-1"),
            (b"anthropic-beta", b"a,b"),
            (b"accept-encoding", b"gzip"),
            (b"Content-Length", b"%d" % len(ASK)),
        ]
        assert seen.headers == [
            (b"request-id", b"req_1"),
            (b"Set-Cookie", b"a=1"),
            (b"set-cookie", b"b=2"),
            (b"Date", b"then"),
            (b"Content-Length", b"2"),
        ]


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"])
async def test_every_method_passes(method: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        body = b"" if method == b"HEAD" else ANSWER
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), body))

    async with proxied(script) as rig:
        client = await rig.connect()
        await client.send(b"%b /anthropic/v1/files/1 HTTP/1.1\r\nHost: localhost\r\n\r\n" % method)
        answer = await client.message(bodiless=method == b"HEAD")
        assert answer.status == 200 and answer.get(b"Content-Length") == b"%d" % len(ANSWER)
        assert rig.upstream.received[0].first == method + b" /v1/files/1 HTTP/1.1"
        await client.send(request(b"", target=b"/healthz"))
        assert (await client.message()).status == 200


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_without_a_body(status: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 %b\r\nETag: x\r\n\r\n" % status)

    async with proxied(script) as rig:
        client = await rig.post()
        answer = await client.message(bodiless=True)
        assert answer.first == b"HTTP/1.1 " + status and answer.headers == [(b"ETag", b"x")]
        await client.send(request(b"", target=b"/healthz"))
        assert (await client.message()).status == 200


async def test_a_chunked_request_is_forwarded_whole() -> None:
    async with proxied(plain) as rig:
        client = await rig.connect()
        await client.send(b"POST %b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" % MESSAGES)
        for piece in (ASK[:10], ASK[10:]):
            await client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await client.send(b"0\r\n\r\n")
        assert (await client.message()).status == 200
        assert rig.upstream.received[0].body == ASK
        assert rig.upstream.received[0].get(b"Transfer-Encoding") is None


async def test_expect_continue_is_answered_here() -> None:
    async with proxied(plain) as rig:
        client = await rig.connect()
        head, _, body = request(headers=b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        await client.send(head + b"\r\n\r\n")
        assert (await client.head()).first == b"HTTP/1.1 100 Continue"
        await client.send(body)
        assert (await client.message()).status == 200
        assert rig.upstream.received[0].get(b"Expect") is None


@pytest.mark.parametrize("status", [b"301 Moved Permanently", b"307 Temporary Redirect"])
async def test_a_redirect_is_passed_on_and_never_followed(status: bytes) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(b"", status=status, headers=b"Location: http://127.0.0.1:%d/stolen\r\n" % thief.port)

    async with proxied(plain) as elsewhere, proxied(script) as rig:
        thief = elsewhere.upstream
        answer = await (await rig.post(headers=b"Authorization: Bearer sk-1\r\n")).message()
        assert answer.first == b"HTTP/1.1 " + status
        assert answer.get(b"Location") == b"http://127.0.0.1:%d/stolen" % thief.port
        assert len(rig.upstream.received) == 1 and not thief.received
        assert (await rig.guard.next_settled()).outcome == "refused-upstream"


async def test_cookies_of_a_provider_are_not_kept() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(ANSWER, headers=JSON + b"Set-Cookie: session=1; Path=/\r\n")

    async with proxied(script) as rig:
        rig.guard.base_url = f"http://localhost:{rig.upstream.port}"
        for _ in range(2):
            assert (await (await rig.post()).message()).status == 200
        assert rig.upstream.received[1].get(b"Cookie") is None


async def test_duplicates_that_differ_in_case_all_arrive() -> None:
    async with proxied(plain) as rig:
        assert (await (await rig.post(headers=b"X-A: 1\r\nx-b: 2\r\nx-a: 3\r\nX-A: 4\r\n")).message()).status == 200
        assert rig.upstream.received[0].all(b"x-a") == [b"1", b"3", b"4"]


async def test_a_header_that_is_not_utf8_keeps_its_characters() -> None:
    async with proxied(plain) as rig:
        assert (await (await rig.post(headers=b"X-Folder: caf\xe9\r\n")).message()).status == 200
        assert rig.upstream.received[0].get(b"X-Folder") == "café".encode()


# Encodings.


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity"])
async def test_compressed_bodies_are_read_and_pass_as_they_are(coding: str) -> None:
    question, events = ENCODERS[coding](ASK), ENCODERS[coding](b"".join(EVENTS))
    header = b"Content-Encoding: %b\r\n" % coding.encode()

    async def script(exchange: Exchange) -> None:
        await exchange.start(b"Content-Type: text/event-stream\r\n" + header)
        for at in range(0, len(events), 7):
            await exchange.chunk(events[at : at + 7])
        await exchange.end()

    async with proxied(script) as rig:
        answer = await (await rig.post(question, headers=header)).message()
        assert answer.body == events and answer.get(b"Content-Encoding") == coding.encode()
        upstream = rig.upstream.received[0]
        assert upstream.body == question and upstream.get(b"Content-Encoding") == coding.encode()
        assert rig.guard.begun[0][1].model == "claude-sonnet-5"
        assert rig.guard.begun[0][1].body_bytes == len(ASK)
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.reading.state, settled.reading.usage) == ("ok", "final", EXPECTED)


async def test_an_answer_that_is_not_of_its_encoding_passes_and_is_marked() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(ANSWER, headers=JSON + b"Content-Encoding: gzip\r\n")

    async with proxied(script) as rig:
        assert (await (await rig.post()).message()).body == ANSWER
        settled = await rig.guard.next_settled()
        assert settled.reading.marks[-1] == "undecodable" and settled.reading.state != "final"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"not json", b""),
        (b"", b""),
        (ASK, b"Content-Encoding: gzip\r\n"),
        (ASK, b"Content-Encoding: rot13\r\n"),
        (ENCODERS["zstd"](ASK)[:-9], b"Content-Encoding: zstd\r\n"),
    ],
)
async def test_a_request_that_cannot_be_read_is_left_to_the_guard(body: bytes, headers: bytes) -> None:
    async with proxied(plain) as rig:
        assert (await (await rig.post(body, headers=headers)).message()).status == 200
        assert rig.upstream.received[0].body == body
        assert rig.guard.begun[0][1] == Facts(model="unknown", body_bytes=len(body), uncapped=("unreadable-request",))
        assert (await rig.guard.next_settled()).reading.usage == EXPECTED


async def test_a_small_body_that_unpacks_to_a_huge_one_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LARGEST_BODY", 1 << 20)
    bomb = ENCODERS["zstd"](b'{"model":"m","messages":["' + b"x" * (2 << 20) + b'"]}')
    async with proxied(plain) as rig:
        assert (await (await rig.post(bomb, headers=b"Content-Encoding: zstd\r\n")).message()).status == 200
        assert rig.guard.begun[0][1].uncapped == ("unreadable-request",)


async def test_a_large_body_is_read_off_the_loop_and_arrives_whole() -> None:
    body = ASK.replace(b"hello", b"hello" * 1_000_000)
    async with proxied(plain) as rig:
        assert (await (await rig.post(body)).message()).status == 200
        assert rig.upstream.received[0].body == body
        assert rig.guard.begun[0][1].body_bytes == len(body)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_beyond_the_limit_is_refused_in_the_dialect(
    declared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LARGEST_BODY", 1000)
    async with proxied(plain) as rig:
        client = await rig.connect()
        if declared:
            await client.send(request(b"x" * 1001))
        else:
            await client.send(
                b"POST %b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n%b\r\n0\r\n\r\n"
                % (MESSAGES, b"x" * 1001)
            )
        answer = await client.message()
        assert answer.status == 413
        assert b"is larger than" in answer.body and json.loads(answer.body)["error"]
        assert await client.closed()
        assert not rig.upstream.received and not rig.guard.begun


# The guard's say.


async def test_a_refusal_is_sent_as_it_is_and_nothing_goes_upstream() -> None:
    async with proxied(plain) as rig:
        rig.guard.refusal = Refusal(402, "text/plain; charset=utf-8", b"tokenguard stopped this request")
        client = await rig.connect()
        for _ in range(2):
            await client.send(request())
            answer = await client.message()
            assert (answer.status, answer.body) == (402, rig.guard.refusal.body)
            assert answer.get(b"Content-Type") == b"text/plain; charset=utf-8"
            assert answer.get(b"Content-Length") == b"%d" % len(rig.guard.refusal.body)
        assert not rig.upstream.received and rig.guard.settled.empty()


async def test_a_client_that_leaves_while_it_is_held_never_reaches_the_provider() -> None:
    async with proxied(plain) as rig:
        rig.guard.holding = True
        client = await rig.post()
        await happened(rig.guard.held)
        client.close()
        await happened(rig.guard.left)
        assert not rig.upstream.received and rig.guard.settled.empty()


async def test_what_is_free_passes_without_the_guard() -> None:
    async with proxied(plain) as rig:
        client = await rig.connect()
        await client.send(request(b"", target=b"/s/%b/anthropic/v1/models?limit=5" % TOKEN.encode(), method=b"GET"))
        assert (await client.message()).body == ANSWER
        assert not rig.guard.begun and not rig.guard.passed
        await client.send(request(b"{}", target=b"/s/%b/anthropic/v1/messages/count_tokens" % TOKEN.encode()))
        assert (await client.message()).status == 200
        assert rig.guard.questions == 1 and not rig.guard.begun


async def test_what_no_dialect_claims_is_told_to_the_guard_without_its_query() -> None:
    async with proxied(plain) as rig:
        target = b"/s/%b/openai/v1/images/generations?key=sk-1" % TOKEN.encode()
        assert (await (await rig.post(b"{}", target=target, headers=b"accept-encoding: x\r\n")).message()).status == 200
        assert rig.guard.passed == [("s1", "openai", "POST", "/v1/images/generations", 200)]
        assert rig.upstream.received[0].get(b"accept-encoding") == b"x"
        assert not rig.guard.begun


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (b"200 OK", "ok"),
        (b"400 Bad Request", "refused-upstream"),
        (b"429 Slow Down", "refused-upstream"),
        (b"529 Overloaded", "provider-error"),
    ],
)
async def test_what_the_provider_answers_is_passed_on_and_settled(status: bytes, outcome: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(ANSWER, status=status, headers=JSON)

    async with proxied(script) as rig:
        assert (await (await rig.post()).message()).first == b"HTTP/1.1 " + status
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status) == (outcome, int(status[:3]))


async def test_an_error_inside_a_stream_is_the_providers() -> None:
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENTS[0])
        await exchange.chunk(error)
        await exchange.end()

    async with proxied(script) as rig:
        assert (await (await rig.post()).message()).body == EVENTS[0] + error
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.reading.error) == ("provider-error", "overloaded_error")


async def test_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxied(stream) as rig:
        await (await rig.post()).message()
        assert not rig.guard.progressed
        monkeypatch.setattr(passage, "_PROGRESS_EVERY", 0.0)
        await (await rig.post()).message()
        assert rig.guard.progressed and rig.guard.progressed[-1].usage.input == 7


async def test_progress_that_cannot_be_told_does_not_touch_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxied(stream) as rig:

        def broken(call: object, reading: object) -> None:
            raise KeyError

        monkeypatch.setattr(rig.guard, "progress", broken)
        monkeypatch.setattr(passage, "_PROGRESS_EVERY", 0.0)
        assert (await (await rig.post()).message()).body == b"".join(EVENTS)
        assert (await rig.guard.next_settled()).outcome == "ok"


# A meter that fails.


async def test_a_meter_that_fails_does_not_touch_the_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def feed(self, chunk: bytes) -> None:
            raise ValueError(f"planted-secret {chunk!r}")

        def reading(self, *, ended: bool) -> Reading:
            assert not ended
            return Reading(state="partial", output_bytes=5)

    def meter(facts: Facts, provider: str, *, stream: bool) -> Broken:
        return Broken()

    monkeypatch.setattr(wire.DIALECTS["anthropic-messages"], "meter", meter)
    async with proxied(stream) as rig:
        assert (await (await rig.post()).message()).body == b"".join(EVENTS)
        settled = await rig.guard.next_settled()
        assert settled.reading == Reading(state="partial", output_bytes=5, marks=("meter-failed",))
        assert settled.outcome == "ok"
    assert [record.getMessage() for record in caplog.records] == [
        "the meter of anthropic-messages failed with ValueError"
    ]


@pytest.mark.parametrize("where", ["made", "read"])
async def test_a_meter_that_cannot_even_be_made_or_read(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def feed(self, chunk: bytes) -> None:
            pass

        def reading(self, *, ended: bool) -> Reading:
            raise KeyError("x")

    def meter(facts: Facts, provider: str, *, stream: bool) -> Silent:
        if where == "made":
            raise TypeError
        return Silent()

    monkeypatch.setattr(wire.DIALECTS["anthropic-messages"], "meter", meter)
    async with proxied(stream) as rig:
        assert (await (await rig.post()).message()).body == b"".join(EVENTS)
        assert (await rig.guard.next_settled()).reading == Reading(marks=("meter-failed",))


# Interruptions.


async def test_a_client_that_leaves_takes_the_upstream_connection_with_it() -> None:
    left = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENTS[0])
        await exchange.chunk(EVENTS[1])
        assert await exchange.closed()
        left.set()

    async with proxied(script) as rig:
        client = await rig.post()
        pieces = client.pieces(await client.head())
        got = b""
        while got != EVENTS[0] + EVENTS[1]:
            got += await anext(pieces)
        client.close()
        await happened(left)
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status, settled.reading.state) == ("client-gone", 200, "partial")
        assert settled.reading.usage.input == 7 and settled.reading.output_bytes > 0


async def test_a_client_that_leaves_before_the_answer_is_settled_as_sent() -> None:
    left = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        client.close()
        assert await exchange.closed()
        left.set()

    async with proxied(script) as rig:
        client = await rig.post()
        await happened(left)
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status, settled.reading) == ("client-gone", None, Reading(marks=("sent",)))


@pytest.mark.parametrize("ending", ["close", "abort"])
@pytest.mark.parametrize("framing", [b"Content-Length: 100000\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_an_answer_that_breaks_off_is_broken_for_the_client_too(framing: bytes, ending: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n%b\r\n" % framing)
        half = EVENTS[0] + EVENTS[1][:20]
        await exchange.send(half if b"Length" in framing else b"fff\r\n" + half)
        await read.wait()
        if ending == "abort":
            exchange.writer.transport.abort()
        raise ConnectionError

    read = asyncio.Event()
    async with proxied(script) as rig:
        client = await rig.post()
        head = await client.head()
        read.set()
        body = b""
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)) as broken:
            async for piece in client.pieces(head):
                body += piece
        if isinstance(broken.value, asyncio.IncompleteReadError):
            body += broken.value.partial
        assert body == EVENTS[0] + EVENTS[1][:20]
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status, settled.reading.state) == ("cut", 200, "partial")
        assert settled.reading.usage.input == 7


async def test_framing_that_turns_to_garbage_breaks_the_answer_off() -> None:
    read = asyncio.Event()

    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENTS[0])
        await read.wait()
        await exchange.send(b"ZZZ\r\nthis is no chunk\r\n")
        await exchange.closed()

    async with proxied(script) as rig:
        client = await rig.post()
        pieces = client.pieces(await client.head())
        assert await anext(pieces) == EVENTS[0]
        read.set()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await anext(pieces)
        assert (await rig.guard.next_settled()).outcome == "cut"


@pytest.mark.parametrize(
    ("garbage", "sent", "text"),
    [
        (b"", True, "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", True, "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", True, "closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n", True, "not HTTP"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", True, "changed the protocol"),
    ],
)
async def test_garbage_for_an_answer_is_a_502(
    garbage: bytes, sent: bool, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.send(garbage)
        raise ConnectionError

    async with proxied(script) as rig:
        answer = await (await rig.post(headers=b"x-api-key: sk-planted-secret\r\n")).message()
        message = json.loads(answer.body)["error"]["message"]
        assert answer.status == 502 and text in message and "127.0.0.1" in message and "\n" not in message
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status) == ("unreachable", None)
        assert settled.reading.marks == (("sent",) if sent else ())
    assert text in caplog.text and "sk-planted-secret" not in caplog.text


async def test_an_upstream_that_is_not_there_is_a_502_and_nothing_was_sent() -> None:
    async with proxied(plain) as gone:
        url = gone.upstream.url
    async with proxied(plain) as rig:
        rig.guard.base_url = url
        client = await rig.connect()
        for target in (MESSAGES, b"/openai/v1/unknown"):
            await client.send(request(target=target))
            answer = await client.message()
            assert answer.status == 502 and b"cannot be reached" in answer.body
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status, settled.reading) == ("unreachable", None, Reading())
        assert rig.guard.settled.empty() and not rig.guard.passed


async def test_what_nobody_can_read_is_not_forwarded_where_the_guard_forbids_it() -> None:
    async with proxied(plain) as rig:
        rig.guard.unreadable_because = "tokenguard stopped this request: the budget is strict"
        client = await rig.connect()
        await client.send(request(target=b"/openai/v1/unknown"))
        answer = await client.message()
        assert answer.status == 402 and b"the budget is strict" in answer.body
        assert not rig.guard.passed
        await client.send(request(target=b"/openai/v1/responses/input_tokens"))
        assert (await client.message()).status == 200, "what is free costs nobody anything"


async def test_half_an_event_at_the_end_is_passed_on() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.chunk(EVENTS[0] + EVENTS[1][:30])
        await exchange.end()

    async with proxied(script) as rig:
        answer = await (await rig.post()).message()
        assert answer.body == EVENTS[0] + EVENTS[1][:30] and answer.complete
        settled = await rig.guard.next_settled()
        assert settled.outcome == "ok" and settled.reading.state != "final"


async def test_a_settled_call_is_booked_before_the_client_can_ask_again() -> None:
    async with proxied(stream) as rig:
        client = await rig.post()
        assert (await client.message()).complete
        assert rig.guard.settled.qsize() == 1


# Usage that the client did not ask for.

CHAT = b"/s/%b/openai/v1/chat/completions" % TOKEN.encode()
CHAT_ASK = b'{"model":"gpt-5","stream":true,"messages":[{"role":"user","content":"hello"}]}'
CHAT_TEXT = b'data: {"id":"c1","model":"gpt-5","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
CHAT_TOKENS = b'"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}'
CHAT_USAGE = b'data: {"id":"c1","model":"gpt-5","choices":[],' + CHAT_TOKENS + b"}\n\n"
CHAT_DONE = b"data: [DONE]\n\n"


async def chat(exchange: Exchange) -> None:
    await exchange.start()
    wanted = json.loads(exchange.request.body).get("stream_options", {}).get("include_usage")
    for event in (CHAT_TEXT, *([CHAT_USAGE] if wanted else []), CHAT_DONE):
        await exchange.chunk(event)
    await exchange.end()


@pytest.mark.parametrize("compressed", [False, True])
async def test_usage_is_asked_for_and_taken_out_of_the_stream_again(compressed: bool) -> None:
    body = ENCODERS["zstd"](CHAT_ASK) if compressed else CHAT_ASK
    headers = b"accept-encoding: gzip, br\r\n" + (b"Content-Encoding: zstd\r\n" if compressed else b"")
    async with proxied(chat) as rig:
        answer = await (await rig.post(body, target=CHAT, headers=headers)).message()
        assert answer.body == CHAT_TEXT + CHAT_DONE
        upstream = rig.upstream.received[0]
        assert json.loads(upstream.body) == json.loads(CHAT_ASK) | {"stream_options": {"include_usage": True}}
        assert upstream.get(b"Content-Encoding") is None
        assert upstream.all(b"accept-encoding") == [b"identity"]
        assert (await rig.guard.next_settled()).reading.usage == EXPECTED


async def test_a_stream_with_usage_asked_for_is_left_alone() -> None:
    body = CHAT_ASK[:-1] + b',"stream_options":{"include_usage":true}}'
    async with proxied(chat) as rig:
        answer = await (await rig.post(body, target=CHAT)).message()
        assert answer.body == CHAT_TEXT + CHAT_USAGE + CHAT_DONE
        assert rig.upstream.received[0].body == body


@pytest.mark.parametrize("headers", [JSON, b"Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n"])
async def test_what_cannot_be_filtered_passes_as_it_is(headers: bytes) -> None:
    body = ENCODERS["gzip"](CHAT_TEXT + CHAT_USAGE) if b"gzip" in headers else b'{"error":{"message":"no"}}'

    async def script(exchange: Exchange) -> None:
        await exchange.answer(body, headers=headers)

    async with proxied(script) as rig:
        answer = await (await rig.post(CHAT_ASK, target=CHAT)).message()
        assert answer.body == body and answer.get(b"Content-Length") == b"%d" % len(body)


async def test_a_filtered_answer_loses_its_length() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(CHAT_TEXT + CHAT_USAGE + CHAT_DONE, headers=b"Content-Type: text/event-stream\r\n")

    async with proxied(script) as rig:
        answer = await (await rig.post(CHAT_ASK, target=CHAT)).message()
        assert answer.body == CHAT_TEXT + CHAT_DONE and answer.complete
        assert answer.get(b"Content-Length") is None


# Nothing secret is written down.


async def test_no_log_line_holds_what_passed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def run(rig: Rig) -> None:
        headers = b"Authorization: Bearer sk-planted-key\r\n"
        await (await rig.post(ASK.replace(b"hello", b"planted-prompt"), headers=headers)).message()
        rig.guard.base_url = "http://127.0.0.1:1"
        await (await rig.post(headers=headers)).message()

    async with proxied(stream) as rig:
        await run(rig)
    for secret in ("sk-planted-key", "planted-prompt", TOKEN):
        assert secret not in caplog.text
