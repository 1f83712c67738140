"""Amp's threads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents_logs.support import Odd, document_of, file, line, merged
from tokenguard.agents.logs import amp
from tokenguard.agents.logs.shape import Sighting
from tokenguard.records import Usage

TIME = "2026-03-01T10:00:05.250Z"
TREE = {"displayName": "web", "uri": "file:///home/ada/my%20web", "repository": {"ref": "refs/heads/feat/x"}}


def said(number: int | None = 3, **counts: object) -> dict[str, Any]:
    usage = {
        "model": "claude-opus-5-5",
        "inputTokens": 10,
        "outputTokens": 178,
        "cacheCreationInputTokens": 986,
        "cacheReadInputTokens": 11372,
        "totalInputTokens": 12368,
        "timestamp": TIME,
        "credits": 0.7,
    }
    return {"role": "assistant", "messageId": number, "content": [], "usage": {**usage, **counts}}


def happened(number: int | None = 3, name: str = "ev-1", **tokens: int) -> dict[str, Any]:
    counts = tokens or {"input": 10, "output": 178}
    event = {"id": name, "timestamp": TIME, "model": "claude-opus-5-5", "credits": 0.7, "tokens": counts}
    return {**event, "operationType": "inference", "toMessageId": number}


def thread(*messages: object, events: list[Any] | None = None, **more: object) -> dict[str, Any]:
    asked = {"role": "user", "messageId": 2, "meta": {"sentAt": 1_772_359_200_000}}
    found = {"v": 1, "id": "T-1", "created": 1_772_359_100_000, "messages": [asked, *messages], **more}
    return found if events is None else {**found, "usageLedger": {"events": events}}


def read(value: object, odd: Odd | None = None) -> list[Any]:
    at = file("/home/ada/.local/share/amp/threads/T-1.json")
    return list(document_of(amp).read(at, line(value), odd or Odd()))


EXPECTED = Usage(input=10, cache_read=11372, cache_write_5m=986, output=178)


def test_a_message_has_its_tokens_thread_folder_and_branch() -> None:
    assert read(thread(said(), env={"initial": {"trees": [TREE]}})) == [
        Sighting(
            key="T-1/3",
            agent="amp",
            session="T-1",
            at_us=1_772_359_205_250_000,
            provider="anthropic",
            model="claude-opus-5-5",
            usage=EXPECTED,
            folder="/home/ada/my web",
            branch="feat/x",
        )
    ]


def test_the_ledger_and_the_messages_tell_of_the_same_responses() -> None:
    assert read(thread(said(), events=[happened()])) == read(thread(said()))
    assert read(thread(said(), said(5), events=[happened()])) == read(thread(said()))
    assert read(thread(said(), events=[])) == read(thread(said()))


def test_an_event_tells_its_cache_or_its_message_does() -> None:
    own = happened(input=10, output=178, cacheReadInputTokens=5, cacheCreationInputTokens=0)
    assert [one.usage for one in read(thread(said(), events=[own]))] == [Usage(input=10, cache_read=5, output=178)]
    assert [one.usage for one in read(thread(events=[happened()]))] == [Usage(input=10, output=178)]


def test_several_events_of_a_message_are_several_responses() -> None:
    events = [happened(), happened(name="ev-2", input=1, output=2), happened(None, "ev-3"), {**happened(9), "id": None}]
    found = merged(read(thread(said(), events=events)))
    assert list(found) == ["T-1/3", "T-1/event-ev-2", "T-1/event-ev-3", "T-1/event-3"]
    assert found["T-1/event-ev-2"] == Usage(input=1, output=2)


def test_the_cache_can_be_inside_the_input() -> None:
    (found,) = read(thread(said(inputTokens=12368)))
    assert found.usage == EXPECTED


NONE = {"inputTokens": 0, "outputTokens": 0, "cacheReadInputTokens": 0, "cacheCreationInputTokens": 0}


@pytest.mark.parametrize("value", [thread(said(**NONE, totalTokens=9)), thread(events=[happened(total=9)])])
def test_what_is_known_only_as_a_total_could_be_output(value: object) -> None:
    assert [one.usage for one in read(value)] == [Usage(output=9)]


def test_without_a_time_of_its_own_it_was_when_it_was_asked_for() -> None:
    (found,) = read(thread(said(timestamp=None)))
    assert found.at_us == 1_772_359_200_000_000
    (first,) = read({**thread(), "messages": [said(timestamp=None)]})
    assert first.at_us == 1_772_359_100_000_000


def test_messages_of_others_and_answers_without_tokens_are_none() -> None:
    nothing = said(**NONE)
    odd = Odd()
    assert read(thread(nothing, {"role": "assistant"}), odd) == []
    assert odd.seen == []
    assert read(thread({**said(), "role": "critic"}), odd) == []
    assert odd.seen == [("unknown-type", "critic")]
    assert read({"id": "T-1"}) == read({}) == []


def test_odd_documents_are_noted_and_nothing_more() -> None:
    odd = Odd()
    assert [one.usage.input for one in read({**thread(said(None, inputTokens=-1), said()), "id": 7}, odd)] == [0, 10]
    assert read(thread(said(timestamp="soon")), odd)[0].at_us == 0
    assert list(document_of(amp).read(file("/t/T-2.json"), b'{"id": "T-', odd)) == []
    assert odd.seen == [("doubtful", "malformed"), ("dropped", "not-json")]
