"""Tasks of Cline, Roo Code and Kilo Code in editors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agents_logs.support import Odd, file, merged, places
from tokenguard.agents.logs import cline, kilo, roo, tasks
from tokenguard.agents.logs.shape import DOUBTFUL, DROPPED, Document, Sighting
from tokenguard.records import Usage

STORAGE = "/home/ada/.config/Code/User/globalStorage/saoudrizwan.claude-dev"
AT = f"{STORAGE}/tasks/1772359200000/ui_messages.json"
AT_MS = 1_772_359_205_250
COUNTS = {"tokensIn": 100, "tokensOut": 50, "cacheReads": 900, "cacheWrites": 10}
USAGE = Usage(input=100, cache_read=900, cache_write_5m=10, output=50)


def say(kind: str, text: object = None, ts: int | None = AT_MS, **more: object) -> dict[str, Any]:
    message = {"ts": ts, "type": "say", "say": kind, **more}
    return message if text is None else {**message, "text": text if isinstance(text, str) else json.dumps(text)}


def request(ts: int | None = AT_MS, more: dict[str, object] | None = None, **counts: Any) -> dict[str, Any]:
    return say("api_req_started", {"request": "…", **COUNTS, **counts}, ts, **(more or {}))


def read(
    *messages: object, beside: dict[str, Any] | None = None, odd: Odd | None = None, agent: str = "cline"
) -> list[Any]:
    around = {name: one if isinstance(one, bytes) else json.dumps(one).encode() for name, one in (beside or {}).items()}
    document = tasks.tasks(places().home, agent)
    return list(document.read(file(AT, around), json.dumps(messages).encode(), odd or Odd()))


def test_a_request_is_a_response_with_its_own_counts_and_cost() -> None:
    model = {"providerId": "anthropic", "modelId": "claude-sonnet-4-5", "mode": "act"}
    (found,) = read(
        say("text", "Fix the login"),
        request(cost=0.0125, more={"modelInfo": model}),
        {"ts": AT_MS, "type": "ask", "ask": "tool", "text": "{}"},
        beside={"../../state/taskHistory.json": [{"id": "1772359200000", "cwdOnTaskInitialization": "/home/ada/web"}]},
    )
    assert found == Sighting(
        key="1772359200000/1772359205250",
        agent="cline",
        session="1772359200000",
        at_us=AT_MS * 1000,
        provider="anthropic",
        model="claude-sonnet-4-5",
        usage=USAGE,
        folder="/home/ada/web",
        stated_nanos=12_500_000,
    )


def test_a_request_counts_when_its_counts_have_come() -> None:
    started = say("api_req_started", {"request": "…"})
    assert read(started) == []
    early, late = read(request(tokensOut=0)), read(request())
    assert merged([*early, *late]) == {"1772359200000/1772359205250": USAGE}


def test_going_back_to_a_checkpoint_puts_other_requests_in_the_places_of_those_that_were_paid_for() -> None:
    odd = Odd()
    before = read(request(1_772_359_205_001), request(1_772_359_205_002), request(1_772_359_205_003))
    after = read(
        request(1_772_359_205_001), say("deleted_api_reqs", COUNTS), request(1_772_359_205_009, tokensIn=7), odd=odd
    )
    assert len(merged([*before, *after])) == 4
    assert odd.seen == [(DROPPED, "deleted-requests")]


def test_requests_at_the_same_time_or_at_none_are_told_apart_by_their_place() -> None:
    found = read(request(), request(), request(None), request(None))
    assert len(merged(found)) == 4
    assert [one.at_us for one in found[2:]] == [0, 0]


@pytest.mark.parametrize(
    ("protocol", "prompt", "left"),
    [("openai", 1_010, 100), ("anthropic", 1_010, 100), ("anthropic", 4, 4), (None, 1_010, 1_010)],
)
def test_where_a_request_names_its_protocol_its_prompt_holds_the_cache(
    protocol: str | None, prompt: int, left: int
) -> None:
    named: dict[str, Any] = {"apiProtocol": protocol} if protocol else {}
    (found,) = read(request(tokensIn=prompt, **named))
    assert found.usage == Usage(input=left, cache_read=900, cache_write_5m=10, output=50)


def test_the_model_is_the_one_in_use_at_the_time_of_the_request() -> None:
    used = [
        {"ts": AT_MS - 50, "model_id": "gpt-5", "model_provider_id": "openai-native", "mode": "plan"},
        {"ts": AT_MS + 50, "model_id": "claude-opus-4-5", "model_provider_id": "anthropic", "mode": "act"},
    ]
    metadata = {"files_in_context": [], "model_usage": used}
    found = read(request(), request(AT_MS + 99), beside={"task_metadata.json": metadata})
    assert [(one.provider, one.model) for one in found] == [("openai", "gpt-5"), ("anthropic", "claude-opus-4-5")]


def test_roo_codes_model_folder_and_parent_stand_in_what_it_tells_its_model_and_in_its_history() -> None:
    history = b'[{"role":"user","content":[{"text":"<model>gpt-5</model>"}]},{"text":"<model>claude-opus-4-5</model>"}]'
    item = {"id": "1772359200000", "workspace": "/home/ada/web", "parentTaskId": "t-0", "task": "…"}
    beside = {"history_item.json": item, "api_conversation_history.json": history}
    (found,) = read(request(), beside=beside, agent="roo")
    assert (found.agent, found.model, found.folder, found.parent) == ("roo", "claude-opus-4-5", "/home/ada/web", "t-0")


def test_what_a_request_tells_of_its_surroundings_is_used_where_nothing_else_is() -> None:
    text = "<task>Fix it</task>\n# Current Workspace Directory (/home/ada/web) Files\n<model>x-ai/grok-4</model>"
    first, second = read(request(request=text), request(AT_MS + 1))
    for found in (first, second):
        assert (found.provider, found.model, found.folder) == ("xai", "x-ai/grok-4", "/home/ada/web")
        assert "Fix" not in repr(found)


def test_sub_agents_and_condensing_are_paid_for_too() -> None:
    condensed = say("condense_context", ts=AT_MS + 2, contextCondense={"cost": 0.002, "summary": "…"})
    subagents, shorter = read(say("subagent_usage", {**COUNTS, "source": "subagents"}), condensed)
    assert (subagents.request_class, subagents.usage) == ("sub-agent", USAGE)
    assert (shorter.request_class, shorter.usage, shorter.stated_nanos) == ("compaction", Usage(), 2_000_000)


def test_a_cost_of_nothing_is_not_believed() -> None:
    assert [one.stated_nanos for one in read(request(cost=0), request(cost=-1), request(cost="much"))] == [None] * 3


def test_what_claude_code_did_stands_in_its_own_log() -> None:
    assert read(request(more={"modelInfo": {"providerId": "claude-code", "modelId": "claude-sonnet-4-5"}})) == []


def test_a_model_on_this_machine_is_free() -> None:
    local = {"providerId": "ollama", "modelId": "qwen3:8b"}
    (found,) = read(request(cost=0, more={"modelInfo": local}))
    assert (found.provider, found.stated_nanos) == ("ollama", 0)


def test_what_cannot_be_used_is_counted_and_the_rest_is_read() -> None:
    odd = Odd()
    broken = say("api_req_started", '{"tokensIn": 5,')
    found = read(broken, request(tokensIn=-4), "text", request(AT_MS + 1), odd=odd)
    assert [one.usage.input for one in found] == [0, 100]
    assert odd.seen == [(DOUBTFUL, "malformed"), (DROPPED, "not-json"), (DOUBTFUL, "malformed")]
    odd = Odd()
    torn = tasks.tasks(places().home, "cline").read(file(AT), b'[{"ts": 1, "type"', odd)
    assert (list(torn), odd.seen) == ([], [(DROPPED, "not-json")])


@pytest.mark.parametrize(
    ("logs", "extension"),
    [(cline, "saoudrizwan.claude-dev"), (roo, "rooveterinaryinc.roo-cline"), (kilo, "kilocode.kilo-code")],
)
def test_every_editor_has_its_folder(logs: Any, extension: str) -> None:
    roots = {str(source.root) for source in logs.sources(places()) if isinstance(source, Document)}
    below = f"User/globalStorage/{extension}/tasks"
    assert {
        f"/home/ada/.config/Code/{below}",
        f"/home/ada/.config/VSCodium/{below}",
        f"/home/ada/.config/Cursor/{below}",
        f"/home/ada/.vscode-server/data/{below}",
        f"/home/ada/Library/Application Support/Code - Insiders/{below}",
    } <= roots
