"""Gemini CLI's chats."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.agents_logs.support import Odd, document_of, file, follow, line, lines_of, merged
from tokenguard.agents.logs import gemini
from tokenguard.agents.logs.shape import Sighting
from tokenguard.records import Usage

CHATS = "/home/ada/.gemini/tmp/web/chats"
AT = f"{CHATS}/session-2026-03-01T10-00-0b7c6a55.jsonl"
HEAD = {"sessionId": "s-1", "projectHash": "h", "startTime": "2026-03-01T10:00:00.000Z", "kind": "main"}


def message(name: str = "m-1", at: str = "2026-03-01T10:00:05.250Z", **tokens: int) -> dict[str, Any]:
    counts = tokens or {"input": 1000, "output": 20, "cached": 800, "thoughts": 30, "tool": 0, "total": 1050}
    return {"id": name, "timestamp": at, "type": "gemini", "content": "…", "tokens": counts, "model": "gemini-3-pro"}


def read(*records: object, at: str = AT, beside: dict[str, bytes] | None = None, odd: Odd | None = None) -> list[Any]:
    return follow(lines_of(gemini), file(at, beside), [line(record) for record in records], odd)


def test_a_response_has_its_tokens_time_and_chat() -> None:
    (found,) = read(HEAD, message(), {"$set": {"lastUpdated": "2026-03-01T10:00:05.250Z"}})
    assert found == Sighting(
        key="m-1",
        agent="gemini",
        session="s-1",
        at_us=1_772_359_205_250_000,
        provider="gemini",
        model="gemini-3-pro",
        usage=Usage(input=200, cache_read=800, output=50, reasoning=30),
    )


def test_a_message_that_is_written_again_is_one_response() -> None:
    bare = {**message(), "tokens": None}
    again = {**message(), "toolCalls": [{"id": "c", "name": "read_file"}]}
    whole = {"$set": {"messages": [{"id": "u", "type": "user", "content": "hi"}, message(), message("m-2")]}}
    found = read(HEAD, bare, message(), again, whole, {"$rewindTo": "m-2"})
    assert list(merged(found)) == ["m-1", "m-2"]
    assert sum(usage.total for usage in merged(found).values()) == 2 * 1050


def test_a_resumed_document_and_its_lines_are_the_same_responses() -> None:
    old = {**HEAD, "messages": [{"id": "u", "type": "user", "content": "hi"}, message(), message("m-2")]}
    found = list(document_of(gemini).read(file(AT.removesuffix("l")), line(old), Odd()))
    assert found == read({**HEAD, "startTime": "later"}, message(), message("m-2"))


def test_messages_of_others_and_answers_without_tokens_are_none() -> None:
    user = {**message(), "type": "user", "tokens": None}
    odd = Odd()
    assert read(HEAD, user, {**message(), "tokens": None}, message(input=0, output=0), odd=odd) == []
    assert odd.seen == []


def test_what_has_tokens_and_is_not_known_is_noted() -> None:
    odd = Odd()
    assert read(HEAD, {**message(), "type": "planner"}, {**message(), "type": None}, odd=odd) == []
    assert odd.seen == [("unknown-type", "planner"), ("unknown-type", "none")]


def test_a_sub_agent_stands_below_its_chat() -> None:
    at = f"{CHATS}/parent-1/sub-1.jsonl"
    (found,) = read({**HEAD, "sessionId": "sub-1", "kind": "subagent"}, message(), at=at)
    assert (found.session, found.subagent, found.sidechain) == ("parent-1", "sub-1", True)


def test_the_folder_is_that_of_the_project() -> None:
    (found,) = read(HEAD, message(), beside={"../.project_root": b"/home/ada/web\n"})
    assert found.folder == "/home/ada/web"
    at = f"{CHATS}/parent-1/sub-1.jsonl"
    (below,) = read({**HEAD, "kind": "subagent"}, message(), at=at, beside={"../../.project_root": b"/home/ada/web"})
    assert below.folder == "/home/ada/web"


def test_the_folder_is_found_by_its_short_name_or_its_digest() -> None:
    known = {"../../../projects.json": line({"projects": {"/home/ada/api": "api", "/home/ada/web": "web"}})}
    (found,) = read(HEAD, message(), beside=known)
    assert found.folder == "/home/ada/web"
    digest = hashlib.sha256(b"/home/ada/api").hexdigest()
    (older,) = read(HEAD, message(), at=AT.replace("/web/", f"/{digest}/"), beside=known)
    assert older.folder == "/home/ada/api"
    (unknown,) = read(HEAD, message(), at=AT.replace("/web/", "/other/"), beside=known)
    assert unknown.folder is None


def test_a_file_without_its_first_line_is_a_session_of_its_name() -> None:
    (found,) = read(message())
    assert found.session == "session-2026-03-01T10-00-0b7c6a55"


def test_without_an_id_the_time_tells_responses_apart() -> None:
    odd = Odd()
    nameless = [{**message(at=f"2026-03-01T10:00:0{n}Z"), "id": None} for n in (1, 2, 2)]
    assert len(merged(read(HEAD, *nameless, odd=odd))) == 2
    assert read(HEAD, {**message(at="soon"), "id": None}, odd=odd) == []
    assert odd.seen == [("dropped", "no-id")]


def test_odd_lines_are_noted_and_nothing_more() -> None:
    odd = Odd()
    source, at = lines_of(gemini), file(AT)
    torn = follow(source, at, [line(message())[:-9], b'\xff\xfe"tokens"', b'["tokens"]'], odd)
    negative = follow(source, at, [line(message(input=-5, output=20))], odd)
    assert torn == []
    assert [one.usage for one in negative] == [Usage(output=20)]
    assert odd.seen == [("dropped", "not-json")] * 3 + [("doubtful", "malformed")]


def test_chats_are_looked_for_in_the_home_that_is_set() -> None:
    assert str(lines_of(gemini).root) == "/home/ada/.gemini/tmp"
    assert str(lines_of(gemini, GEMINI_CLI_HOME="/srv/g").root) == "/srv/g/.gemini/tmp"
    assert lines_of(gemini).patterns == ("*/chats/**/*.jsonl",)
