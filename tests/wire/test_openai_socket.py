from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.support import body
from tokenguard.records import Usage
from tokenguard.wire import openai_socket
from tokenguard.wire.openai_socket import SocketMeter, Turn
from tokenguard.wire.sse import MAX_EVENT


def create(**fields: Any) -> bytes:
    return body({"type": "response.create", "model": "gpt-5", "input": [], **fields})


def event(kind: str, response_id: str | None = None, **fields: Any) -> bytes:
    message: dict[str, Any] = {"type": f"response.{kind}", **fields}
    if response_id is not None:
        message["response"] = {"id": response_id, "model": "gpt-5-2025", "usage": None} | fields.pop("response", {})
    return body(message)


def completed(response_id: str, output: int, **fields: Any) -> bytes:
    return event("completed", response_id, response={"usage": {"input_tokens": 100, "output_tokens": output}}, **fields)


def asked(meter: SocketMeter, **fields: Any) -> Turn:
    turn = openai_socket.asked(create(**fields))
    assert turn is not None
    meter.begin(turn)
    return turn


def test_a_turn_is_from_its_create_to_its_last_event() -> None:
    meter = SocketMeter()
    turn = asked(meter, max_output_tokens=50)
    assert (turn.facts.model, turn.facts.max_output, turn.facts.stream) == ("gpt-5", 50, True)
    assert (turn.generates, turn.status) == (True, None)
    assert meter.received(event("created", "resp_1")) is turn
    assert meter.received(body({"type": "response.output_text.delta", "delta": "hello"})) is turn
    assert (turn.response_id, turn.status, turn.ended, meter.open_turns) == ("resp_1", 200, False, (turn,))
    assert turn.reading().output_bytes == 5
    assert meter.received(completed("resp_1", 9)) is turn
    reading = turn.reading()
    assert (turn.ended, meter.open_turns, reading.state, reading.usage) == (True, (), "final", Usage(100, output=9))
    assert meter.received(completed("resp_1", 9)) is None


def test_a_later_turn_names_what_it_continues() -> None:
    turn = asked(SocketMeter(), previous_response_id="resp_1")
    assert (turn.facts.prompt.continues, turn.facts.uncapped) == ("resp_1", ("previous_response_id",))


def test_streams_run_side_by_side_and_turns_of_one_in_order() -> None:
    meter = SocketMeter()
    first, second, other = asked(meter, stream_id="a"), asked(meter, stream_id="a"), asked(meter, stream_id="b")
    assert meter.received(event("created", "resp_1", stream_id="a")) is first
    assert meter.received(event("created", "resp_2", stream_id="b")) is other
    assert meter.received(body({"type": "response.output_text.delta", "delta": "x", "stream_id": "b"})) is other
    assert meter.received(completed("resp_1", 1, stream_id="a")) is first
    assert meter.received(event("created", "resp_3", stream_id="a")) is second
    assert meter.received(completed("resp_2", 2, stream_id="b")) is other
    assert meter.received(completed("resp_3", 3, stream_id="a")) is second
    assert [turn.reading().usage.output for turn in (first, second, other)] == [1, 3, 2]


def test_two_responses_of_one_stream_are_told_apart_by_their_id() -> None:
    meter = SocketMeter()
    first, second = asked(meter), asked(meter)
    meter.received(event("created", "resp_1"))
    meter.received(event("created", "resp_2"))
    assert meter.received(completed("resp_2", 2)) is second
    assert meter.received(completed("resp_1", 1)) is first


@pytest.mark.parametrize("stream_id", ["", "a"])
@pytest.mark.parametrize(("said", "status"), [({"status": 404}, 404), ({"status_code": 529}, 529), ({}, 400)])
def test_an_error_ends_a_turn(stream_id: str, said: dict[str, int], status: int) -> None:
    meter = SocketMeter()
    turn = asked(meter, stream_id=stream_id)
    error = {"type": "error", "error": {"type": "invalid_request_error", "code": "not_found"}, **said}
    assert meter.received(body(error)) is turn
    assert (turn.ended, turn.reading().state, turn.reading().error) == (True, "none", "not_found")
    assert turn.status == status


