"""A server for all tests of a process."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.postgres import Server
from tests.team.postgres.support import Team


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    if reason := postgres.missing():
        pytest.skip(reason)
    # A short path: a unix socket is in it. pytest's own folders are closed to whom the server runs as.
    with tempfile.TemporaryDirectory(prefix="tg-pg-") as folder:
        Path(folder).chmod(0o711)
        server = Server(Path(folder) / "s")
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


@pytest.fixture(params=["functions", "transactions"])
def team(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Team:
    """A team, once with functions, once as CockroachDB and YugabyteDB are used."""
    return Team(server, tmp_path, functions=request.param == "functions")
