from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.errors import TeamError
from tokenguard.policy.rights import Cells, Holding
from tokenguard.team.gitrefs.memory import Memory, Seen, State
from tokenguard.team.identity import Where

HERE = Where("machine", 1, "/a")
STATE = State(
    "ann/m",
    "ann/m",
    HERE,
    "born",
    holdings={"all": {"0-9": Holding(Cells(spent=3, given={"bob/m": 1}), {"bob/m": 2}, honoured=True, before=5)}},
    seen={"bob/m": Seen(3, 4, budgets={"all": {"0-9": Cells(kept=2)}}, doubted=(("all", "0-9"),))},
)


def test_what_was_written_is_read_and_nobody_else_reads_it(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    assert memory.load() is None
    memory.save(STATE)
    assert Memory(tmp_path).load() == STATE
    assert (tmp_path / "state.json").stat().st_mode & 0o777 == 0o600


def test_a_disk_that_takes_nothing_is_an_error_for_a_person_and_the_old_state_stays(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.save(STATE)
    (tmp_path / "state.new").unlink(missing_ok=True)
    (tmp_path / "state.new").mkdir()
    with pytest.raises(TeamError, match=r"state\.json cannot be written"):
        memory.save(State("bob/m", "bob/m", HERE, "born"))
    assert memory.load() == STATE
