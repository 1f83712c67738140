"""Turns of a socket while they are being decided: who waits for them, who does not; and what is sent on in the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import WSMsgType

from tests.proxy.rig import FakeGuard, happened
from tests.proxy.socket_rig import Pair, Socket, create, event, heard, lose, receive, say, socketed
from tokenguard.proxy import link, messages, turns
from tokenguard.proxy.routing import Route
from tokenguard.records import Call, Facts, Usage
from tokenguard.wire.openai_socket import Turn
from tokenguard.wire.shape import Refusal

NO = Refusal(400, "text/plain", b"tokenguard stopped this request")


def hold_up(guard: FakeGuard, monkeypatch: pytest.MonkeyPatch, *, model: str = "held") -> None:
    """Let calls of that model wait for a decision, and no others."""
    admit = guard.admit

    async def held(call: Call, facts: Facts) -> Any:
        guard.holding = call.model == model
        return await admit(call, facts)

    monkeypatch.setattr(guard, "admit", held)


async def hears_nothing(end: Socket) -> bool:
    try:
        async with asyncio.timeout(0.05):
            await end.receive()
    except TimeoutError:
        return True
    return False


async def held_turn(pair: Pair, guard: FakeGuard, **fields: Any) -> bytes:
    """A message that waits for a decision."""
    message = create(model="held", **fields)
    await say(pair.client, message)
    await happened(guard.held)
    return message


async def test_other_streams_go_on_while_one_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()
        held = await held_turn(pair, rig.guard, stream_id="a")
        other = create(stream_id="b")
        steer = b'{"type":"response.steer","stream_id":"b"}'
        await say(pair.client, other, steer)
        assert [await heard(pair.upstream), await heard(pair.upstream)] == [other, steer]
        for message in (event("created", "r", stream_id="b"), event("completed", "r", stream_id="b", usage=(5, 1))):
            await say(pair.upstream, message)
            assert await heard(pair.client) == message
        assert (await rig.guard.next_settled()).reading.usage == Usage(5, output=1)
        rig.guard.release.set()
        assert await heard(pair.upstream) == held


async def test_what_a_stream_says_arrives_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()
        held = await held_turn(pair, rig.guard)
        behind = [b'{"type":"response.steer"}', create(), b'{"type":"response.steer","n":2}']
        await say(pair.client, *behind)
        assert await hears_nothing(pair.upstream) and await hears_nothing(pair.client)
        rig.guard.release.set()
        assert [await heard(pair.upstream) for _ in range(4)] == [held, *behind]
        assert [call.model for call in rig.guard.admitted] == ["held", "gpt-5.5"]


async def test_a_refusal_lets_those_behind_it_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()
        await held_turn(pair, rig.guard)
        rig.guard.refusal = NO
        await say(pair.client, b'{"type":"response.steer"}')
        rig.guard.release.set()
        assert json.loads(await heard(pair.client))["type"] == "response.failed"
        assert await heard(pair.upstream) == b'{"type":"response.steer"}'


async def test_a_client_is_not_read_without_end_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "_MOST_WAITING", 2)
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()
        held = await held_turn(pair, rig.guard)
        behind = [b'{"type":"response.steer","n":%d}' % number for number in range(5)]
        await say(pair.client, *behind)
        await pair.client.ping(b"behind them all")
        assert await hears_nothing(pair.upstream)
        rig.guard.release.set()
        assert [await heard(pair.upstream) for _ in range(6)] == [held, *behind]
        assert (await receive(pair.upstream))[:2] == (WSMsgType.PING, b"behind them all")


async def test_pings_pass_a_turn_that_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()
        await held_turn(pair, rig.guard)
        await pair.client.ping(b"still here")
        assert (await receive(pair.upstream))[:2] == (WSMsgType.PING, b"still here")


@pytest.mark.parametrize("how", ["closing", "lost", "upstream closing", "upstream lost"])
async def test_whoever_leaves_ends_the_wait_at_once(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()
        await held_turn(pair, rig.guard)
        leaving, other = (pair.upstream, pair.client) if "upstream" in how else (pair.client, pair.upstream)
        if "lost" in how:
            lose(leaving)
        else:
            await leaving.send_frame(b"\x03\xe8", WSMsgType.CLOSE)
        await happened(rig.guard.left)
        assert (await receive(other))[0] is not WSMsgType.TEXT
        assert rig.guard.settled.empty() and not rig.guard.admitted


async def test_a_turn_that_is_asked_for_during_the_closing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "CLOSING_TIME", 0.1)
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()
        await pair.upstream.send_frame(b"\x03\xe8", WSMsgType.CLOSE)
        assert (await receive(pair.client))[0] is WSMsgType.CLOSE
        await held_turn(pair, rig.guard)
        await happened(rig.guard.left)


async def test_an_upstream_that_is_gone_when_a_turn_is_let_through_ends_the_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with socketed() as rig:
        hold_up(rig.guard, monkeypatch)
        pair = await rig.connect()

        async def broken(self: object, message: bytes, opcode: WSMsgType, *args: object) -> None:
            raise ConnectionResetError

        await held_turn(pair, rig.guard)
        monkeypatch.setattr("tokenguard.upstream.sockets.UpstreamSocket.send_frame", broken)
        rig.guard.release.set()
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status, settled.reading.marks) == ("cut", None, ())


# What is sent on.


async def test_a_turn_goes_on_as_it_was_admitted() -> None:
    async with socketed() as rig:
        rig.guard.model, rig.guard.max_output = "gpt-5.5-mini", 50
        pair = await rig.connect()
        message = create(max_output_tokens=900, previous_response_id="resp_0", stream_id="a")
        await say(pair.client, message)
        changed = message.replace(b'"gpt-5.5"', b'"gpt-5.5-mini"').replace(b"900", b"50")
        assert await heard(pair.upstream) == changed
        for said in (event("created", "r", stream_id="a"), event("completed", "r", stream_id="a", usage=(5, 1))):
            await say(pair.upstream, said)
            assert await heard(pair.client) == said
        settled = await rig.guard.next_settled()
        assert (settled.call.model, settled.call.requested) == ("gpt-5.5-mini", "gpt-5.5")
        assert (settled.outcome, settled.reading.usage) == ("ok", Usage(5, output=1))


async def test_a_large_turn_is_changed_off_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_OFF_LOOP", 10)
    async with socketed() as rig:
        rig.guard.model = "gpt-5.5-mini"
        pair = await rig.connect()
        await say(pair.client, create())
        assert json.loads(await heard(pair.upstream))["model"] == "gpt-5.5-mini"


@pytest.mark.parametrize("how", ["no model", "not as meant", "fails"])
async def test_a_turn_that_cannot_be_changed_is_refused(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fake(dialect: str, path: str, body: bytes, **new: object) -> tuple[str, bytes]:
        if how == "fails":
            raise KeyError("a planted prompt")
        return path, body

    if how != "no model":
        monkeypatch.setattr(messages, "rewrite", fake)
    async with socketed() as rig:
        rig.guard.model = "gpt-5.5-mini"
        pair = await rig.connect()
        message = b'{"type":"response.create","input":[]}' if how == "no model" else create()
        await say(pair.client, message)
        answer = json.loads(await heard(pair.client))
        assert answer["response"]["error"]["code"] == "invalid_prompt"
        assert "choose another model" in answer["response"]["error"]["message"]
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.status, settled.reading.usage) == ("refused-here", None, Usage())
        rig.guard.model = None
        await say(pair.client, create())
        assert await heard(pair.upstream) == create()
    assert "planted" not in caplog.text


async def test_a_turn_that_is_given_up_before_it_is_sent_costs_nothing() -> None:
    guard = FakeGuard("http://127.0.0.1:1")
    running = turns.Turns(guard, Route(None, "openai", guard.base_url, "/v1/responses", ""), {}, {})
    guard.holding = True
    turn = await running.read(create())
    assert isinstance(turn, Turn)
    deciding = asyncio.get_running_loop().create_task(running.decide(turn, create()))
    await happened(guard.held)
    assert not running.idle
    deciding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await deciding
    assert running.idle and guard.settled.empty()


# What the provider says beside its answers.


async def test_the_guard_hears_with_which_headers_a_socket_was_opened_once() -> None:
    async with socketed() as rig:
        rig.headers = [("x-codex-primary-used-percent", "12")]
        pair = await rig.connect()
        for number in range(2):
            await say(pair.client, create())
            await heard(pair.upstream)
            for said in (event("created", f"r{number}"), event("completed", f"r{number}", usage=(5, 1))):
                await say(pair.upstream, said)
                await heard(pair.client)
            await rig.guard.next_settled()
        ((call, headers),) = rig.guard.answers
        assert call.id == 1 and headers["x-codex-primary-used-percent"] == "12"


async def test_the_guard_hears_what_is_said_of_windows_within_a_turn() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await say(pair.client, create())
        await heard(pair.upstream)
        limits = {"primary": {"used_percent": 42, "window_minutes": 300, "reset_at": 9}}
        said = json.dumps({"type": "codex.rate_limits", "rate_limits": limits}).encode()
        for message in (event("created", "r"), said, event("completed", "r", usage=(5, 1))):
            await say(pair.upstream, message)
            assert await heard(pair.client) == message
        settled = await rig.guard.next_settled()
        assert [call for call, _ in rig.guard.answers] == [settled.call, settled.call]
        assert rig.guard.answers[1][1]["x-codex-primary-used-percent"] == "42.0"


async def test_a_guard_that_cannot_hear_breaks_no_socket(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: Call, headers: Mapping[str, str]) -> None:
        raise KeyError("a planted secret")

    async with socketed() as rig:
        monkeypatch.setattr(rig.guard, "answered", broken)
        pair = await rig.connect()
        await say(pair.client, create())
        await heard(pair.upstream)
        for message in (event("created", "r"), event("completed", "r", usage=(5, 1))):
            await say(pair.upstream, message)
            assert await heard(pair.client) == message
        assert (await rig.guard.next_settled()).outcome == "ok"
    assert "KeyError" in caplog.text and "planted" not in caplog.text
