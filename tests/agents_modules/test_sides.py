"""What agents say of their requests: headers and bodies here are those that the pinned versions were seen to send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from multidict import CIMultiDict

from tokenguard import wire
from tokenguard.agents.recognition import Recognised, recognise
from tokenguard.agents.side import Side, identifier
from tokenguard.records import REQUEST_CLASSES, Facts

CLAUDE = "733bda5d-560a-4351-821c-1faba3cca746"
ROOT = "01a1fd56-5e90-7f20-aff0-2dd6cf576d4b"
THREAD = "01a1fd56-5f27-7cc2-b6ee-03c39834ab9b"


def facts(path: str, **body: Any) -> Facts:
    dialect = wire.dialect_of("POST", path)
    assert dialect is not None
    return dialect.facts(path, json.dumps({"model": "m", **body}).encode())


def claude(said: str | None, *, body: dict[str, Any] | None = None, **headers: str) -> Side:
    hints = {} if said is None else {"X-Claude-Code-Request-Class": said}
    more = {f"x-claude-code-{name.replace('_', '-')}": value for name, value in headers.items()}
    sent = CIMultiDict({"X-Claude-Code-Session-Id": CLAUDE, **hints, **more})
    found = recognise("claude", sent, facts("/v1/messages", **(body or {})))
    assert found.agent == "claude"
    return found.side


@pytest.mark.parametrize(
    ("said", "request_class"),
    [
        ("main", "main"),
        ("compaction", "compaction"),
        ("auxiliary", "side"),
        ("side_reply", "side"),
        ("something new", "side"),
        (None, "main"),
    ],
)
def test_claude_says_what_a_request_is_for(said: str | None, request_class: str) -> None:
    assert claude(said) == Side(request_class, CLAUDE)


@pytest.mark.parametrize("said", ["subagent", "workflow", None])
def test_claude_says_which_sub_agent_asks(said: str | None) -> None:
    found = claude(said, agent_id="a7c65fc5067d0358b", agent_type="Explore")
    assert found == Side("sub-agent", CLAUDE, "a7c65fc5067d0358b", "Explore")


def test_claude_asks_for_a_title() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    body = {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": schema}}}
    assert claude("auxiliary", body=body).request_class == "title"
    assert claude("main", body=body).request_class == "main"


@pytest.mark.parametrize(
    "user_id",
    [
        json.dumps({"device_id": "dafcab", "account_uuid": "", "session_id": CLAUDE}),
        f"user_dafcab_account__session_{CLAUDE}",
    ],
)
def test_claude_names_its_session_in_the_body_too(user_id: str) -> None:
    body = facts("/v1/messages", metadata={"user_id": user_id})
    assert recognise("claude", CIMultiDict(), body) == Recognised(None, Side("main", CLAUDE))


def codex(*, headers: dict[str, str] | None = None, about: dict[str, str] | None = None, **turn: str) -> Side:
    metadata = json.dumps(
        {"session_id": ROOT, "thread_id": ROOT, "agent_name": "/root", "request_kind": "turn", **turn}
    )
    if about is None:
        found = recognise(
            "codex",
            CIMultiDict({"X-Codex-Turn-Metadata": metadata, **(headers or {})}),
            facts("/v1/responses"),
        )
    else:
        found = recognise(
            "codex",
            CIMultiDict({"x-codex-window-id": f"{ROOT}:0", "session-id": ROOT, "thread-id": ROOT}),
            facts("/v1/responses", client_metadata={"x-codex-turn-metadata": metadata, **about}),
        )
    assert found.agent == "codex"
    return found.side


def test_codex_says_what_a_turn_is_for() -> None:
    assert codex() == codex(about={}) == Side("main", ROOT)
    assert codex(request_kind="prewarm") == Side("main", ROOT)
    assert codex(request_kind="compaction") == codex(about={}, request_kind="compaction") == Side("compaction", ROOT)


def test_codex_says_which_thread_asks() -> None:
    kind = {"x-openai-subagent": "collab_spawn"}
    told = Side("sub-agent", ROOT, THREAD, "collab_spawn")
    assert codex(headers=kind, thread_id=THREAD, thread_source="subagent", subagent_kind="thread_spawn") == told
    assert codex(about=kind, thread_id=THREAD, thread_source="subagent", subagent_kind="thread_spawn") == told
    assert codex(thread_id=THREAD, subagent_kind="thread_spawn") == replace(told, subagent_type="thread_spawn")


def test_what_a_turn_of_codex_says_itself_holds_against_what_its_socket_was_opened_with() -> None:
    opened = {"x-codex-window-id": f"{THREAD}:0", "x-openai-subagent": "collab_spawn", "thread-id": THREAD}
    metadata = json.dumps({"session_id": ROOT, "thread_id": ROOT, "request_kind": "turn"})
    turn = facts("/v1/responses", client_metadata={"x-codex-turn-metadata": metadata})
    assert recognise("codex", CIMultiDict(opened), turn).side == Side("main", ROOT)


def test_codex_asks_its_provider_to_compact() -> None:
    found = recognise("codex", CIMultiDict({"x-codex-window-id": f"{ROOT}:0"}), facts("/v1/responses/compact"))
    assert found.side.request_class == "compaction"


def test_geminis_router_and_its_helpers_do_not_stream() -> None:
    schema: dict[str, Any] = {"type": "OBJECT", "properties": {"complexity_reasoning": {}, "complexity_score": {}}}
    small = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
    asked = facts(small, generationConfig={"temperature": 1, "responseJsonSchema": schema})
    assert recognise("gemini", {}, asked).side.request_class == "router"
    assert recognise("gemini", {}, facts(small)).side.request_class == "side"
    turn = facts("/v1beta/models/gemini-3.8-flash:streamGenerateContent")
    assert recognise("gemini", {}, turn).side.request_class == "main"


def opencode(path: str, parent: str | None = None, **body: Any) -> Side:
    headers = {"x-session-affinity": "ses_1", "x-session-id": "ses_1"}
    if parent is not None:
        headers["x-parent-session-id"] = parent
    return recognise("opencode", headers, facts(path, **body)).side


def test_opencode_says_which_session_asks() -> None:
    said = [{"role": "user", "content": "say hello"}]
    tools = [{"name": "bash", "input_schema": {"type": "object"}}]
    assert opencode("/v1/messages", messages=said, tools=tools) == Side("main", "ses_1")
    assert opencode("/v1/messages", "ses_0", messages=said, tools=tools) == Side("sub-agent", "ses_0", "ses_1")


def test_opencodes_turns_have_tools_and_its_titles_have_none() -> None:
    said = [{"role": "user", "content": "Generate a title for this conversation:\n"}, {"role": "user", "content": "hi"}]
    system = {"role": "developer", "content": "You are a title generator."}
    assert opencode("/v1/messages", system=system["content"], messages=said) == Side("title", "ses_1")
    assert opencode("/v1/responses", input=[system, *said]) == Side("title", "ses_1")
    assert opencode("/v1/chat/completions", messages=[system, *said]) == Side("title", "ses_1")
    answered = [*said, {"role": "assistant", "content": "hello"}, {"role": "user", "content": "Summarize"}]
    assert opencode("/v1/messages", messages=answered) == Side("compaction", "ses_1")
    unreadable = recognise("opencode", {"x-session-affinity": "ses_1"}, Facts("unknown"))
    assert unreadable.side == Side("main", "ses_1")


@pytest.mark.parametrize(
    ("said", "side"),
    [
        ({}, Side()),
        ({"session_id": "s1", "call_type": "main_call"}, Side("main", "s1")),
        ({"session_id": "s1", "call_type": "secondary_call"}, Side("main", "s1")),
        ({"session_id": "s1", "call_type": "title_generation"}, Side("title", "s1")),
        ({"session_id": "s1", "call_type": "smart_approve"}, Side("side", "s1")),
        ({"session_id": "s2", "parent_session_id": "s1", "call_type": "main_call"}, Side("sub-agent", "s1", "s2")),
    ],
)
def test_vibes_metadata_say_it(said: dict[str, str], side: Side) -> None:
    metadata: dict[str, Any] = {"agent_entrypoint": "programmatic", **said}
    assert recognise("vibe", {}, facts("/v1/chat/completions", metadata=metadata)) == Recognised(None, side)


@pytest.mark.parametrize("agent", ["kimi-code", "kimi-cli"])
def test_what_kimi_caches_its_prompts_by_is_its_session(agent: str) -> None:
    key = "session_3c02bf68-4621-4b21-83c9-d33bdee0c529"
    asked = facts("/v1/chat/completions", prompt_cache_key=key)
    assert recognise(agent, {}, asked) == Recognised(None, Side(session=key))
    assert recognise(agent, {}, facts("/v1/chat/completions", prompt_cache_key=7)) == Recognised(None, Side())


def test_another_agent_is_recognised_by_headers_that_nobody_else_sends() -> None:
    asked = facts("/v1/messages")
    hints = {"x-claude-code-session-id": CLAUDE, "x-claude-code-request-class": "subagent"}
    assert recognise("bash", hints, asked) == Recognised("claude", Side("sub-agent", CLAUDE))
    assert recognise("codex", hints, asked).agent == "claude"
    # Qwen Code calls itself so where it speaks Anthropic's language.
    assert recognise("qwen", {"user-agent": "claude-cli/2.1.329 (external, cli)"}, asked) == Recognised(None, Side())


def test_headers_that_are_no_text_say_nothing() -> None:
    """What is no UTF-8 comes as surrogates."""
    odd = {"x-codex-turn-metadata": "{\udcff", "thread-id": "\udcff"}
    assert recognise("codex", odd, Facts("m")) == Recognised("codex", Side())


@pytest.mark.parametrize("text", ["Explore", "agent:custom", "a7c65fc5067d0358b", ROOT, "general-purpose", "x" * 80])
def test_ids_and_names_are_kept(text: str) -> None:
    assert identifier(text) == text


@pytest.mark.parametrize("text", [None, "", "fix the login", "x" * 81, "na\u00efve", "\x1b[31m", "-rf"])
def test_what_may_be_more_than_a_name_is_not(text: str | None) -> None:
    assert identifier(text) is None


_TEXTS = st.text(max_size=40)
_NAMES = st.sampled_from(
    [
        "x-claude-code-session-id",
        "x-claude-code-agent-id",
        "x-claude-code-request-class",
        "x-codex-turn-metadata",
        "x-openai-subagent",
        "thread-id",
    ]
)


@given(
    st.sampled_from(["claude", "codex", "gemini", "bash"]),
    st.dictionaries(_NAMES, st.one_of(_TEXTS, st.just('{"thread_id": 7, "request_kind": "\\ud800"}'))),
    st.dictionaries(st.sampled_from(["user_id", "x-codex-turn-metadata"]), _TEXTS),
)
def test_whatever_is_said_has_a_class_and_nothing_odd_is_kept(
    agent: str, headers: dict[str, str], about: dict[str, str]
) -> None:
    side = recognise(agent, headers, Facts("m", about=about)).side
    assert side.request_class in REQUEST_CLASSES
    for kept in (side.session, side.subagent, side.subagent_type):
        assert kept is None or identifier(kept) == kept
