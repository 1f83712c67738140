"""`tokenguard ci check --team`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import Cli
from tokenguard.records.teams import Heard, Share, TeamBudget, TeamPolicy
from tokenguard.team.gitrefs import looking

TEAM = '[team]\nname = "web"\nsalt = "0123456789abcdef"\n[[team.budget]]\nname = "month"\nlimit = "$500"\n'
USD = 10**9


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch, repo: Path) -> dict[str, int]:
    """What the others have spent, by name of a limit."""
    figures: dict[str, int] = {}

    def look(policy: TeamPolicy, repository: Path, now_us: int) -> Heard:
        assert repository == repo
        shares = [Share(TeamBudget(name, 500 * USD), 0, None, nanos, held=USD) for name, nanos in figures.items()]
        return Heard(now_us, tuple(shares))

    monkeypatch.setattr(looking, "look", look)
    (repo / "tokenguard.toml").write_text(TEAM)
    return figures


def test_it_passes_below_the_limit_and_fails_at_it(cli: Cli, spent: dict[str, int]) -> None:
    spent["month"] = 205 * USD
    outcome = cli("ci", "check", "--team")
    assert (outcome.code, outcome.out, outcome.err) == (0, "team:web/month: $205.00 of $500.00, 41%\n", "")
    spent["week"] = 500 * USD
    outcome = cli("ci", "check", "--team")
    assert outcome.code == 1 and outcome.out.endswith("team:web/week: $500.00 of $500.00, used up\n")
    outcome = cli("ci", "check", "--team", "--json")
    assert outcome.code == 1 and outcome.document["passed"] is False
    assert outcome.document["team"][1] == {
        **{"team": "web", "name": "week", "limit": 500 * USD, "spent": 500 * USD, "held": USD, "presumed": 0},
        "used_up": True,
    }


def test_both_can_be_checked_at_once(cli: Cli, spent: dict[str, int]) -> None:
    spent["month"] = 500 * USD
    outcome = cli("ci", "check", "--team", "--range", "HEAD..HEAD", "--limit", "5", "--json")
    assert outcome.code == 1
    assert (outcome.document["over"], outcome.document["team"][0]["used_up"]) == (False, True)


@pytest.mark.parametrize("options", [[], ["--range", "a..b"], ["--limit", "5"], ["--team", "--limit", "5"]])
def test_what_is_to_be_checked_must_be_said(cli: Cli, spent: dict[str, int], options: list[str]) -> None:
    outcome = cli("ci", "check", *options)
    assert outcome.code == 2 and "--range A..B with --limit AMOUNT, or --team" in outcome.err


def test_without_a_team_there_is_nothing_to_check(cli: Cli, repo: Path) -> None:
    assert "names no team" in cli("ci", "check", "--team").err
