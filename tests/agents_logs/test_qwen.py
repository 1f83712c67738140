"""Qwen Code's sessions."""

from __future__ import annotations

from typing import Any

from tests.agents_logs.support import Odd, file, follow, line, lines_of, merged, places
from tokenguard.agents.logs import qwen
from tokenguard.agents.logs.shape import Lines, Sighting
from tokenguard.records import Usage

AT = "/home/ada/.qwen/projects/-home-ada-web/chats/c537.jsonl"
UUID = "c464f3ac-915a-4d1b-aa59-eafd0dbc70e9"


def base(kind: str, uuid: str = "u-1", **more: object) -> dict[str, Any]:
    said = {"uuid": uuid, "sessionId": "c537", "timestamp": "2026-03-01T10:00:05.250Z", "type": kind}
    return {**said, "cwd": "/home/ada/web", "version": "0.24.4", "gitBranch": "main", **more}


def answer(uuid: str = "u-1", prompt: int = 1000, output: int = 50, **more: object) -> dict[str, Any]:
    counts = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "totalTokenCount": prompt + output,
        "cachedContentTokenCount": 800,
        "thoughtsTokenCount": 30,
    }
    said = {"role": "model", "parts": [{"text": "…"}]}
    return base("assistant", uuid, model="qwen3-coder-plus", message=said, usageMetadata=counts, **more)


def told(name: str = "chatcmpl-91f", prompt: int = 1000, output: int = 50, uuid: str = "t-1", **more: Any) -> Any:
    event = {
        "event.name": "qwen-code.api_response",
        "event.timestamp": "2026-03-01T10:00:05.200Z",
        "response_id": name,
        "model": "qwen3-coder-plus",
        "input_token_count": prompt,
        "output_token_count": output,
        "cached_content_token_count": 800,
        "thoughts_token_count": 30,
        "total_token_count": prompt + output,
        "prompt_id": "c537########0",
        "auth_type": "openai",
        **more,
    }
    return base("system", uuid, subtype="ui_telemetry", systemPayload={"uiEvent": event})


def read(*lines: object, odd: Odd | None = None) -> list[Any]:
    return follow(lines_of(qwen), file(AT), [line(one) for one in lines], odd)


def test_an_answer_has_its_tokens_session_folder_and_branch() -> None:
    (found,) = read(base("user"), answer())
    assert found == Sighting(
        key="c537/u-1",
        agent="qwen",
        session="c537",
        at_us=1_772_359_205_250_000,
        provider="qwen",
        model="qwen3-coder-plus",
        usage=Usage(input=200, cache_read=800, output=50, reasoning=30),
        folder="/home/ada/web",
        branch="main",
    )


def test_telemetry_and_the_answer_are_one_response_with_the_providers_id() -> None:
    found = read(told(), answer())
    assert [(one.key, one.response_id) for one in found] == [("chatcmpl-91f", "chatcmpl-91f")]
    assert found[0].at_us == 1_772_359_205_200_000


def test_in_the_other_order_they_are_one_response_too() -> None:
    found = read(answer(), told())
    assert list(merged(found)) == ["c537/u-1"]
    assert found[-1].response_id == "chatcmpl-91f"


def test_another_model_may_have_answered_than_the_settings_name() -> None:
    (one,) = read(told(model="qwen-flash"), {**answer(), "model": "qwen-max"})
    assert (one.key, one.model) == ("chatcmpl-91f", "qwen-flash")


def test_the_same_counts_twice_are_two_responses() -> None:
    found = read(told("r-1"), answer("u-1"), told("r-2"), answer("u-2"))
    assert list(merged(found)) == ["r-1", "r-2"]
    assert list(merged(read(answer("u-1"), answer("u-2")))) == ["c537/u-1", "c537/u-2"]


def test_hidden_calls_and_sub_agents_have_telemetry_alone() -> None:
    below: dict[str, Any] = {"subagent_id": "explore-1", "subagent_type": "explore", "subagent_name": "explore"}
    found = read(told("r-1"), told("r-2", 900, 9), told("r-3", **below), answer())
    assert list(merged(found)) == ["r-1", "r-2", "r-3"]
    assert [(one.subagent, one.subagent_type, one.sidechain) for one in found] == [
        (None, None, False),
        (None, None, False),
        ("explore-1", "explore", True),
    ]


def test_an_answer_without_telemetry_among_others_counts() -> None:
    found = read(told("r-1"), answer("u-1"), answer("u-2", 1200, 7))
    assert list(merged(found)) == ["r-1", "c537/u-2"]


def test_a_forked_session_repeats_the_same_responses() -> None:
    origin = {"forkedFrom": {"sessionId": "c537", "messageUuid": "u-1"}}
    copies = [{**answer(UUID), **origin, "sessionId": "d1"}, {**answer("u-1"), **origin, "sessionId": "d1"}]
    again = {**answer(UUID), "forkedFrom": {"sessionId": "d1", "messageUuid": UUID}, "sessionId": "e2"}
    found = read(answer(UUID), answer("u-1"), *copies, again)
    assert list(merged(found)) == [UUID, "c537/u-1"]
    assert [one.copied for one in found] == [False, False, True, True, True]
    assert list(merged(read(told(), {**told(), **origin, "sessionId": "d1"}))) == ["chatcmpl-91f"]


def test_a_name_counts_in_its_session_only() -> None:
    assert len(merged(read(answer(), {**answer(), "sessionId": "d1"}))) == 2


def test_thoughts_outside_the_candidates_are_told_by_the_total() -> None:
    gemini = answer()
    gemini["usageMetadata"]["totalTokenCount"] = 1080
    (found,) = read(gemini)
    assert (found.usage.output, found.usage.reasoning) == (80, 30)


def test_other_lines_are_none() -> None:
    failed = told()
    failed["systemPayload"]["uiEvent"]["event.name"] = "qwen-code.api_error"
    odd = Odd()
    assert read(failed, told(prompt=0, output=0, cached_content_token_count=0, thoughts_token_count=0), odd=odd) == []
    assert read(base("user", message="usageMetadata"), base("assistant", usageMetadata=None), odd=odd) == []
    assert odd.seen == []
    assert read({**answer(), "type": "critic"}, odd=odd) == []
    assert odd.seen == [("unknown-type", "critic")]


def test_odd_lines_are_noted_and_nothing_more() -> None:
    odd = Odd()
    negative = answer(prompt=-1)
    nameless = {**answer(), "uuid": None, "timestamp": "?"}
    assert len(read(negative, nameless, odd=odd)) == 1
    assert follow(lines_of(qwen), file(AT), [b'{"usageMetadata":', b"api_response"], odd) == []
    assert odd.seen == [
        ("doubtful", "malformed"),
        ("dropped", "no-id"),
        ("dropped", "not-json"),
        ("dropped", "not-json"),
    ]


def test_sessions_are_looked_for_where_the_variables_say() -> None:
    def roots(**env: str) -> list[str]:
        return [str(source.root) for source in qwen.sources(places(**env)) if isinstance(source, Lines)]

    assert roots() == ["/home/ada/.qwen"]
    assert roots(QWEN_HOME="/srv/q") == ["/srv/q"]
    assert roots(QWEN_RUNTIME_DIR="/srv/r") == ["/home/ada/.qwen", "/srv/r"]
