from __future__ import annotations

from pathlib import Path

import pytest

from tokenguard.errors import TeamError
from tokenguard.team.ownership import Ownership


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    one, other = Ownership(tmp_path / "team"), Ownership(tmp_path / "team")
    assert one.take()
    assert not one.take()
    with pytest.raises(TeamError, match="another process uses"):
        other.take()
    one.release()
    assert other.take()
    other.release()
