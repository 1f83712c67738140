from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.errors import TeamError
from tokenguard.team.identity import Where, where

HERE = Where("machine", 1, "/a")


@pytest.mark.parametrize(
    ("now", "copied"),
    [
        (HERE, False),
        (Where("machine", 1, "/b"), False),
        (Where("machine", 2, "/a"), False),
        (Where("machine", 2, "/b"), True),
        (Where("other", 1, "/a"), True),
    ],
)
def test_a_folder_may_be_moved_and_not_copied(now: Where, copied: bool) -> None:
    assert now.is_copy_of(HERE) is copied


def test_where_machines_have_no_id_a_folders_own_number_counts() -> None:
    assert Where("", 2, "/a").is_copy_of(Where("", 1, "/a"))
    assert not Where("", 1, "/b").is_copy_of(Where("", 1, "/a"))


def test_where_it_is(tmp_path: Path) -> None:
    one, other = where(tmp_path / "a"), where(tmp_path / "b")
    assert one.machine == other.machine
    assert other.is_copy_of(one)
    (tmp_path / "file").touch()
    with pytest.raises(TeamError, match="cannot be written"):
        where(tmp_path / "file/below")
