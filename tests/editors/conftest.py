"""Real editors: `make test-editors`, `make test-theia`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.agents import installing
from tests.agents.isolation import leave_the_network
from tests.editors.extension import Extension
from tests.editors.vscode import Unavailable, VSCode


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real_editors: installs a real editor from npm, and runs it; only with -m")
    config.addinivalue_line("markers", "theia: builds Eclipse Theia from npm, and runs it; only with -m")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """An editor runs only where it is asked for: it is half a gigabyte to fetch."""
    for marker, target in (("real_editors", "make test-editors"), ("theia", "make test-theia")):
        if marker not in str(config.getoption("-m")):
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=f"a real editor: {target}"))


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Extension:
    """The extension of tokenguard, to be built; it is what npm is asked for first."""
    try:
        return Extension(tmp_path_factory.mktemp("extension") / "vscode")
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def sdk() -> Path:
    """Anthropic's SDK for Node.js, of the version that Roo Code 3.52.1 has."""
    try:
        commands, _, _ = installing.search_path(["npm:@anthropic-ai/sdk@0.37.0"]).partition(os.pathsep)
    except installing.Unreachable as error:
        pytest.skip(str(error))
    return Path(commands).parent / "@anthropic-ai" / "sdk"


@pytest.fixture(scope="session")
def vscode(request: pytest.FixtureRequest) -> VSCode:
    """VS Code. After that, this process is out of the network."""
    try:
        found = VSCode()
    except Unavailable as error:
        pytest.skip(str(error))
    for name in ("extension", "sdk"):
        request.getfixturevalue(name)  # they need the network too, for the first time
    leave_the_network()
    return found
