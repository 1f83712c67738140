"""A server for all tests of a process, a database for each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.postgres import Server
from tests.team.postgres.support import Team

_NUMBERS = count()


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
            server.stop()


@pytest.fixture(params=["functions", "transactions"])
def team(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> Team:
    """A team in a database of its own; once with functions, once as CockroachDB and YugabyteDB are used."""
    return Team(server, f"team{next(_NUMBERS)}", tmp_path, functions=request.param == "functions")
