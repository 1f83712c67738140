from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.home import Home
from tokenguard import client
from tokenguard.config.paths import Paths
from tokenguard.errors import DaemonError
from tokenguard_tui.asking import Asked, Inquiry, fetch
from tokenguard_tui.state import State

NOW = datetime(2026, 11, 18, 14, 30, tzinfo=UTC)
WEEK, DAY = {"since": "7d"}, {"since": "1d"}


class Asking:
    """An inquiry, and what it has asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.changed = 0
        self.state = State()
        self.inquiry = Inquiry("/v1/models", self.asked.append, self._change)

    def _change(self) -> None:
        self.changed += 1

    def want(self, query: Mapping[str, str], seconds: float = 0) -> None:
        self.inquiry.want(query, self.state, NOW + timedelta(seconds=seconds))


def test_a_question_is_asked_once_until_sums_have_changed() -> None:
    made = Asking()
    made.state.status({"n": 1})
    for seconds in (0, 1, 7, 59):
        made.want(WEEK, seconds)
    assert [one.query for one in made.asked] == [WEEK]
    made.state.status({"n": 2})
    made.want(WEEK, 59)
    made.want(WEEK, 60)
    assert len(made.asked) == 2
    made.want(WEEK, 63)
    made.state.status({"n": 3})
    made.want(WEEK, 63)
    assert len(made.asked) == 2, "sums that change all the time are not asked for all the time"
    made.want(WEEK, 64)
    assert len(made.asked) == 3


def test_hours_end_without_an_event() -> None:
    made = Asking()
    made.want(WEEK)
    made.want(WEEK, 60)
    assert len(made.asked) == 2


def test_another_question_is_asked_at_once_and_an_answer_that_is_too_late_is_dropped() -> None:
    made = Asking()
    made.want(WEEK)
    made.want(DAY)
    week, day = made.asked
    day.take({"rows": 1}, "")
    week.take({"rows": 7}, "")
    assert (made.inquiry.told, made.inquiry.of, made.changed) == ({"rows": 1}, DAY, 1)


def test_the_last_answer_stays_while_there_is_no_other() -> None:
    made = Asking()
    made.want(WEEK)
    made.asked[0].take({"rows": 7}, "")
    made.want(DAY)
    made.asked[1].take(None, "it is broken")
    assert (made.inquiry.told, made.inquiry.of, made.inquiry.problem) == ({"rows": 7}, WEEK, "it is broken")
    made.state.lost("the daemon has ended")
    made.want(DAY, 90)
    assert (len(made.asked), made.inquiry.problem) == (2, "the daemon has ended")
    made.state.status({})
    made.want(DAY, 91)
    made.asked[2].take({"rows": 1}, "")
    assert (made.inquiry.told, made.inquiry.problem) == ({"rows": 1}, "")


def ask(paths: Paths, path: str, **query: str) -> tuple[Mapping[str, Any] | None, str]:
    return fetch(paths, Asked(path, query, lambda told, why: None))


def test_without_a_daemon_it_says_so(tmp_path: Path) -> None:
    assert ask(Paths(tmp_path, tmp_path), "/v1/models") == (None, "the daemon is not running")


def test_a_running_daemon_answers(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    try:
        home.start()
        models, why = ask(home.paths, "/v1/models", since="7d")
        assert models is not None and (models["rows"], why) == ([], "")
        history, why = ask(home.paths, "/v1/history", window="month")
        assert history is not None and (history["series"], history["measure"], why) == ([], "spend", "")
        told, why = ask(home.paths, "/v1/moon")
        assert told is None and "older" in why
        told, why = ask(home.paths, "/v1/models", since="soon")
        assert told is None and "not a time" in why
    finally:
        home.clean_up()


def test_what_breaks_on_the_way_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(paths: Paths) -> None:
        raise DaemonError("the daemon does not answer", "kill it")

    monkeypatch.setattr(client, "find", silent)
    assert ask(Paths(tmp_path, tmp_path), "/v1/models") == (None, "the daemon does not answer")
