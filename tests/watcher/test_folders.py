from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.agents.logs.shape import Document, File, Found, Odd
from tokenguard.watcher.folders import Wanted, wanted


def source(root: str, *patterns: str) -> Document:
    def read(file: File, content: bytes, odd: Odd) -> Found:
        return ()

    return Document(Path(root), patterns, read)


@pytest.mark.parametrize(
    ("pattern", "folder", "deep"),
    [
        ("**/*.jsonl", "/r", True),
        ("*.jsonl", "/r", False),
        ("*/chats/session-*.json", "/r", True),
        ("sessions/**/rollout-*.jsonl", "/r/sessions", True),
        ("archived/rollout-*.jsonl", "/r/archived", False),
        (".crush/crush.db", "/r/.crush", False),
        ("threads.db", "/r", False),
        ("a/b/[0-9]*/x.json", "/r/a/b", True),
    ],
)
def test_a_pattern_is_followed_as_far_as_it_is_plain(pattern: str, folder: str, deep: bool) -> None:
    assert wanted([source("/r", pattern)]) == {Wanted(Path(folder), deep)}


def test_what_is_watched_deeply_covers_what_is_below_it_and_itself() -> None:
    sources = [source("/r", "a/**/x.json", "a/*.json", "a/b/*.json"), source("/r/a", "b/*/x.json")]
    assert wanted(sources) == {Wanted(Path("/r/a"), deep=True)}


def test_a_shallow_watch_covers_nothing_below_it() -> None:
    assert wanted([source("/r", "*.db"), source("/r/a", "*.db")]) == {
        Wanted(Path("/r"), deep=False),
        Wanted(Path("/r/a"), deep=False),
    }


def test_a_folder_that_may_be_anywhere_is_not_watched() -> None:
    assert wanted([source("relative", "*.db")]) == frozenset()
