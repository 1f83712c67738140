"""`/metrics` of a daemon that runs, after calls have gone through it."""

from __future__ import annotations

import socket
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.support.gated import Stream, Upstream
from tests.support.home import Home
from tests.support.waiting import until
from tokenguard import client
from tokenguard.client.exchange import Exchange

COUNTED = "tokenguard_calls_total"


def numbers(text: bytes) -> dict[str, float]:
    """The sum of each metric's samples."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def by_socket(daemon: client.Daemon) -> bytes:
    exchange = Exchange(daemon.socket, "GET", "/metrics")
    try:
        assert exchange.status == 200
        return exchange.body()
    finally:
        exchange.close()


def call(home: Home, daemon: client.Daemon) -> None:
    Stream(home.state["port"], home.session(daemon)["token"]).rest()


def test_calls_are_told_on_the_socket_and_the_port(home: Home, upstream: Upstream) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    home.configure(rest=f"{upstream.settings}\n[metrics]\nport = {port}\n")
    daemon = home.start()
    upstream.finish.set()
    call(home, daemon)
    until(lambda: numbers(by_socket(daemon)).get(COUNTED) == 1, "the call is counted")
    found = numbers(by_socket(daemon))
    cost = found["tokenguard_cost_dollars_total"]
    assert cost > 0
    assert (found["tokenguard_tokens_total"], found["tokenguard_call_duration_seconds_count"]) == (15, 1)
    until(lambda: numbers(by_socket(daemon))["tokenguard_spent_today_dollars"] == cost, "the ledger has it, too")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert numbers(answer.read())["tokenguard_cost_dollars_total"] == cost


def test_without_a_port_they_are_counted_from_the_first_question_on(home: Home, upstream: Upstream) -> None:
    home.configure(rest=upstream.settings)
    daemon = home.start()
    upstream.finish.set()
    call(home, daemon)
    until(lambda: daemon.get("/v1/status")["totals"]["today"]["cost_nanos"], "the call is in the ledger")
    assert COUNTED not in numbers(by_socket(daemon))
    call(home, daemon)
    until(lambda: numbers(by_socket(daemon)).get(COUNTED) == 1, "the second call is counted")
