"""What of a call is exported."""

from __future__ import annotations

import pytest

from tests.exporting.telling import NOON, USAGE, refused, settled, started
from tokenguard.exporting import calls
from tokenguard.exporting.calls import Calls, Ended, Source

CLAUDE = Source("claude", "anthropic", "claude-opus-5-5", "metered")


def test_a_call_has_its_duration_from_both_its_events() -> None:
    heard = Calls(repositories=False)
    assert heard.hear(started()) is None
    assert heard.hear(settled(at_us=NOON + 2_500_000)) == Ended(
        CLAUDE, "claude-opus-5-5-20261001", "ok", 200, USAGE, 41_500_001, 2.5
    )


def test_a_call_that_began_before_has_no_duration() -> None:
    found = Calls(repositories=False).hear(settled())
    assert found is not None and found.seconds is None


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    heard = Calls(repositories=False)
    heard.hear(started())
    found = heard.hear(settled(at_us=NOON - 1))
    assert found is not None and found.seconds == 0


def test_a_refusal_costs_nothing() -> None:
    assert Calls(repositories=False).hear(refused()) == Ended(CLAUDE, "claude-opus-5-5", "refused")


@pytest.mark.parametrize(("repo", "name"), [("/home/ann/src/web", "web"), (None, "")])
def test_repositories_are_named_without_their_path_and_only_where_asked_for(repo: str | None, name: str) -> None:
    found = Calls(repositories=True).hear(settled(repo=repo))
    assert found is not None and found.source.repo == name
    found = Calls(repositories=False).hear(settled(repo=repo))
    assert found is not None and found.source.repo == ""


def test_of_calls_that_never_end_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_MOST", 2)
    heard = Calls(repositories=False)
    for number in (1, 2, 3):
        heard.hear(started(number))
    ended = [heard.hear(settled(number, NOON + 1_000_000)) for number in (1, 2, 3)]
    assert [one and one.seconds for one in ended] == [None, 1.0, 1.0]