def test_an_error_after_the_first_event_is_one_within_the_answer() -> None:
    meter = SocketMeter()
    turn = asked(meter)
    meter.received(event("created", "resp_1"))
    meter.received(body({"type": "error", "status": 500}))
    assert (turn.ended, turn.status) == (True, 200)


def test_an_event_beyond_all_reason_is_not_read() -> None:
    meter = SocketMeter()
    asked(meter)
    assert meter.received(event("created", "resp_1", padding="x" * MAX_EVENT)) is None


def test_an_error_that_could_end_any_of_several_turns_ends_none() -> None:
    meter = SocketMeter()
    turns = {asked(meter, stream_id="a"), asked(meter, stream_id="b")}
    assert meter.received(body({"type": "error"})) is None
    assert set(meter.open_turns) == turns


def test_a_response_that_nobody_asked_for_is_a_turn_too() -> None:
    meter = SocketMeter()
    asked(meter)
    meter.received(event("created", "resp_1"))
    meter.received(completed("resp_1", 9))
    turn = meter.received(event("created", "resp_2"))
    assert turn is not None
    assert (turn.facts.model, meter.open_turns) == ("gpt-5", (turn,))
    assert meter.received(completed("resp_2", 4)) is turn


def test_a_warm_up_is_charged_as_it_is_reported() -> None:
    meter = SocketMeter()
    turn = asked(meter, generate=False)
    assert (turn.generates, turn.facts.max_output) == (False, 0)
    meter.received(event("created", "resp_1"))
    assert turn.reading().state == "none"
    meter.received(completed("resp_1", 0))
    reading = turn.reading()
    assert (reading.state, reading.usage, reading.marks) == ("final", Usage(100), ("warm-up",))


@pytest.mark.parametrize("usage", [None, {"input_tokens": 0, "output_tokens": 0}])
def test_a_warm_up_that_reports_nothing_costs_nothing(usage: object) -> None:
    meter = SocketMeter()
    turn = asked(meter, generate=False)
    meter.received(event("created", "resp_1"))
    meter.received(event("completed", "resp_1", response={"usage": usage}))
    reading = turn.reading()
    assert (reading.state, reading.legs, reading.marks) == ("final", (), ())


def test_a_warm_up_that_fails_is_no_bill() -> None:
    meter = SocketMeter()
    turn = asked(meter, generate=False)
    meter.received(body({"type": "error", "error": {"code": "not_found"}}))
    assert (turn.reading().state, turn.reading().error) == ("none", "not_found")


@pytest.mark.parametrize(
    ("method", "path", "claimed"),
    [
        ("GET", "/v1/responses", True),
        ("GET", "/responses/", True),
        ("POST", "/v1/responses", False),
        ("GET", "/v1/responses/resp_1", False),
        ("GET", "/v1/realtime", False),
    ],
)
def test_which_sockets_are_of_responses(method: str, path: str, claimed: bool) -> None:
    assert openai_socket.claims(method, path) is claimed


@given(
    st.lists(
        st.binary(max_size=30)
        | st.sampled_from(
            [
                *(create(), create(stream_id="a"), create(stream_id=None, model=5), event("created", "resp_1")),
                *(completed("resp_1", 1), completed("resp_2", 1, stream_id="a"), body({"type": "error"})),
                *(body({"type": "response.created"}), body({"type": "response.output_text.delta", "delta": 5})),
            ]
        ),
        max_size=12,
    )
)
def test_nothing_breaks_it(messages: list[bytes]) -> None:
    meter = SocketMeter()
    for message in messages:
        if wanted := openai_socket.asked(message):
            meter.begin(wanted)
        for turn in (wanted, meter.received(message)):
            assert turn is None or turn.reading().state in ("none", "final")


