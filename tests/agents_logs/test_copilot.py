"""GitHub Copilot CLI's sessions."""

from __future__ import annotations

from typing import Any

from tests.agents_logs.support import Odd, file, follow, line, lines_of
from tokenguard.agents.logs import copilot
from tokenguard.agents.logs.shape import Sighting, Snapshot
from tokenguard.records import Usage

AT = "/home/ada/.copilot/session-state/cf86/events.jsonl"
TIME = "2026-03-01T10:00:05.250Z"


def event(kind: str, at: str = TIME, **data: object) -> dict[str, Any]:
    return {"type": kind, "data": data, "id": "e-1", "timestamp": at, "parentId": None}


def start(version: str = "1.0.102", session: str = "cf86") -> dict[str, Any]:
    context = {"cwd": "/home/ada/web", "branch": "main"}
    return event("session.start", sessionId=session, version=1, copilotVersion=version, context=context)


def record(at: str = TIME, **more: object) -> dict[str, Any]:
    usage = {
        "model": "claude-opus-5-5",
        "inputTokens": 12374,
        "outputTokens": 160,
        "cacheReadTokens": 7924,
        "cacheWriteTokens": 4446,
        "reasoningTokens": 45,
        "isByok": True,
        "modelProvider": "anthropic",
        "apiCallId": "msg_01",
        "providerCallId": "req_01",
        "accounting": {"sourceSessionId": "cf86", "sequence": 1},
        **more,
    }
    return event("session.usage_record", at, usage=usage)


def end(sent: int, answered: int, at: str = TIME, **sums: object) -> dict[str, Any]:
    usage = {"inputTokens": sent, "outputTokens": answered, "cacheReadTokens": 100, "cacheWriteTokens": 0}
    metrics = {"gpt-6": {"requests": {"count": 1}, "usage": usage, **sums}, "none": None}
    return event("session.shutdown", at, shutdownType="routine", modelMetrics=metrics)


def read(*events: object, odd: Odd | None = None, beside: dict[str, bytes] | None = None) -> list[Any]:
    return follow(lines_of(copilot), file(AT, beside), [line(one) for one in events], odd)


def test_a_response_has_its_tokens_ids_and_session() -> None:
    (found,) = read(start(), record(), end(12374, 160))
    assert found == Sighting(
        key="cf86/177235920/claude-opus-5-5/12374/160",
        agent="copilot",
        session="cf86",
        at_us=1_772_359_205_250_000,
        provider="anthropic",
        model="claude-opus-5-5",
        usage=Usage(input=4, cache_read=7924, cache_write_5m=4446, output=160, reasoning=45),
        response_id="msg_01",
        folder="/home/ada/web",
        branch="main",
    )


def test_units_of_a_plan_are_cents() -> None:
    (found,) = read(start(), record(isByok=False, totalNanoAiu=1_250_000_000))
    assert (found.provider, found.stated_nanos) == ("copilot", 12_500_000)
    assert read(start(), record(copilotUsage={"totalNanoAiu": 10**9}))[0].stated_nanos == 10**7
    assert read(start(), record(totalNanoAiu=0))[0].stated_nanos is None


def test_a_forks_records_are_those_of_its_origin() -> None:
    first = read(start(), record())
    second = read(start(session="d1"), record(), record("2026-03-01T11:00:00Z", accounting={"sourceSessionId": "d1"}))
    assert [one.copied for one in second] == [True, False]
    assert second[0].key == first[0].key != second[1].key
    assert second[1].session == "d1"


def test_two_responses_that_say_the_same_are_two() -> None:
    found = read(start(), record(), record(apiCallId="msg_02"), record(outputTokens=7), record())
    assert len({one.key for one in found}) == 3


def test_sub_agents_are_told() -> None:
    found = read(start(), record(agentId="a-1"), record(parentToolCallId="call_1"), {**record(), "agentId": "a-2"})
    assert [(one.subagent, one.sidechain) for one in found] == [("a-1", True), ("call_1", True), ("a-2", True)]


def test_sums_are_snapshots_where_there_is_nothing_else() -> None:
    for begin in (start(), event("session.resume")):
        found = read(begin, end(1000, 50), event("session.resume"), end(3000, 80, totalNanoAiu=10**9))
        assert all(isinstance(one, Snapshot) for one in found)
        assert [one.total.usage for one in found] == [
            Usage(input=900, cache_read=100, output=50),
            Usage(input=2900, cache_read=100, output=80),
        ]
        assert {one.total.key for one in found} == {"cf86/gpt-6"}
        assert [(one.total.provider, one.total.stated_nanos) for one in found] == [("openai", None), ("copilot", 10**7)]
    (first, _) = read(start(), end(1000, 50), end(1000, 50))
    assert (first.total.folder, first.total.branch) == ("/home/ada/web", "main")


def test_sums_of_an_older_version_begin_anew_when_a_session_is_resumed() -> None:
    resumed = event("session.resume", copilotVersion="1.0.67")
    found = read(
        start("1.0.42"), end(1000, 50), end(1500, 60), resumed, end(3000, 80), event("session.resume"), end(9, 9)
    )
    assert [one.total.key for one in found] == ["cf86/gpt-6", "cf86/gpt-6", "cf86/gpt-6/1", "cf86/gpt-6/2"]


def test_sums_do_not_count_where_responses_do() -> None:
    assert [type(one) for one in read(start("1.0.42"), record(), end(1000, 50))] == [Sighting]
    for name in ("session-store.db", "session-store.db-wal"):
        assert read(start("1.0.42"), end(1000, 50), beside={f"../../{name}": b"..cf86.."}) == []
        assert read(start("1.0.70"), end(1000, 50), beside={f"../../{name}": b"too long"}) == []
        for older in (start("1.0.42"), event("session.start")):
            (found,) = read(older, end(1000, 50), beside={f"../../{name}": b"others"})
            assert isinstance(found, Snapshot)


def test_a_file_without_its_first_line_is_a_session_of_its_folder() -> None:
    (found,) = read(end(1000, 50))
    assert found.total.session == "cf86"
    (older,) = follow(lines_of(copilot), file("/c/session-state/ab12.jsonl"), [line(end(1000, 50))])
    assert older.total.session == "ab12"


def test_odd_lines_are_noted_and_nothing_more() -> None:
    odd = Odd()
    found = read(start(), record("soon"), record(inputTokens=-1), record(outputTokens=0, inputTokens=5), odd=odd)
    assert [one.usage.input for one in found] == [4, 0, 0]
    assert follow(lines_of(copilot), file(AT), [b'{"modelMetrics"'], odd) == []
    assert odd.seen == [
        ("doubtful", "malformed"),
        ("doubtful", "more-cached-than-sent"),
        ("doubtful", "more-cached-than-sent"),
        ("dropped", "not-json"),
    ]


def test_other_lines_are_none() -> None:
    nothing = record(inputTokens=0, outputTokens=0, cacheReadTokens=0, cacheWriteTokens=0)
    assert read(start(), nothing, event("assistant.message", outputTokens=5), event("session.shutdown")) == []


def test_what_has_sums_and_is_not_known_is_noted() -> None:
    odd = Odd()
    assert read({**end(1000, 50), "type": "session.checkpoint"}, odd=odd) == []
    assert odd.seen == [("unknown-type", "session.checkpoint")]


def test_sessions_are_looked_for_where_the_variable_says() -> None:
    assert str(lines_of(copilot).root) == "/home/ada/.copilot"
    assert str(lines_of(copilot, COPILOT_HOME="/srv/c").root) == "/srv/c"
