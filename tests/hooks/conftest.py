"""Hooks are tried out with real repositories, in every shell that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hooks.world import SHELLS, World, found


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Hooks run in the system's own shell."""
    return World(tmp_path)


@pytest.fixture(params=SHELLS)
def shells(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """A world for every shell that hooks may meet."""
    shell = found(request.param)
    if shell is None:
        pytest.skip(f"{request.param} is not installed")
    return World(tmp_path, shell)