@pytest.mark.parametrize("stream_id", ["", "a"])
def test_a_refusal_is_the_last_event_of_a_turn(stream_id: str) -> None:
    text = 'tokenguard stopped "this"\n'
    message = openai_socket.refuse(text, stream_id)
    assert json.loads(message)["response"]["error"] == {"code": "invalid_prompt", "message": text}
    meter = SocketMeter()
    turn = asked(meter, stream_id=stream_id)
    assert meter.received(message) is turn
    assert (turn.ended, turn.reading().state, turn.reading().error) == (True, "none", "invalid_prompt")


def called(*names: str) -> list[bytes]:
    """The events of tools that a response calls."""
    return [
        event("output_item.done", item={"type": "function_call", "id": f"fc_{name}", "name": name, "arguments": "{}"})
        for name in names
    ]


def results(*more: object) -> list[object]:
    return [{"type": "function_call_output", "call_id": "c", "output": "x"}, *more]


def goes_on(meter: SocketMeter, number: int, *names: str, input: object = None) -> Turn:
    """The turn that continues the one before; its response calls these tools."""
    sent = results() if input is None else input
    turn = openai_socket.asked(create(previous_response_id=f"resp_{number - 1}", input=sent))
    assert turn is not None
    meter.recall(turn)
    meter.begin(turn)
    for message in (event("created", f"resp_{number}"), *called(*names), completed(f"resp_{number}", 5)):
        meter.received(message)
    return turn


def test_what_a_socket_repeats_is_known_though_it_is_never_sent_again() -> None:
    meter = SocketMeter()
    assert goes_on(meter, 1, "ls").facts.trail.repeats == 0
    for number in range(2, 6):
        trail = goes_on(meter, number, "ls").facts.trail
        assert (trail.tool, trail.repeats) == ("ls", number - 1)
    assert goes_on(meter, 6, "cat").facts.trail.repeats == 5
    assert (goes_on(meter, 7).facts.trail.tool, goes_on(meter, 7).facts.trail.repeats) == ("cat", 1)
    assert [step.tool for step in goes_on(meter, 7).facts.trail.steps] == ["cat"]
    assert goes_on(meter, 8).facts.trail.repeats == 0


def test_calls_of_a_turn_may_come_in_any_order() -> None:
    meter = SocketMeter()
    for number, names in enumerate((("a", "b"), ("b", "a"), ("a", "b")), 1):
        goes_on(meter, number, *names)
    assert goes_on(meter, 4).facts.trail.repeats == 3


def test_a_fresh_prompt_ends_what_a_socket_repeats() -> None:
    meter = SocketMeter()
    for number in range(1, 4):
        goes_on(meter, number, "ls")
    prompt = {"type": "message", "role": "user", "content": "and now?"}
    assert goes_on(meter, 4, "ls", input=results(prompt)).facts.trail.repeats == 0
    assert goes_on(meter, 5, "ls").facts.trail.repeats == 1


def test_conversations_of_a_socket_are_told_apart() -> None:
    meter = SocketMeter()
    for number in (10, 20, 30):
        goes_on(meter, number, "ls")
    for number in (11, 21, 31):
        assert goes_on(meter, number, "ls").facts.trail.repeats == 1


def test_what_a_socket_remembers_is_bounded() -> None:
    meter = SocketMeter()
    for number in range(1_000):
        goes_on(meter, number, "ls")
    assert len(vars(meter)["_called"]) == vars(openai_socket)["_REMEMBERED"]


@pytest.mark.parametrize(
    ("message", "stream"), [(b'{"stream_id":"a"}', "a"), (b"{}", ""), (b"no json", ""), (b'{"stream_id":7}', "")]
)
def test_every_message_belongs_to_a_stream(message: bytes, stream: str) -> None:
    assert openai_socket.stream_of(message) == stream
