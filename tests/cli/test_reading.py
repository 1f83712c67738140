from __future__ import annotations

import sqlite3
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.support import connections
from tokenguard.cli import reading
from tokenguard.config.paths import Paths
from tokenguard.ledger import queries
from tokenguard.ledger.opening import open_for_writing


@pytest.mark.parametrize("begun", [True, False])
def test_a_ledger_is_closed_after_use_and_where_it_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    paths = Paths(tmp_path, tmp_path)
    if begun:
        open_for_writing(paths.ledger, "normal")[0].close()
    made = connections.noted(monkeypatch)
    with reading.open_ledger(paths) as conn:
        assert queries.totals(conn).calls == 0
    broken = Mock(side_effect=sqlite3.OperationalError("disk I/O error"))
    monkeypatch.setattr(*((queries, "give_room") if begun else (reading, "migrate")), broken)
    with pytest.raises(sqlite3.OperationalError, match="disk"), reading.open_ledger(paths):
        pytest.fail("it was opened")
    assert [connections.is_closed(conn) for conn in made] == [True, True]
