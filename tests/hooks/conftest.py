"""Hooks are tried out with real repositories, in every shell that is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.hooks.world import SHELLS, World, found
from tests.support.newer_git import TABLES_SINCE, newer_git
from tokenguard_hooks.gits import Gits


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_managers: installs hook managers from npm and PyPI; only with -m")
    config.addinivalue_line("markers", "alone: needs a machine on which no other test starts a git; not with -n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """They are fetched only where that is asked for; and with several workers, one is never alone."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        for item in items:
            if item.get_closest_marker("alone"):
                item.add_marker(pytest.mark.skip(reason="other tests start gits meanwhile: make tests runs it later"))
    if "real_managers" not in str(config.getoption("-m")):
        for item in items:
            if item.get_closest_marker("real_managers"):
                item.add_marker(pytest.mark.skip(reason="real hook managers: make test-hooks"))


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


@pytest.fixture
def references() -> str:
    """Where git keeps the references of new repositories: in "files" or "tables"."""
    return "files"


@pytest.fixture
def user(world: World, references: str, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world that this process lives in, with a git that knows no hooks in its configuration."""
    if references == "tables":
        world.path = f"{newer_git(TABLES_SINCE)}{os.pathsep}{world.path}"
        world.references = "tables"
        world.more["GIT_DEFAULT_REF_FORMAT"] = "reftable"
    _live_in(world, world.pretend("2.53.0"), monkeypatch)
    return world


@pytest.fixture
def modern(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same with a git that says that it knows them."""
    _live_in(world, world.pretend("2.54.0"), monkeypatch)
    return world


@pytest.fixture
def real_modern(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The same with one that really does."""
    _live_in(world, newer_git((2, 54)), monkeypatch)
    return world


def _live_in(world: World, git: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.path = f"{git}{os.pathsep}{world.path}"
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_"))]:
        monkeypatch.delenv(name)
    for name, value in world.env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def no_gits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No git is about that may start a hook, whatever else this machine does."""
    monkeypatch.setattr(Gits, "are_about", _none)


def _none(gits: Gits) -> bool:
    return False
