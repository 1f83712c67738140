from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenguard.reports.notes import Cost, Note, Share, read, together, written


def share(commit: str, nanos: int) -> Share:
    return Share(calls=1, tokens=nanos * 10, cost_nanos=nanos, commit=commit)


def note(**shares: int) -> Note:
    nanos = sum(shares.values())
    of = tuple(share(commit, part) for commit, part in shares.items())
    return Note(calls=len(of), tokens=nanos * 10, cost_nanos=nanos, of=of)


def test_what_is_written_is_read() -> None:
    one = note(a=1, b=2)
    assert read(written(one)) == one
    assert read(written(note())) == note()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "no JSON",
        '{"tokenguard": 2}',
        '{"tokenguard": 1, "cost_nanos": -1}',
        '{"tokenguard": 1, "cost_nanos": 1e99}',
        '{"tokenguard": 1, "of": [{"cost_nanos": 1}]}',
    ],
)
def test_what_is_no_note_is_none(text: str) -> None:
    assert read(text) is None


def test_later_notes_may_say_more() -> None:
    assert read('{"tokenguard": 1, "calls": 2, "news": []}') == Note(calls=2)


def test_what_was_for_one_commit_at_first_counts_once() -> None:
    assert together([note(a=1, b=20), note(a=1), note(c=300)]) == Cost(3, 3_210, 321, 0)
    # One was written before all was known.
    assert together([note(a=5), note(a=7)]) == Cost(1, 70, 7, 0)
    assert together([Note(calls=2, cost_nanos=9), note(a=1)]) == Cost(3, 10, 10, 0)
    assert together([]) == Cost()


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**12)), st.lists(st.sets(st.sampled_from("abcdef"))))
def test_however_commits_are_squashed_nothing_counts_twice(costs: dict[str, int], groups: list[set[str]]) -> None:
    notes = [note(**{one: costs[one] for one in group if one in costs}) for group in [*groups, set(costs)]]
    assert together(notes).cost_nanos == sum(costs.values())
