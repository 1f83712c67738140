from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.reports.advice.support import Books


@pytest.fixture
def books() -> Iterator[Books]:
    kept = Books()
    with closing(kept.conn):
        yield kept
