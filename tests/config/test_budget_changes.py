from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.config import budget_changes, settings
from tokenguard.config.paths import Paths
from tokenguard.errors import ConfigError, UsageError

DAY = {"name": "day", "limit": "$20", "window": "day"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, tmp_path)


def known(paths: Paths) -> list[tuple[str, int]]:
    return [(budget.name, budget.limit // 10**9) for budget in settings.load(paths).budgets]


def test_one_is_added_changed_and_removed(paths: Paths) -> None:
    budget_changes.put(paths, DAY, new=True)
    budget_changes.put(paths, DAY | {"name": "week", "window": "week"}, new=True)
    budget_changes.put(paths, DAY | {"limit": "$30"}, new=False)
    assert known(paths) == [("day", 30), ("week", 20)]
    budget_changes.remove(paths, "day")
    assert known(paths) == [("week", 20)]


def test_none_takes_the_place_of_another_unseen(paths: Paths) -> None:
    with pytest.raises(UsageError, match='there is no budget "day"'):
        budget_changes.put(paths, DAY, new=False)
    budget_changes.put(paths, DAY, new=True)
    with pytest.raises(UsageError, match='there is already a budget "day"'):
        budget_changes.put(paths, DAY | {"limit": "$1"}, new=True)
    with pytest.raises(UsageError, match='there is no budget "month"; set by command: day'):
        budget_changes.remove(paths, "month")
    assert known(paths) == [("day", 20)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limit": "twenty"}, '"twenty" is not an amount'),
        ({"colour": "red"}, 'unknown key "colour"'),
        ({"name": "a b"}, "name"),
        ({"name": 5}, "name is not text"),
    ],
)
def test_what_is_no_budget_is_not_written(paths: Paths, change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        budget_changes.put(paths, DAY | change, new=True)
    assert not paths.budgets_file.exists()


def test_what_is_written_by_hand_is_left_alone(paths: Paths) -> None:
    paths.config_file.write_text('[[budget]]\nname = "day"\nlimit = "$5"\nwindow = "day"\n')
    with pytest.raises(UsageError, match="is written by hand"):
        budget_changes.put(paths, DAY, new=False)
    with pytest.raises(UsageError, match="is written by hand"):
        budget_changes.remove(paths, "day")


def test_a_file_that_is_broken_is_not_written_over(paths: Paths) -> None:
    paths.budgets_file.write_text("[[budget]\n")
    with pytest.raises(ConfigError):
        budget_changes.put(paths, DAY, new=True)
    assert paths.budgets_file.read_text() == "[[budget]\n"
