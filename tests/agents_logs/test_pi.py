"""pi's sessions."""

from __future__ import annotations

from typing import Any

from tests.agents_logs.support import Odd, file, follow, line, lines_of, merged, places
from tokenguard.agents.logs import pi
from tokenguard.agents.logs.shape import Lines, Sighting
from tokenguard.records import Usage

AT = "/home/ada/.pi/agent/sessions/--home-ada-web--/2026-03-01T10-00-00-000Z_0195-aa.jsonl"
FORK = "/home/ada/.pi/agent/sessions/--home-ada-web--/2026-03-02T10-00-00-000Z_0195-bb.jsonl"
HEAD = {
    "type": "session",
    "version": 3,
    "id": "0195-aa",
    "timestamp": "2026-03-01T10:00:00.000Z",
    "cwd": "/home/ada/web",
}


def answer(name: str | None = "msg_01", at: int = 1_772_359_205_250, **usage: Any) -> dict[str, Any]:
    counts = {"input": 200, "output": 50, "cacheRead": 800, "cacheWrite": 100, "totalTokens": 1150, **usage}
    said = {
        "role": "assistant",
        "content": [{"type": "text", "text": "…"}],
        "provider": "anthropic",
        "model": "claude-opus-5-5",
        "usage": counts,
        "stopReason": "stop",
        "timestamp": at,
    }
    said |= {"responseId": name} if name else {}
    return {"type": "message", "id": "a1", "parentId": None, "timestamp": "2026-03-01T10:00:09.000Z", "message": said}


def read(*entries: object, at: str = AT, odd: Odd | None = None) -> list[Any]:
    return follow(lines_of(pi), file(at), [line(entry) for entry in entries], odd)


def test_a_response_has_its_tokens_cost_and_session() -> None:
    (found,) = read(HEAD, answer(cost={"input": 0.001, "total": 0.0125}))
    assert found == Sighting(
        key="msg_01",
        agent="pi",
        session="0195-aa",
        at_us=1_772_359_205_250_000,
        provider="anthropic",
        model="claude-opus-5-5",
        usage=Usage(input=200, cache_read=800, cache_write_5m=100, output=50),
        response_id="msg_01",
        folder="/home/ada/web",
        stated_nanos=12_500_000,
    )


def test_a_cost_of_zero_is_one_that_pi_does_not_know() -> None:
    (found,) = read(HEAD, answer(cost={"total": 0}))
    assert found.stated_nanos is None
    local = answer()
    local["message"]["provider"] = "ollama"
    assert read(HEAD, local)[0].stated_nanos == 0


def test_a_fork_repeats_the_same_responses() -> None:
    forked = {**HEAD, "id": "0195-bb", "timestamp": "2026-03-02T10:00:00.000Z", "parentSession": AT}
    nameless = answer(None, 1_772_359_300_000)
    later = answer("msg_02", 1_772_449_200_000)
    first = read(HEAD, answer(), nameless)
    second = read(forked, {**answer(), "id": "b7"}, {**nameless, "id": "b8"}, later, at=FORK)
    assert len(merged([*first, *second])) == 3
    assert [one.copied for one in (*first, *second)] == [False, False, True, True, False]


def test_without_an_id_of_the_provider_time_model_and_tokens_tell_responses_apart() -> None:
    found = read(HEAD, answer(None), answer(None, output=51), answer(None, 1_772_359_205_251), answer(None))
    assert len(merged(found)) == 3
    assert all(one.response_id is None for one in found)


def test_an_id_that_comes_again_is_none() -> None:
    found = read(HEAD, answer("chatcmpl-7"), answer("chatcmpl-7", 1_772_360_000_000))
    assert len(merged(found)) == 2
    assert all(one.response_id is None for one in found)


def test_the_model_that_answered_is_the_one_that_is_paid() -> None:
    routed = answer()
    routed["message"] |= {"provider": "openrouter", "model": "openrouter/auto", "responseModel": "z-ai/glm-5"}
    (found,) = read(HEAD, routed)
    assert (found.provider, found.model) == ("openrouter", "z-ai/glm-5")


