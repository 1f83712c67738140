from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gated import Upstream
from tests.support.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    made.clean_up()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made
