from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.committing import World
from tests.support.gated import Upstream
from tests.support.home import Home
from tests.support.newer_git import TABLES_SINCE, newer_git
from tokenguard.ledger import Ledger


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home")
    yield made
    made.clean_up()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


@pytest_asyncio.fixture(params=["awake", "asleep", "tables"])
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """What hooks note, what is read from git if they sleep, and what they note of tables, has the same effect."""
    git = newer_git(TABLES_SINCE) if request.param == "tables" else None
    if git is not None:
        monkeypatch.setenv("PATH", f"{git}{os.pathsep}{os.environ['PATH']}")
    ledger = Ledger.open(tmp_path / "ledger.db")
    made = World(tmp_path, ledger, tables=git)
    made.commit("base")
    if git is not None:
        made.tell_hooks(".", "a-tree")
    if request.param == "asleep":
        made.let_hooks_sleep()
    yield made
    await ledger.close()
