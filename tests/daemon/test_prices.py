"""The prices of a running daemon."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator

import pytest

from tests.support.home import Home
from tests.support.waiting import until
from tokenguard import client, simulator

PRICE = '[[price]]\nprovider = "anthropic"\nmodel = "claude-opus-*"\ninput = 0\noutput = 1000\n'
BODY = {"model": "claude-opus-5-5", "max_tokens": 8_000, "messages": [{"role": "user", "content": "[sim:output=300]"}]}


@pytest.fixture
def sim() -> Iterator[simulator.Process]:
    with simulator.spawn() as spawned:
        yield spawned


def call(daemon: client.Daemon, token: str, provider: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
    headers = {"content-type": "application/json", "x-api-key": "k", "anthropic-version": "2023-06-01"}
    connection.request("POST", f"/s/{token}/{provider}/v1/messages", json.dumps(BODY), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    connection.close()


def spent(daemon: client.Daemon) -> int:
    nanos: int = daemon.get("/v1/status")["totals"]["today"]["cost_nanos"]
    return nanos


def test_a_reload_brings_one_s_own_prices_and_providers(home: Home, sim: simulator.Process) -> None:
    known = f'[providers.anthropic]\nbase_url = "{sim.url}"\n'
    home.configure(rest=known)
    daemon = home.start()
    token = home.session(daemon)["token"]
    call(daemon, token, "anthropic")
    until(lambda: spent(daemon) == sim.bill().total_nanos)
    listed = spent(daemon)

    home.configure(rest=f'{known}[providers.house]\nbase_url = "{sim.url}"\n{PRICE}')
    home.started[0].send_signal(signal.SIGHUP)
    until(lambda: "the configuration was read again" in home.log)
    call(daemon, token, "house")
    call(daemon, token, "anthropic")
    until(lambda: daemon.get("/v1/status")["totals"]["today"]["calls"] == 3)
    assert spent(daemon) == listed + 300 * 1_000_000
