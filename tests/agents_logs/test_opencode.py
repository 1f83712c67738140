"""opencode's databases and files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from tests.agents_logs.support import HOME, Odd, database_of, document_of, file, line, merged, places, query
from tokenguard.agents.logs import kilo, opencode
from tokenguard.agents.logs.shape import Database, Logs, Sighting
from tokenguard.records import Usage

AT = "/home/ada/.local/share/opencode/opencode.db"
MADE, ENDED = 1_772_359_205_250, 1_772_359_215_250


@pytest.fixture
def conn() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as conn:
        dates = "time_created INTEGER, time_updated INTEGER"
        conn.execute(f"CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, {dates}, data TEXT)")
        conn.execute("CREATE TABLE session (id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT)")
        conn.execute("INSERT INTO session VALUES ('ses_1', NULL, '/home/ada/web')")
        yield conn


def named(at: int, end: str = "aaaaaaaaaaaaaa") -> str:
    """An id as opencode makes it at that millisecond."""
    return f"msg_{at % (1 << 36):09x}001{end}"


def answer(**more: Any) -> dict[str, Any]:
    tokens = {"total": 1200, "input": 200, "output": 50, "reasoning": 50, "cache": {"read": 800, "write": 100}}
    return {
        "parentID": "msg_0",
        "role": "assistant",
        "agent": "build",
        "path": {"cwd": "/home/ada/web/src", "root": "/home/ada/web"},
        "cost": 0.0125,
        "tokens": tokens,
        "modelID": "claude-opus-5-5",
        "providerID": "anthropic",
        "time": {"created": MADE, "completed": ENDED},
        "finish": "stop",
        **more,
    }


def put(conn: sqlite3.Connection, name: str, data: object, session: str = "ses_1", at: int = ENDED) -> None:
    conn.execute(
        "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?)", (name, session, MADE, at, line(data).decode())
    )


def read(conn: sqlite3.Connection, state: bytes = b"", odd: Odd | None = None) -> tuple[list[Any], bytes]:
    found, after = query(database_of(opencode), file(AT), conn, state, odd)
    return found, after


def tokens_of(found: dict[str, Any]) -> tuple[Usage, int | None]:
    (one,) = document_of(opencode).read(file("/d/storage/message/ses_1/msg_1.json"), line(found), Odd())
    assert isinstance(one, Sighting)
    return one.usage, one.stated_nanos


def test_a_message_has_its_tokens_cost_session_and_folder(conn: sqlite3.Connection) -> None:
    put(conn, "msg_1", answer())
    put(conn, "msg_0", {"role": "user", "time": {"created": MADE}, "summary": {"diffs": ['"tokens"']}})
    odd = Odd()
    assert read(conn, odd=odd)[0] == [
        Sighting(
            key="msg_1",
            agent="opencode",
            session="ses_1",
            at_us=MADE * 1000,
            provider="anthropic",
            model="claude-opus-5-5",
            usage=Usage(input=200, cache_read=800, cache_write_5m=100, output=100, reasoning=50),
            folder="/home/ada/web/src",
            stated_nanos=12_500_000,
        )
    ]
    assert odd.seen == []


def test_an_old_file_and_the_database_show_the_same_response(conn: sqlite3.Connection) -> None:
    put(conn, "msg_1", answer())
    source = document_of(opencode)
    kept = {"id": "msg_1", "sessionID": "ses_1", **answer()}
    for data in (kept, answer()):
        assert list(source.read(file("/d/storage/message/ses_1/msg_1.json"), line(data), Odd())) == read(conn)[0]


def test_version_2_has_other_words_and_another_table(conn: sqlite3.Connection) -> None:
    put(conn, "msg_1", answer())
    put(conn, named(MADE), answer())
    conn.execute("CREATE TABLE session_v2 (id TEXT PRIMARY KEY, parent_id TEXT, directory TEXT)")
    conn.execute("INSERT INTO session_v2 VALUES ('ses_2', NULL, '/home/ada/api')")
    conn.execute("CREATE TABLE session_message (id TEXT, session_id TEXT, type TEXT, time_updated INTEGER, data TEXT)")
    data = {
        "agent": "build",
        "model": {"id": "gemini-3-pro", "providerID": "google"},
        "cost": 0,
        "tokens": {"input": 10, "output": 5, "reasoning": 3, "cache": {"read": 0, "write": 0}},
        "time": {"created": MADE, "completed": ENDED},
    }
    insert = "INSERT INTO session_message VALUES (?, ?, ?, ?, ?)"
    old = {**data, "model": {"id": "claude-opus-5-5", "providerID": "anthropic"}, "tokens": answer()["tokens"]}
    conn.execute(insert, ("msg_1", "ses_1", "assistant", ENDED, line(old).decode()))
    conn.execute(insert, (named(ENDED + 9_000), "ses_1", "assistant", ENDED, line(old).decode()))
    conn.execute(insert, ("msg_2", "ses_2", "assistant", ENDED, line(data).decode()))
    conn.execute(insert, ("msg_3", "ses_2", "user", ENDED, line(data).decode()))
    found, _ = read(conn)
    assert list(merged(found)) == ["msg_1", named(MADE), "msg_2"]
    assert found[-1].usage == Usage(input=10, output=8, reasoning=3)
    assert (found[-1].provider, found[-1].folder, found[-1].stated_nanos) == ("gemini", "/home/ada/api", None)


@pytest.mark.parametrize(
    ("provider", "tokens", "output", "stated"),
    [
        ("openai", {"input": 100, "output": 50, "reasoning": 30, "total": 180}, 80, 1_000_000_000),
        ("openai", {"input": 100, "output": 50, "reasoning": 30, "total": 150}, 50, None),
        ("openai", {"input": 100, "output": 50, "reasoning": 30}, 50, None),
        ("openai", {"input": 100, "output": 0, "reasoning": 30}, 30, 1_000_000_000),
        ("google", {"input": 100, "output": 50, "reasoning": 30}, 80, 1_000_000_000),
        ("openai", {"input": 100, "output": 50}, 50, 1_000_000_000),
        ("openai", {"total": 123}, 123, 1_000_000_000),
    ],
    ids=["outside by the total", "inside by the total", "no total", "more thought", "Gemini", "none", "only a total"],
)
def test_reasoning_is_counted_once(provider: str, tokens: dict[str, int], output: int, stated: int | None) -> None:
    usage, nanos = tokens_of(answer(providerID=provider, tokens=tokens, cost=1))
    assert usage.output == output
    assert usage.reasoning <= usage.output
    assert nanos == stated


def test_a_cost_of_zero_is_a_subscription_or_not_known() -> None:
    assert tokens_of(answer(cost=0))[1] is None
    assert tokens_of(answer(cost=0, providerID="ollama"))[1] == 0


def test_sub_agents_stand_below_the_session_that_a_person_began(conn: sqlite3.Connection) -> None:
    conn.execute("INSERT INTO session VALUES ('ses_2', 'ses_1', '/home/ada/web'), ('ses_3', 'ses_2', '/home/ada/web')")
    conn.execute("INSERT INTO session VALUES ('ses_4', 'ses_5', '/tmp'), ('ses_5', 'ses_4', '/tmp')")
    put(conn, "msg_3", answer(agent="explore"), "ses_3")
    put(conn, "msg_4", answer(), "ses_4")
    found, _ = read(conn)
    assert [(one.session, one.subagent, one.subagent_type, one.sidechain) for one in found] == [
        ("ses_1", "ses_3", "explore", True),
        ("ses_5", "ses_4", "build", True),
    ]


def test_a_forks_copies_are_no_responses(conn: sqlite3.Connection) -> None:
    put(conn, named(MADE), answer())
    put(conn, named(ENDED + 86_400_000), answer(), "ses_2")
    put(
        conn, named(MADE + 3_000, "bbbbbbbbbbbbbb"), answer(time={"created": MADE + 3_000, "completed": ENDED}), "ses_1"
    )
    assert [one.key for one in read(conn)[0]] == [named(MADE), named(MADE + 3_000, "bbbbbbbbbbbbbb")]
    source = document_of(opencode)
    assert list(source.read(file("/d/s/ses_2/m.json"), line({"id": named(ENDED + 9), **answer()}), Odd())) == []


def test_a_copy_whose_original_is_gone_counts_once(conn: sqlite3.Connection) -> None:
    put(conn, named(ENDED + 86_400_000), answer(), "ses_2")
    put(conn, named(ENDED + 96_400_000), answer(), "ses_3")
    put(conn, named(MADE, "cccccccccccccc"), answer(modelID="gpt-6"))
    found, _ = read(conn)
    assert len(merged(found)) == 2
    assert [one.copied for one in found] == [True, True, False]


def test_a_message_that_has_not_ended_is_no_copy(conn: sqlite3.Connection) -> None:
    unfinished = answer(time={"created": MADE})
    put(conn, named(MADE + 50), unfinished)
    before, _ = read(conn)
    put(conn, named(MADE + 50), answer())
    after, _ = read(conn)
    assert [one.key for one in before] == [one.key for one in after] == [named(MADE + 50)]


def test_a_copy_of_what_never_ended_is_none_either(conn: sqlite3.Connection) -> None:
    unfinished = answer(time={"created": MADE})
    put(conn, named(MADE), unfinished)
    put(conn, named(MADE + 90_000), unfinished)
    assert [one.key for one in read(conn)[0]] == [named(MADE)]


def test_only_what_may_have_changed_is_read_again(conn: sqlite3.Connection) -> None:
    put(conn, "msg_1", answer())
    found, state = read(conn)
    put(conn, "msg_2", answer(tokens={"input": 0, "output": 0}), at=ENDED + 3_000_000)
    put(conn, "msg_3", answer(), at=ENDED + 7_200_000)
    second, state = read(conn, state)
    third, _ = read(conn, state)
    assert [[one.key for one in some] for some in (found, second, third)] == [["msg_1"], ["msg_1", "msg_3"], ["msg_3"]]
    conn.execute("DELETE FROM message WHERE id = 'msg_3'")
    assert [one.key for one in read(conn, state)[0]] == ["msg_1"]


def test_a_clock_that_was_ahead_hides_nothing(conn: sqlite3.Connection) -> None:
    at, source = replace(file(AT), modified_us=(ENDED + 5_000) * 1_000), database_of(opencode)
    put(conn, "msg_1", answer(), at=ENDED + 10**12)
    _, state = query(source, at, conn)
    put(conn, "msg_2", answer(), at=ENDED + 9_000)
    assert [one.key for one in query(source, at, conn, state)[0]] == ["msg_1", "msg_2"]


def test_a_table_without_dates_is_read_whole() -> None:
    with closing(sqlite3.connect(":memory:")) as conn:
        assert read(conn) == ([], b"0")
        conn.execute("CREATE TABLE message (id TEXT, session_id TEXT, data TEXT)")
        conn.execute("INSERT INTO message VALUES ('msg_1', 'ses_1', ?)", (line(answer()).decode(),))
        found, state = read(conn)
        assert [one.key for one in found] == [one.key for one in read(conn, state)[0]] == ["msg_1"]


def test_odd_messages_are_noted_and_nothing_more(conn: sqlite3.Connection) -> None:
    put(conn, "msg_1", answer(tokens={"input": -1, "output": 5}))
    put(conn, "msg_2", answer(time=None))
    conn.execute("INSERT INTO message VALUES ('msg_3', 's', 0, 0, CAST(x'ff22746f6b656e7322' AS TEXT))")
    put(conn, "msg_4", answer(role="critic"))
    odd = Odd()
    assert [one.usage.output for one in read(conn, odd=odd)[0]] == [5, 100]
    assert odd.seen == [
        ("doubtful", "malformed"),
        ("dropped", "not-json"),
        ("unknown-type", "critic"),
    ]


def test_a_time_in_words_is_one(conn: sqlite3.Connection) -> None:
    put(conn, named(ENDED + 9_000), answer(time={"created": "2026-03-01T10:00:05.250Z", "completed": None}))
    assert [(one.at_us, one.copied) for one in read(conn)[0]] == [(MADE * 1_000, False)]


def test_compactions_are_told(conn: sqlite3.Connection) -> None:
    put(conn, "msg_1", answer(summary=True))
    put(conn, "msg_2", answer(agent="compaction"))
    assert [one.request_class for one in read(conn)[0]] == ["compaction"] * 2


def test_an_agent_that_came_of_it_keeps_the_same(conn: sqlite3.Connection) -> None:
    put(conn, "msg_1", answer())
    (found,) = query(database_of(kilo), file("/home/ada/.local/share/kilo/kilo.db"), conn)[0]
    assert found == replace(read(conn)[0][0], agent="kilo")


@pytest.mark.parametrize(("agent", "variable"), [(opencode, "OPENCODE_DB"), (kilo, "KILO_DB")])
def test_the_database_that_is_named_is_one_besides(agent: Logs, variable: str) -> None:
    name = agent.NAME

    def found(**env: str) -> list[str]:
        sources = (one for one in agent.sources(places(**env)) if isinstance(one, Database))
        return [str(one.root / pattern) for one in sources for pattern in one.patterns]

    usual = str(HOME / f".local/share/{name}/{name}*.db")
    assert found() == found(**{variable: ":memory:"}) == [usual]
    assert found(**{variable: "/srv/o.db"}) == [usual, "/srv/o.db"]
    assert found(XDG_DATA_HOME="/d", **{variable: "mine.db"}) == [f"/d/{name}/{name}*.db", f"/d/{name}/mine.db"]
