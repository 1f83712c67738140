"""A sample of the runs of `python -m tests.chaos.team_git`, and proof that they can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import team_git_kills
from tests.chaos.team_git import run
from tokenguard.policy import rights
from tokenguard.policy.rights import Cells, Holding
from tokenguard.team.identity import Where

SEED = 12


@pytest.mark.parametrize("number", range(12))
def test_nothing_is_over_whatever_happens_and_whoever_lies(number: int) -> None:
    outcome = run(number, SEED, real=False, steps=150)
    assert not outcome.broken, (
        f"{outcome.broken}; python -m tests.chaos.team_git --seed {SEED} --run {number} --steps 150"
    )
    assert outcome.did["wipe"] >= 2
    assert outcome.did["lie"] > 0


def test_through_a_real_repository_it_is_the_same() -> None:
    outcome = run(0, SEED, real=True, steps=20)
    assert not outcome.broken


def test_killed_at_any_moment_each_goes_on_where_it_was() -> None:
    outcome = team_git_kills.run(5, SEED)
    assert (outcome.broken, outcome.kills, outcome.wipes) == ("", 5, 2)


def test_a_copy_that_is_not_found_out_would_spend_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def anywhere(folder: Path) -> Where:
        return Where()

    monkeypatch.setattr("tokenguard.team.gitrefs.exchange.where", anywhere)
    assert any("over" in run(number, SEED, real=False, steps=100).broken for number in range(20))


def test_a_liar_who_is_believed_would_be_given_back_what_it_never_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def credulous(holding: Holding, me: str, others: dict[str, Cells]) -> Holding:
        back = {who: cells.given[me] for who, cells in others.items() if me in cells.given}
        return Holding(holding.said, {**holding.confirmed, **back}, holding.honoured, holding.before)

    monkeypatch.setattr(rights, "took_back", credulous)
    assert any("over" in run(number, SEED, real=False, steps=100).broken for number in range(10))
