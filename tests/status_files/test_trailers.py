from __future__ import annotations

import os
from pathlib import Path

import pytest

from tokenguard.guard.registry import UNWRAPPED, Live
from tokenguard.policy.reactions import Reactions
from tokenguard.records import Session, Totals
from tokenguard.status_files import TrailerBoard
from tokenguard.status_files.survey import Repository, Rules, Tree

RULES = Rules("/src/web", (), Reactions())
WEB = Repository(Path("/s/web"), (Tree(".", "/src/web", RULES), Tree("login", "/src/login", RULES)), ())
BARE = Repository(Path("/s/bare"), (Tree(".", None, RULES),), ())


def live(id: str, worktree: str | None, *, last_us: int = 1, calls: int = 1, agent: str = "claude") -> Live:
    session = Session(id, agent, 0, repo="/src/web", worktree=worktree)
    return Live(session, b"", totals=Totals(calls=calls), last_us=last_us)


async def lines(
    *running: Live, asked: tuple[str, ...] = ("session", "assisted-by"), model: str | None = "opus"
) -> list[str]:
    """Of the repository, without the first."""

    async def model_of(session: str) -> str | None:
        return model

    board = TrailerBoard(lambda: asked, lambda: running, model_of)
    assert (await board.wanted()).files == {}
    board.known = (WEB, BARE)
    files = (await board.wanted()).files
    if not files:
        return []
    assert list(files) == [Path("/s/web/tokenguard-trailers")]
    first, *rest = files[Path("/s/web/tokenguard-trailers")].text.splitlines()
    assert first == f"tokenguard 1 {os.getpid()}"
    return rest


async def test_each_working_tree_names_its_own_run() -> None:
    found = await lines(live("aaa", "/src/web"), live("bbb", "/src/login", agent="codex"), live("ccc", "/src/api"))
    assert found == [". * aaa claude:opus", "login * bbb codex:opus"]


async def test_the_run_that_called_last_is_named() -> None:
    runs = live("old", "/src/web", last_us=1), live("new", "/src/web", last_us=3), live("mid", "/src/web", last_us=2)
    assert await lines(*runs) == [". * new claude:opus"]


async def test_a_run_that_made_no_call_has_no_part_in_a_commit() -> None:
    assert await lines(live("aaa", "/src/web", calls=0), live("bbb", None), live(UNWRAPPED, "/src/web")) == []


@pytest.mark.parametrize(
    ("asked", "line"),
    [(("session",), [". * aaa -"]), (("assisted-by",), [". * - claude:opus"]), ((), [])],
)
async def test_only_what_was_asked_for_is_named(asked: tuple[str, ...], line: list[str]) -> None:
    assert await lines(live("aaa", "/src/web"), asked=asked) == line


async def test_a_model_that_is_not_known_is_not_named() -> None:
    assert await lines(live("aaa", "/src/web"), model=None) == [". * aaa claude"]


@pytest.mark.parametrize("name", ["a b\nc * x y", "opus\n", "\x1b[2J", "ä", " ", "x" * 1000])
async def test_no_name_that_a_request_brings_breaks_a_line(name: str) -> None:
    (line,) = await lines(live(f"aaa{name}", "/src/web", agent=f"my{name}"), model=name)
    assert line.isascii() and line.isprintable() and len(line.split(" ")) == 4 and len(line) < 250
