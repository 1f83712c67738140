"""Kimi Code's sessions."""

from __future__ import annotations

import json
from typing import Any

from tests.agents_logs.support import Odd, file, follow, line, lines_of, merged
from tokenguard.agents.logs import kimi_code
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, Sighting
from tokenguard.records import Usage

BUCKET = "/home/ada/.kimi-code/sessions/wd_web_0a1b2c3d4e5f"
AT_MS = 1_772_359_205_250
TOKENS = {"inputOther": 100, "output": 40, "inputCacheRead": 900, "inputCacheCreation": 10}
USAGE = Usage(input=100, cache_read=900, cache_write_5m=10, output=40)
STATE = {"createdAt": "2026-03-01T09:00:00.000Z", "workDir": "/home/ada/web", "title": "…"}


def request(kind: str = "loop", model: str = "kimi-k2.7-code", alias: str = "kimi/main", provider: str = "kimi") -> Any:
    return {
        "type": "llm.request",
        "time": AT_MS - 9,
        "kind": kind,
        "provider": provider,
        "model": model,
        "modelAlias": alias,
    }


def record(at_ms: int = AT_MS, scope: str | None = "turn", alias: str = "kimi/main", **counts: int) -> Any:
    return {"type": "usage.record", "time": at_ms, "model": alias, "usage": {**TOKENS, **counts}, "usageScope": scope}


def end(name: str | None = "chatcmpl-K1", **counts: int) -> Any:
    event = {"type": "step.end", "step": 1, "usage": {**TOKENS, **counts}, "messageId": name}
    return {"type": "context.append_loop_event", "time": AT_MS, "event": event}


def read(
    *lines: object,
    session: str = "session_a",
    agent: str = "main",
    states: dict[str, Any] | None = None,
    odd: Odd | None = None,
) -> list[Any]:
    beside = {"../../state.json": STATE, **(states or {})}
    at = file(
        f"{BUCKET}/{session}/agents/{agent}/wire.jsonl",
        {name: json.dumps(one).encode() for name, one in beside.items()},
    )
    return follow(lines_of(kimi_code), at, [line(one) for one in lines], odd)


def test_a_record_is_a_response_of_the_model_that_was_asked() -> None:
    (found,) = read(request(), record())
    assert found == Sighting(
        key="session_a/main/0",
        agent="kimi-code",
        session="session_a",
        at_us=AT_MS * 1000,
        provider="kimi",
        model="kimi-k2.7-code",
        usage=USAGE,
        folder="/home/ada/web",
    )


def test_the_end_of_a_step_repeats_the_counts_and_tells_the_providers_id_in_either_order() -> None:
    first = read(request(), end("chatcmpl-K1"), record())
    second = read(request(), record(), end("chatcmpl-K1"))
    for found in (first, second):
        assert merged(found) == {"session_a/main/0": USAGE}
        assert found[-1].response_id == "chatcmpl-K1"


def test_a_step_that_broke_off_gives_its_id_to_no_other_response() -> None:
    found = read(end("chatcmpl-gone", output=7), record(), end("chatcmpl-next", output=9), record(output=9))
    assert [one.response_id for one in found] == [None, "chatcmpl-next"]


def test_equal_records_are_responses_of_their_own() -> None:
    found = read(record(), record(), record())
    assert list(merged(found)) == ["session_a/main/0", "session_a/main/1", "session_a/main/2"]


def test_making_a_conversation_shorter_is_known_by_its_request() -> None:
    found = read(request(), end(), record(), request("compaction"), record(scope=None), request(), record())
    assert [one.request_class for one in found] == [None, "compaction", None]


def test_a_sub_agents_records_are_of_its_session_and_on_its_side() -> None:
    (found,) = read(request(), record(), agent="agent_b7")
    assert (found.key, found.session, found.subagent, found.sidechain) == (
        "session_a/agent_b7/0",
        "session_a",
        "agent_b7",
        True,
    )


def test_a_name_of_the_settings_that_no_request_explained_stands_for_the_model() -> None:
    (found,) = read(record(alias="anthropic/claude-sonnet-4-5"))
    assert (found.provider, found.model) == ("anthropic", "anthropic/claude-sonnet-4-5")
    (other,) = read(request(model="gpt-5", alias="x", provider="openai_responses"), record(alias="x"))
    assert (other.provider, other.model) == ("openai", "gpt-5")


def test_what_a_fork_copied_has_the_keys_of_the_session_that_it_was_copied_from() -> None:
    late = AT_MS + 10_000_000
    original = read(request(), record(), record(late + 5))
    fork = {**STATE, "createdAt": late / 1000, "forkedFrom": "session_a"}
    states = {"../../state.json": fork, "../../../session_a/state.json": STATE}
    copied = read(
        request(), record(), {"type": "forked", "time": late}, record(late + 9), session="session_b", states=states
    )
    assert [(one.key, one.session, one.copied) for one in copied] == [
        ("session_a/main/0", "session_a", True),
        ("session_b/main/1", "session_b", False),
    ]
    assert len(merged([*original, *copied])) == 3


def test_a_fork_of_a_fork_goes_back_to_the_first_even_if_that_is_gone() -> None:
    states = {
        "../../state.json": {**STATE, "createdAt": AT_MS + 2_000, "forkedFrom": "session_b"},
        "../../../session_b/state.json": {**STATE, "createdAt": AT_MS + 1_000, "forkedFrom": "session_a"},
    }
    found = read(record(), record(AT_MS + 1_500), record(AT_MS + 2_500), session="session_c", states=states)
    assert [one.key for one in found] == ["session_a/main/0", "session_b/main/1", "session_c/main/2"]


def test_forks_in_a_circle_end() -> None:
    states = {"../../state.json": {"createdAt": AT_MS + 1, "forkedFrom": "session_a"}}
    states["../../../session_a/state.json"] = states["../../state.json"]
    (found,) = read(record(), states=states)
    assert found.key == "session_a/main/0"


def test_what_is_odd_is_counted() -> None:
    odd = Odd()
    lost = {"type": "usage.record", "model": "m"}
    found = read(
        record(inputOther=-1),
        {**record(), "time": None},
        lost,
        record(output=0, inputOther=0, inputCacheRead=0, inputCacheCreation=0),
        odd=odd,
    )
    assert [one.key for one in found] == ["session_a/main/0", "session_a/main/1"]
    assert odd.seen == [(DOUBTFUL, "malformed"), (DROPPED, "no-usage")]


def test_the_home_can_be_elsewhere() -> None:
    assert str(lines_of(kimi_code).root) == "/home/ada/.kimi-code/sessions"
    assert str(lines_of(kimi_code, KIMI_CODE_HOME="/srv/k").root) == "/srv/k/sessions"
