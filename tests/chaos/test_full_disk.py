"""A disk that is full for a while, under a real daemon at work: the setting decides, and nothing is lost."""

from __future__ import annotations

import http.client
import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.waiting import until
from tokenguard import simulator
from tokenguard.ledger import queries

BUDGET = """
[[budget]]
name = "all"
scope = "global"
limit = "$1000"
window = "total"
mode = "{mode}"
"""


@pytest.fixture
def provider() -> Iterator[simulator.Process]:
    with simulator.spawn() as made:
        yield made


class Call:
    """A stream that takes a while."""

    def __init__(self, port: int, text: str, output: int) -> None:
        body = {
            "model": "claude-haiku-4-5",
            "max_tokens": 1_000,
            "stream": True,
            "messages": [{"role": "user", "content": f"{text} [sim:output={output}] [sim:slow=20ms]"}],
        }
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._connection.request("POST", "/anthropic/v1/messages", json.dumps(body), {"x-api-key": "k"})

    def status(self) -> int:
        """Once its answer has begun."""
        self._answer = self._connection.getresponse()
        return self._answer.status

    def end(self) -> None:
        self._answer.read()
        self._connection.close()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process can be set on Linux only")
@pytest.mark.parametrize(
    ("on_error", "mode", "forwarded"),
    [("open", "calibrated", True), ("closed", "calibrated", False), ("open", "strict", False)],
)
def test_while_the_disk_is_full_the_setting_decides_and_nothing_is_lost(
    tmp_path: Path, provider: simulator.Process, on_error: str, mode: str, forwarded: bool
) -> None:
    home = Home(tmp_path / "home")
    try:
        home.configure(
            f'port = 0\non_error = "{on_error}"',
            f'[providers.anthropic]\nbase_url = "{provider.url}"\n{BUDGET.format(mode=mode)}',
        )
        daemon = home.start()
        running = Call(daemon.port, "before", 200)
        assert running.status() == 200
        unlimited = resource.RLIM_INFINITY
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (1, unlimited))
        meanwhile = Call(daemon.port, "meanwhile", 5)
        assert (meanwhile.status() == 200) is forwarded
        meanwhile.end()
        running.end()
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        after = Call(daemon.port, "after", 5)
        assert until(lambda: after.status() == 200)
        after.end()
        billed = provider.bill()
        assert len(billed.calls) == 2 + forwarded

        def written() -> bool:
            conn = queries.connect_readonly(home.paths.ledger)
            try:
                return queries.totals(conn).cost_nanos == billed.total_nanos and not queries.open_reservations(conn)
            finally:
                conn.close()

        assert until(written, "the ledger holds the bill")
        (view,) = home.daemon.get("/v1/status")["budgets"]
        assert (view["spent"], view["reserved"]) == (billed.total_nanos, 0)
    finally:
        home.clean_up()
