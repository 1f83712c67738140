"""Histories that agents copy about, in any way that they do: each response is one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.agents_logs import test_gemini, test_opencode, test_pi, test_qwen
from tests.agents_logs.support import Odd, document_of, file, line, merged
from tokenguard.agents.logs import gemini

COUNTS = st.tuples(st.integers(1, 3), st.integers(1, 3))
"""Few values, so that different responses often have the same tokens."""
RESPONSES = st.lists(COUNTS, min_size=1, max_size=6)


def total(responses: list[tuple[int, int]]) -> int:
    return sum(map(sum, responses))


def found_total(found: list[Any]) -> int:
    return sum(usage.total for usage in merged(found).values())


@given(RESPONSES, st.data())
def test_pi_forks(responses: list[tuple[int, int]], data: st.DataObject) -> None:
    def entry(index: int) -> dict[str, Any]:
        sent, answered = responses[index]
        named = data.draw(st.booleans(), f"named {index}")
        counts = {"input": sent, "output": answered, "cacheRead": 0, "cacheWrite": 0, "totalTokens": sent + answered}
        return test_pi.answer(f"msg_{index}" if named else None, 1_772_359_200_000 + index, **counts)

    entries = [entry(index) for index in range(len(responses))]
    found = test_pi.read(test_pi.HEAD, *entries)
    for fork in range(data.draw(st.integers(0, 3), "forks")):
        copied = entries[: data.draw(st.integers(0, len(entries)), "up to")]
        head = {**test_pi.HEAD, "id": f"f{fork}", "parentSession": "…", "timestamp": "2026-03-09T00:00:00.000Z"}
        found += test_pi.read(head, *({**one, "id": f"{fork}{index}"} for index, one in enumerate(copied)))
    assert found_total(found) == total(responses)


@given(RESPONSES, st.data())
def test_qwen_lines_and_forks(responses: list[tuple[int, int]], data: st.DataObject) -> None:
    lines: list[dict[str, Any]] = []
    for index, (sent, answered) in enumerate(responses):
        none = {"cached_content_token_count": 0, "thoughts_token_count": 0}
        telemetry = test_qwen.told(f"resp_{index}", sent, answered, f"t-{index}", **none)
        answer = test_qwen.answer(f"00000000-0000-0000-0000-{index:012}", sent, answered)
        answer["usageMetadata"] |= {"cachedContentTokenCount": 0, "thoughtsTokenCount": 0}
        kinds = ([telemetry, answer], [answer, telemetry], [telemetry])
        lines += data.draw(st.sampled_from(kinds), f"lines {index}")
    found, session = test_qwen.read(*lines), "c537"
    for fork in range(data.draw(st.integers(0, 3), "forks")):
        origin = {"sessionId": f"f{fork}", "forkedFrom": {"sessionId": session, "messageUuid": "…"}}
        found += test_qwen.read(*({**one, **origin} for one in lines))
        session = f"f{fork}"
    assert found_total(found) == total(responses)


@given(RESPONSES, st.data())
def test_gemini_rewrites(responses: list[tuple[int, int]], data: st.DataObject) -> None:
    messages = [
        test_gemini.message(f"m-{index}", input=sent, output=answered, total=sent + answered)
        for index, (sent, answered) in enumerate(responses)
    ]
    bare = [{**message, "tokens": None} for message in messages]
    more = st.sampled_from([*messages, *bare, {"$set": {"messages": messages}}, {"$rewindTo": "m-0"}])
    before, after = (data.draw(st.lists(more, max_size=4), name) for name in ("before", "after"))
    found = test_gemini.read(test_gemini.HEAD, *before, *messages, *after)
    document = {**test_gemini.HEAD, "messages": messages[: data.draw(st.integers(0, len(messages)), "kept")]}
    found += document_of(gemini).read(file(test_gemini.AT.removesuffix("l")), line(document), Odd())
    assert found_total(found) == total(responses)


@given(RESPONSES, st.data())
def test_opencode_forks_of_which_some_originals_are_gone(responses: list[tuple[int, int]], data: st.DataObject) -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        dates = "time_created INTEGER, time_updated INTEGER"
        conn.execute(f"CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, {dates}, data TEXT)")
        answers: list[dict[str, Any]] = []
        for index, (sent, answered) in enumerate(responses):
            made = test_opencode.MADE + 60_000 * index
            tokens = {"input": sent, "output": answered, "total": sent + answered}
            answers.append(test_opencode.answer(tokens=tokens, time={"created": made, "completed": made + 9_000}))
            test_opencode.put(conn, test_opencode.named(made), answers[-1])
        for fork in range(data.draw(st.integers(0, 3), "forks")):
            at = test_opencode.MADE + 86_400_000 * (fork + 1)
            for index, one in enumerate(answers):
                test_opencode.put(conn, test_opencode.named(at + index), one, f"ses_{fork + 2}")
        for session in ("ses_1", "ses_2"):
            copies = conn.execute("SELECT count(DISTINCT session_id) FROM message").fetchone()[0]
            if copies > 1 and data.draw(st.booleans(), f"{session} is deleted"):
                conn.execute("DELETE FROM message WHERE session_id = ?", (session,))
        assert found_total(test_opencode.read(conn)[0]) == total(responses)
