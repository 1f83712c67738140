"""What runs over a socket is asked for, settled and refused turn by turn."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import WSMsgType

from tests.proxy import rig as rig_module
from tests.proxy.rig import SESSION, FakeGuard
from tests.proxy.socket_rig import Pair, create, event, heard, lose, receive, say, socketed
from tokenguard.proxy import messages, turns
from tokenguard.proxy.routing import Route
from tokenguard.records import Usage
from tokenguard.wire import openai_socket
from tokenguard.wire.openai_socket import SocketMeter, Turn
from tokenguard.wire.shape import Refusal

NO = Refusal(400, "text/plain", b"tokenguard stopped this request")


async def ask(pair: Pair, **fields: Any) -> None:
    """A turn that the upstream has heard of."""
    message = create(**fields)
    await say(pair.client, message)
    assert await heard(pair.upstream) == message


async def tell(pair: Pair, *messages: bytes) -> None:
    """What the upstream says, and the client hears."""
    for message in messages:
        await say(pair.upstream, message)
        assert await heard(pair.client) == message


async def refused(pair: Pair, **fields: Any) -> dict[str, Any]:
    """The answer to a turn that is refused."""
    await say(pair.client, create(**fields))
    answer: dict[str, Any] = json.loads(await heard(pair.client))
    assert answer["type"] == "response.failed"
    return answer


async def test_a_turn_is_a_call() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair, max_output_tokens=50, service_tier="flex")
        ((call, facts, headers),) = rig.guard.begun
        assert (call.session, call.provider, call.dialect) == (SESSION.id, "openai", "openai-responses")
        assert (facts.model, facts.max_output, facts.tier, facts.stream) == ("gpt-5.5", 50, "flex", True)
        assert headers["Authorization"] == "Bearer sk-planted-secret"
        await tell(pair, event("created", "resp_1"), event("completed", "resp_1", usage=(100, 5)))
        settled = await rig.guard.next_settled()
        assert (settled.call, settled.status, settled.outcome) == (call, 200, "ok")
        assert (settled.reading.usage, settled.reading.response_id) == (Usage(100, output=5), "resp_1")


async def test_the_reservation_stands_before_the_upstream_hears_of_it() -> None:
    async with socketed() as rig:
        rig.guard.holding = True
        pair = await rig.connect()
        await say(pair.client, create())
        async with asyncio.timeout(20):
            await rig.guard.held.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pair.upstream.receive()


async def test_a_conversation_is_a_call_a_turn() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        for number in range(3):
            await ask(pair, previous_response_id=f"resp_{number - 1}" if number else None)
            await tell(pair, event("created", f"resp_{number}"))
            await tell(pair, event("output_text.delta", delta="word"))
            await tell(pair, event("completed", f"resp_{number}", usage=(100, number + 1)))
            settled = await rig.guard.next_settled()
            assert (settled.call.id, settled.reading.usage.output) == (number + 1, number + 1)
        assert [call.id for call in rig.guard.admitted] == [1, 2, 3]


async def test_streams_side_by_side_are_told_apart() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair, stream_id="a", model="gpt-5.5")
        await ask(pair, stream_id="b", model="gpt-5.4-mini")
        await tell(pair, event("created", "resp_b", stream_id="b"), event("created", "resp_a", stream_id="a"))
        await tell(pair, event("completed", "resp_b", stream_id="b", usage=(20, 2)))
        assert (await rig.guard.next_settled()).call.model == "gpt-5.4-mini"
        await tell(pair, event("completed", "resp_a", stream_id="a", usage=(10, 1)))
        settled = await rig.guard.next_settled()
        assert (settled.call.model, settled.reading.usage) == ("gpt-5.5", Usage(10, output=1))


async def test_a_refusal_is_a_message_and_the_upstream_hears_nothing() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        rig.guard.refusal = NO
        answer = await refused(pair)
        assert answer["response"]["error"] == {"code": "invalid_prompt", "message": NO.body.decode()}
        assert "stream_id" not in answer
        rig.guard.refusal = None
        await ask(pair, input=["the next one"])
        assert len(rig.guard.admitted) == 1


async def test_a_later_turn_can_be_refused_while_another_stream_runs() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair, stream_id="a")
        await tell(pair, event("created", "resp_1", stream_id="a"))
        rig.guard.refusal = NO
        assert (await refused(pair, stream_id="b"))["stream_id"] == "b"
        assert (await refused(pair, stream_id="a"))["stream_id"] == "a"
        await tell(pair, event("completed", "resp_1", stream_id="a", usage=(10, 1)))
        assert (await rig.guard.next_settled()).reading.usage == Usage(10, output=1)


async def test_a_socket_that_outlives_its_session_takes_no_further_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        monkeypatch.setattr(rig_module, "TOKEN", "another one by now")
        answer = await refused(pair)
        assert "this session is over" in answer["response"]["error"]["message"]
        await tell(pair, event("created", "resp_1"), event("completed", "resp_1", usage=(10, 1)))
        assert (await rig.guard.next_settled()).outcome == "ok"
        assert len(rig.guard.begun) == 1


async def test_a_warm_up_asks_for_no_output() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair, generate=False)
        assert rig.guard.begun[0][1].max_output == 0
        await tell(pair, event("created", "resp_1"), event("completed", "resp_1"))
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.reading.state, settled.reading.legs) == ("ok", "final", ())


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "refused-upstream"), (429, "refused-upstream"), (529, "provider-error")]
)
async def test_an_error_in_place_of_an_answer_is_as_over_http(status: int, outcome: str) -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        await tell(pair, json.dumps({"type": "error", "status": status, "error": {"code": "no"}}).encode())
        settled = await rig.guard.next_settled()
        assert (settled.status, settled.outcome, settled.reading.error) == (status, outcome, "no")


async def test_an_error_within_an_answer_is_the_provider_s() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        await tell(pair, event("created", "resp_1"), event("output_text.delta", delta="four"))
        await tell(pair, json.dumps({"type": "error", "status": 500}).encode())
        settled = await rig.guard.next_settled()
        assert (settled.status, settled.outcome, settled.reading.output_bytes) == (200, "provider-error", 4)


@pytest.mark.parametrize("heard_of", [True, False])
@pytest.mark.parametrize("who", ["client-gone", "cut"])
@pytest.mark.parametrize("politely", [True, False])
async def test_a_socket_that_ends_settles_what_ran(who: str, politely: bool, heard_of: bool) -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        if heard_of:
            await tell(pair, event("created", "resp_1"), event("output_text.delta", delta="four"))
        leaving = pair.client if who == "client-gone" else pair.upstream
        if politely:
            await leaving.send_frame(b"\x03\xe8", WSMsgType.CLOSE)
            other = pair.upstream if who == "client-gone" else pair.client
            assert (await receive(other))[0] is WSMsgType.CLOSE
            await other.send_frame(b"\x03\xe8", WSMsgType.CLOSE)
        else:
            lose(leaving)
        settled = await rig.guard.next_settled()
        assert settled.outcome == who
        if heard_of:
            assert (settled.status, settled.reading.output_bytes, settled.reading.marks) == (200, 4, ())
        else:
            assert (settled.status, settled.reading.marks) == (None, ("sent",))
        assert rig.guard.settled.empty()


async def test_the_last_words_of_a_turn_count_after_the_client_s_closing() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        await tell(pair, event("created", "resp_1"))
        await pair.client.send_frame(b"", WSMsgType.CLOSE)
        assert (await receive(pair.upstream))[0] is WSMsgType.CLOSE
        await tell(pair, event("completed", "resp_1", usage=(10, 5)))
        settled = await rig.guard.next_settled()
        assert (settled.outcome, settled.reading.usage) == ("ok", Usage(10, output=5))


async def test_all_streams_of_a_socket_that_ends_are_settled() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        for name in ("a", "b"):
            await ask(pair, stream_id=name)
            await tell(pair, event("created", f"resp_{name}", stream_id=name))
        await tell(pair, event("completed", "resp_a", stream_id="a", usage=(10, 1)))
        lose(pair.upstream)
        assert [(await rig.guard.next_settled()).outcome for _ in range(2)] == ["ok", "cut"]


async def test_what_the_provider_begins_by_itself_counts() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        await tell(pair, event("created", "resp_1"), event("completed", "resp_1", usage=(10, 1)))
        await rig.guard.next_settled()
        await tell(pair, event("created", "resp_2"), event("completed", "resp_2", usage=(20, 2)))
        settled = await rig.guard.next_settled()
        assert rig.guard.joined == [settled.call]
        assert (settled.call.model, settled.reading.usage) == ("gpt-5.5", Usage(20, output=2))


async def test_other_messages_pass_unasked() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        for message in (b"no json", b'{"type": "response.steer"}', b"[]", b""):
            await say(pair.client, message)
            assert await heard(pair.upstream) == message
            await tell(pair, message)
        await pair.client.send_frame(create(), WSMsgType.BINARY)
        assert (await receive(pair.upstream))[:2] == (WSMsgType.BINARY, create())
        assert len(rig.guard.begun) == 1


async def test_a_large_request_is_read_in_a_thread_and_a_call_like_any_other() -> None:
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair, input="x" * 3_000_000)
        assert rig.guard.begun[0][1].body_bytes > 3_000_000


async def test_a_request_that_cannot_be_read_passes_and_what_comes_of_it_counts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(message: bytes) -> None:
        raise KeyError("a planted prompt")

    monkeypatch.setattr(openai_socket, "asked", broken)
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        assert rig.guard.begun == []
        await tell(pair, event("created", "resp_1"), event("completed", "resp_1", usage=(10, 1)))
        settled = await rig.guard.next_settled()
        assert (settled.call, settled.reading.usage) == (rig.guard.joined[0], Usage(10, output=1))
    assert "KeyError" in caplog.text and "planted" not in caplog.text


async def test_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_PROGRESS_EVERY", 0)
    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        await tell(pair, event("created", "resp_1"))
        await tell(pair, *(event("output_text.delta", delta="four") for _ in range(3)))
        await tell(pair, event("completed", "resp_1", usage=(10, 5)))
        await rig.guard.next_settled()
        assert [reading.output_bytes for reading in rig.guard.progressed] == [0, 4, 8, 12]


async def test_a_meter_that_fails_breaks_no_socket(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(meter: SocketMeter, message: bytes) -> None:
        raise KeyError("a planted prompt")

    async with socketed() as rig:
        pair = await rig.connect()
        await ask(pair)
        await tell(pair, event("created", "resp_1"))
        with monkeypatch.context() as patched:
            patched.setattr(SocketMeter, "received", broken)
            await tell(pair, event("output_text.delta", delta="four"))
        settled = await rig.guard.next_settled()
        assert (settled.status, settled.reading.marks) == (200, ("meter-failed",))
        # The socket goes on, and so does the meter.
        await tell(pair, event("completed", "resp_1", usage=(10, 5)))
        await ask(pair)
        await tell(pair, event("created", "resp_2"), event("completed", "resp_2", usage=(20, 5)))
        assert (await rig.guard.next_settled()).reading.usage == Usage(20, output=5)
        with monkeypatch.context() as patched:
            patched.setattr(rig.guard, "progress", broken)
            patched.setattr(turns, "_PROGRESS_EVERY", 0)
            await ask(pair)
            await tell(pair, event("created", "resp_3"), event("output_text.delta", delta="four"))
    assert "KeyError" in caplog.text and "planted" not in caplog.text


async def test_a_turn_that_the_upstream_cannot_have_heard_of_costs_nothing() -> None:
    guard = FakeGuard("http://127.0.0.1:1")
    running = turns.Turns(guard, Route(SESSION, "openai", guard.base_url, "/v1/responses", ""), {}, {})
    turn = await running.read(create())
    assert isinstance(turn, Turn)
    assert isinstance(await running.decide(turn, create()), messages.Admitted) and not running.idle
    running.unsent(turn)
    running.end("cut")
    settled = guard.settled.get_nowait()
    assert (settled.outcome, settled.status, settled.reading.marks) == ("cut", None, ())
    assert running.idle
    running.unsent(turn)
