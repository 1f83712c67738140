"""Claude Code's transcripts, rule by rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agents_logs.support import Odd, file, line, places
from tokenguard.agents.logs import claude
from tokenguard.agents.logs.shape import Lines, Sighting
from tokenguard.importing.entries import Gathering
from tokenguard.records import Context, Usage

AT, AT_US = "2026-03-01T10:00:05.250Z", 1_772_359_205_250_000
SESSION = "/home/ada/.claude/projects/-src-web/5f0c.jsonl"
AGENT = "/home/ada/.claude/projects/-src-web/5f0c/subagents/agent-a1.jsonl"


def usage(prompt: int = 10, output: int = 5, **more: Any) -> dict[str, Any]:
    return {"input_tokens": prompt, "output_tokens": output, **more}


def answer(id: str | None = "msg_1", counts: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    message = {"id": id, "model": "claude-opus-4-5", "role": "assistant", "usage": counts or usage()}
    told = {"type": "assistant", "message": message, "uuid": "u-1", "timestamp": AT, "sessionId": "5f0c"}
    return told | {"cwd": "/src/web", "gitBranch": "main", "isSidechain": False, "requestId": "req_1"} | more


def read(
    *values: Any, path: str = SESSION, odd: Odd | None = None, beside: dict[str, bytes] | None = None
) -> list[Sighting]:
    """The sightings of lines, which are bytes as they stand or values."""
    (source,) = (
        one for one in claude.sources(places()) if isinstance(one, Lines) and str(one.root).endswith(".claude/projects")
    )
    follower = source.follow(file(path, beside), b"", odd or Odd())
    encoded = [value if isinstance(value, bytes) else line(value) for value in values]
    wanted = [one for one in encoded if any(marker in one for marker in source.markers)]
    return [found for one in wanted for found in follower.take(one, 0) if isinstance(found, Sighting)]


def merged(*values: Any) -> list[Sighting]:
    """What becomes of them together."""
    gathering = Gathering()
    for one in read(*values):
        gathering.add(one)
    return [one for one, _ in gathering.take()]


def test_a_line_says_what_it_cost_and_where() -> None:
    counts = usage(cache_read_input_tokens=900, cache_creation_input_tokens=70, service_tier="standard")
    (one,) = read(answer(counts=counts))
    assert one.usage == Usage(10, 900, 70, 0, 5)
    assert (one.key, one.response_id) == ("msg_1", "msg_1")
    assert (one.session, one.folder, one.branch, one.at_us) == ("5f0c", "/src/web", "main", AT_US)
    assert (one.provider, one.model, one.context) == ("anthropic", "claude-opus-4-5", Context("standard"))


def test_every_block_of_a_response_repeats_its_usage_which_grows() -> None:
    grown = usage(output=300, cache_read_input_tokens=40)
    (one,) = merged(
        answer(counts=usage(output=1)), answer(uuid="u-2", counts=grown), answer(uuid="u-3", counts=usage())
    )
    assert one.usage == Usage(10, 40, output=300)


def test_the_id_of_the_message_alone_tells_copies() -> None:
    copies = merged(answer(requestId=None), answer(sessionId="other", requestId="req_9", uuid="u-9"))
    assert len(copies) == 1
    assert copies[0].session == "5f0c"


def test_without_an_id_the_line_has_one() -> None:
    assert [one.key for one in read(answer(id=None), answer(id=None, uuid="u-2"))] == ["u-1", "u-2"]
    odd = Odd()
    assert read(answer(id=None, uuid=None), odd=odd) == []
    assert odd.seen == [("dropped", "no-id")]


@pytest.mark.parametrize("turned", [False, True])
def test_a_response_belongs_to_its_earliest_copy_that_is_no_side_chain(turned: bool) -> None:
    copies = [
        answer(sessionId="side", isSidechain=True, timestamp="2026-03-01T09:00:00Z"),
        answer(sessionId="forked", timestamp="2026-03-01T12:00:00Z"),
        answer(sessionId="first", timestamp="2026-03-01T11:00:00Z"),
    ]
    (one,) = merged(*(reversed(copies) if turned else copies))
    assert (one.session, one.sidechain) == ("first", False)


def test_a_line_that_says_it_was_copied_gives_way_to_the_one_that_does_not() -> None:
    fork = answer(sessionId="fork", forkedFrom={"sessionId": "5f0c", "messageUuid": "u-1"})
    assert [one.session for one in merged(fork, answer())] == ["5f0c"]


@pytest.mark.parametrize(
    ("counts", "short", "long"),
    [
        ({"cache_creation_input_tokens": 100}, 100, 0),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 70}}, 30, 70),
        (
            {
                "cache_creation_input_tokens": 100,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 100},
            },
            0,
            100,
        ),
        ({"cache_creation_input_tokens": 100, "cache_creation": {"ephemeral_1h_input_tokens": 60}}, 40, 60),
        (
            {
                "cache_creation_input_tokens": 50,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 60},
            },
            20,
            60,
        ),
    ],
)
def test_writes_to_the_cache_are_the_larger_of_both_figures(counts: dict[str, Any], short: int, long: int) -> None:
    (one,) = read(answer(counts=usage(**counts)))
    assert (one.usage.cache_write_5m, one.usage.cache_write_1h) == (short, long)


def test_progress_and_results_of_sub_agents_are_not_counted_again() -> None:
    inner = {"type": "assistant", "message": {"id": "msg_7", "model": "claude-haiku-4-5", "usage": usage()}}
    progress = {"type": "progress", "data": {"message": inner}, "uuid": "u-4", "timestamp": AT}
    result = {"type": "user", "toolUseResult": {"totalTokens": 99, "usage": usage(50_000, 900)}, "uuid": "u-5"}
    odd = Odd()
    assert read(progress, result, odd=odd) == []
    assert odd.seen == []


def test_synthetic_answers_are_none() -> None:
    synthetic = answer()
    synthetic["message"]["model"] = "<synthetic>"
    assert read(synthetic) == []


def test_an_advisor_is_a_response_of_its_own_by_its_own_model() -> None:
    """The recorded response 089 of the API, as its line."""
    advice = {"type": "advisor_message", "model": "claude-opus-4-7", "input_tokens": 2_728, "output_tokens": 874}
    parts = [
        {"type": "message", "input_tokens": 1_051, "output_tokens": 35},
        advice,
        {"type": "message", "input_tokens": 1_363},
    ]
    main, advisor = read(answer(counts=usage(2_414, 3_200, iterations=parts)))
    assert (main.model, main.usage) == ("claude-opus-4-5", Usage(2_414, output=3_200))
    assert (advisor.model, advisor.usage) == ("claude-opus-4-7", Usage(2_728, output=874))
    assert (advisor.key, advisor.response_id) == ("msg_1/1", "msg_1")


def test_a_compaction_is_not_in_the_counts_around_it() -> None:
    parts = [{"type": "compaction", "input_tokens": 55_196, "output_tokens": 125}, {"type": "message"} | usage(220, 8)]
    main, compaction = read(answer(counts=usage(220, 8, iterations=parts)))
    assert (main.usage.input, compaction.usage.input) == (220, 55_196)
    assert compaction.request_class == "compaction"


@pytest.mark.parametrize(("output", "billed"), [(0, 1), (30, 2)])
def test_what_was_declined_before_a_fallback_without_output_was_free(output: int, billed: int) -> None:
    declined = {"type": "message", "model": "claude-fable-5", "input_tokens": 408, "output_tokens": output}
    parts = [declined, {"type": "fallback_message", "model": "claude-opus-4-5"} | usage(412, 264)]
    found = read(answer(counts=usage(412, 264, iterations=parts)))
    assert len(found) == billed
    assert found[0].usage == Usage(412, output=264)


def test_searches_cost_besides() -> None:
    counted = {"web_search_requests": 3, "web_fetch_requests": 0}
    assert read(answer(counts=usage(server_tool_use=counted)))[0].fees == (("web_search", 3),)


@pytest.mark.parametrize(
    "text",
    [
        b'{ "type" : "assistant", "timestamp": "%s", "message" : { "id" : "msg_1", "model": "claude-opus-4-5",'
        b' "usage" : { "input_tokens" : 10 , "output_tokens" : 5 , "speed" : null } } }' % AT.encode(),
        b'{"type":"assistant","message":{"id":"msg_1","model":"claude-opus-4-5","content":[{"type":"tool_use",'
        b'"input":{"id":null,"usage":"x"}}],"usage":{"input_tokens":10,"output_tokens":5}},"sessionId":null}',
        b'{"type":"assistant","message":{"content":"\xff\xfe","id":"msg_1","model":"claude-opus-4-5",'
        b'"usage":{"input_tokens":10,"output_tokens":5,"iterations":null,"cache_creation":null}}}',
    ],
)
def test_no_odd_spelling_drops_a_line(text: bytes) -> None:
    (one,) = read(text)
    assert (one.key, one.usage, one.session) == ("msg_1", Usage(10, output=5), "5f0c")


def test_a_sub_agent_is_of_its_session() -> None:
    beside = {"agent-a1.meta.json": b'{"agentType":"Explore"}'}
    (one,) = read(answer(isSidechain=True, agentId="a1", sessionId="5f0c"), path=AGENT, beside=beside)
    assert (one.session, one.subagent, one.subagent_type, one.sidechain) == ("5f0c", "a1", "Explore", True)
    (old,) = read(answer(isSidechain=True, sessionId=None), path=AGENT)
    assert (old.session, old.subagent, old.subagent_type) == ("5f0c", "a1", None)


def test_what_is_odd_is_noted() -> None:
    odd = Odd()
    negative = answer(counts=usage(output=-4, cache_read_input_tokens=7))
    found = read(negative, b'{"type":"assistant","usage":{"input_tokens"', {"type": "dream", "usage": usage()}, odd=odd)
    assert [one.usage for one in found] == [Usage(10, 7)]
    assert odd.seen == [("doubtful", "malformed"), ("dropped", "not-json"), ("unknown-type", "dream")]


def test_what_was_added_to_half_a_line_is_read() -> None:
    odd = Odd()
    (one,) = read(line(answer("torn"))[:150] + line(answer("whole")), odd=odd)
    assert (one.key, odd.seen) == ("whole", [("dropped", "not-json")])


def test_an_answer_without_tokens_is_none() -> None:
    odd = Odd()
    assert read(answer(counts=usage(0, 0)), odd=odd) == []
    assert odd.seen == [("dropped", "no-tokens")]


@pytest.mark.parametrize(
    ("env", "folders"),
    [
        ({}, ["/home/ada/.claude", "/home/ada/.config/claude"]),
        ({"XDG_CONFIG_HOME": "/etc/ada"}, ["/home/ada/.claude", "/etc/ada/claude"]),
        ({"CLAUDE_CONFIG_DIR": "/one, /two"}, ["/one", "/two"]),
        ({"CLAUDE_CONFIG_DIR": "~/work"}, ["/home/ada/work"]),
    ],
)
def test_files_are_where_the_settings_say(env: dict[str, str], folders: list[str]) -> None:
    roots = [source.root for source in claude.sources(places(**env))]
    assert roots == [Path(folder) / part for folder in folders for part in ("projects", "transcripts")]
