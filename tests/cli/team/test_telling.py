"""Teams in words: in 80 columns, and where there is less room."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.cli.team.told import USD, budget, member, team
from tokenguard.cli.team.telling import heard, members, teams

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_a_team() -> None:
    assert list(teams([team()], NOON, 80)) == [
        "web · git, rights · heard 12 s ago · you are a1b2c3d4e5f60718/77aa10ff",
        "BUDGET   SPENT    LIMIT  USED    HELD  PRESUMED     FREE   HERE",
        "month   $41.20  $500.00    8%  $60.00     $0.00  $390.90  $7.90  resets Dec 1",
    ]


def test_what_is_shared_only_to_be_seen_hands_nothing_out() -> None:
    one = budget(name="day", level="soft", spent=470 * USD, granted=None, held=0, presumed=0, free=30 * USD)
    told = team(mode="shared", budgets=[{**one, "resets_at": "2026-11-22T00:00:00+00:00"}])
    assert list(teams([told], NOON, 80))[1:] == [
        "BUDGET    SPENT    LIMIT  USED   HELD  PRESUMED    FREE",
        "day     $470.00  $500.00   94%  $0.00     $0.00  $30.00  soft · resets 00:00",
    ]


def test_what_nobody_was_heard_of_is_left_out() -> None:
    unknown = dict.fromkeys(("others", "held", "presumed", "free", "granted"))
    told = team(
        heard_at=None, state="never", problem="the remote is not there; check origin", budgets=[budget(**unknown)]
    )
    assert list(teams([told], NOON, 80)) == [
        "web · git, rights · nothing heard yet · you are a1b2c3d4e5f60718/77aa10ff",
        "! the remote is not there; check origin",
        "BUDGET   SPENT    LIMIT  USED",
        "month   $41.20  $500.00    8%  resets Dec 1",
    ]


def test_a_grant_that_has_run_out_is_called_so() -> None:
    assert "expired" in list(teams([team(budgets=[budget(usable=False)])], NOON, 80))[2]


def test_less_room_leaves_columns_out() -> None:
    lines = list(teams([team(remarks=["two machines share one name, and both of them spend"])], NOON, 50))
    assert max(map(len, lines)) <= 50
    assert lines[-2:] == ["- two machines share one name, and both of them", "  spend"]
    assert "HERE" in lines[2]


def test_several_teams_stand_apart() -> None:
    assert list(teams([team(budgets=[]), team(name="api", budgets=[])], NOON))[1] == ""


def test_names_from_elsewhere_do_not_reach_the_terminal() -> None:
    told = team(name="we\x1b[31mb", remarks=["a\x1b]0;b"], problem="c\x07")
    assert not any(char in "".join(teams([told], NOON)) for char in "\x1b\x07")


def test_members_have_the_names_that_are_known_here() -> None:
    told = team(
        members=[
            member("a1b2c3d4e5f60718", "77aa10ff", you=True),
            member("ffffffffffffffff", "00000000", spent=29_100_000_000, held=0, presumed=USD, heard_at=None),
        ]
    )
    assert members([told], {"a1b2c3d4e5f60718": "Ann Example"}, NOON, 100) == [
        "MEMBER             MACHINE   BUDGET   SPENT   HELD  PRESUMED  HEARD",
        "Ann Example (you)  77aa10ff  month   $12.10  $7.90     $0.00  12 s ago",
        "ffffffffffffffff   00000000  month   $29.10  $0.00     $1.00  never",
    ]
    assert members([team()], {}, NOON) == ["nobody has been heard of yet: tokenguard team sync"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (None, "never"),
        ("2026-11-21T12:00:05Z", "0 s ago"),
        ("2026-11-21T11:59:01Z", "59 s ago"),
        ("2026-11-21T11:01:00Z", "59 min ago"),
        ("2026-11-21T02:00:00Z", "10 h ago"),
        ("2026-11-18T11:00:00Z", "3 d ago"),
    ],
)
def test_how_long_ago(at: str | None, said: str) -> None:
    assert heard(at, NOON) == said