def test_what_only_the_total_has_was_sent() -> None:
    (found,) = read(HEAD, answer(totalTokens=1157))
    assert found.usage.input == 207


def test_long_cache_writes_and_reasoning_are_parts() -> None:
    (found,) = read(HEAD, answer(cacheWrite1h=60, reasoning=30))
    assert found.usage == Usage(200, 800, 40, 60, 50, 30)
    (odd,) = read(HEAD, answer(cacheWrite1h=600, reasoning=300))
    assert odd.usage == Usage(200, 800, 0, 100, 50, 50)


def test_summaries_and_tools_have_usage_of_their_own() -> None:
    usage = answer()["message"]["usage"]
    summary = {"type": "compaction", "id": "c1", "timestamp": "2026-03-01T10:01:00.000Z", "usage": usage}
    summary["retainedTail"] = [answer()["message"]]
    left = {"type": "branch_summary", "id": "c2", "timestamp": "2026-03-01T10:02:00.000Z", "usage": usage}
    asked = {"role": "toolResult", "toolCallId": "t1", "usage": usage, "timestamp": 1_772_359_400_000}
    result = {"type": "message", "id": "c3", "timestamp": "2026-03-01T10:03:00.000Z", "message": asked}
    found = read(HEAD, answer(), summary, left, result, {**summary, "id": "f1"})
    assert len(merged(found)) == 4
    assert [one.request_class for one in found] == [None, "compaction", "compaction", "sub-agent", "compaction"]
    assert {(one.provider, one.model) for one in found} == {("anthropic", "claude-opus-5-5")}


def test_other_entries_and_answers_without_tokens_are_none() -> None:
    nothing = answer(input=0, output=0, cacheRead=0, cacheWrite=0, totalTokens=0)
    odd = Odd()
    assert read(HEAD, nothing, {"type": "compaction", "details": {"usage": 1}}, {"type": "label"}, odd=odd) == []
    assert odd.seen == []


def test_an_entry_can_have_its_time_in_milliseconds() -> None:
    usage = answer()["message"]["usage"]
    odd = Odd()
    (found,) = read({"type": "compaction", "id": "c1", "timestamp": 1_772_359_205_250, "usage": usage}, odd=odd)
    assert (found.at_us, odd.seen) == (1_772_359_205_250_000, [])


def test_what_has_usage_and_is_not_known_is_noted() -> None:
    odd = Odd()
    user = answer()
    user["message"]["role"] = "critic"
    assert read(HEAD, user, {**answer(), "type": "custom_message"}, odd=odd) == []
    assert odd.seen == [("unknown-type", "critic"), ("unknown-type", "custom_message")]


def test_entries_of_the_first_version_have_no_type_and_a_file_no_head() -> None:
    entry = answer()
    del entry["type"]
    del entry["message"]["timestamp"]
    (found,) = read(entry)
    assert (found.session, found.at_us, found.folder) == ("0195-aa", 1_772_359_209_000_000, None)


def test_odd_lines_are_noted_and_nothing_more() -> None:
    odd = Odd()
    timeless = answer(None, at=0)
    timeless["timestamp"] = "soon"
    assert len(read(HEAD, answer(input=-1), timeless, odd=odd)) == 2
    assert follow(lines_of(pi), file(AT), [b'{"usage"', b'\x00"usage"\x00'], odd) == []
    assert odd.seen == [("doubtful", "malformed"), *[("dropped", "not-json")] * 2]


def test_sessions_are_looked_for_where_the_variables_say() -> None:
    def roots(**env: str) -> list[str]:
        return [str(source.root) for source in pi.sources(places(**env)) if isinstance(source, Lines)]

    assert roots() == ["/home/ada/.pi/agent/sessions"]
    assert roots(PI_CODING_AGENT_DIR="~/agents/pi") == ["/home/ada/agents/pi/sessions"]
    assert roots(PI_CODING_AGENT_SESSION_DIR="/srv/s") == ["/home/ada/.pi/agent/sessions", "/srv/s"]
