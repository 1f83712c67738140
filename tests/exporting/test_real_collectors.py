"""A real Prometheus and a real collector of OpenTelemetry, beside a real daemon: what comes out at their other end."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from tests.exporting.collectors import Receiver, prometheus_running, rotel_running
from tests.exporting.telling import free_port
from tests.support.installation import Installation
from tests.support.waiting import until
from tokenguard import simulator
from tokenguard.policy.money import NANOS

pytestmark = pytest.mark.real_collectors

GUIDE = (Path(__file__).parents[2] / "docs/metrics.md").read_text("utf-8")
SERVED = {"gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model"}


@pytest.fixture
def sim() -> Iterator[simulator.Process]:
    with simulator.spawn(seed=1) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Desk:
    """An installation whose daemon exports, and what agents do in it."""

    def __init__(self, folder: Path, sim: simulator.Process, settings: str) -> None:
        self.tg = Installation(folder / "home", sim.url, settings=f"[metrics]\n{settings}")
        self.tg("daemon", "start")

    def call(self, dialect: str = "anthropic", *, refused: bool = False) -> None:
        done = self.tg(*self.tg.agent(dialect, "Say it. [sim:output=100]"), check=False)
        assert (done.returncode != 0) == refused, done

    def refuse(self) -> None:
        """A call for which no budget has anything left."""
        self.tg("budget", "set", "none", "--limit", "0 calls", "--window", "day", "--yes")
        self.call(refused=True)
        self.tg("budget", "remove", "none")


def nanos(points: list[tuple[dict[str, str], Any]]) -> int:
    dollars: float = sum(point.as_double for _, point in points)
    return round(dollars * NANOS)


def test_a_collector_of_opentelemetry_hands_on_what_was_spent(
    rotel: Path, receiver: Receiver, sim: simulator.Process, tmp_path: Path
) -> None:
    port = free_port()
    with rotel_running(rotel, tmp_path / "rotel", port, receiver.url):
        desk = Desk(tmp_path, sim, f'otlp = "http://127.0.0.1:{port}"\notlp_every = 1')
        try:
            desk.call()
            desk.call("anthropic:stream")
            desk.call("responses")
            desk.refuse()
            bill = sim.bill()
            until(lambda: receiver.points("tokenguard.refused"), "the last one is there")
            until(lambda: nanos(receiver.points("tokenguard.cost")) == bill.total_nanos, "all that is on the bill")
        finally:
            desk.tg.stop()

    kinds: dict[str, int] = {}
    for about, point in receiver.points("tokenguard.tokens"):
        kinds[about["tokenguard.token.kind"]] = kinds.get(about["tokenguard.token.kind"], 0) + point.as_int
    assert kinds["output"] == sum(call.usage.output for call in bill.calls)
    assert kinds["input"] == sum(call.usage.input for call in bill.calls)
    durations = receiver.points("gen_ai.client.operation.duration")
    assert {about["gen_ai.provider.name"]: point.count for about, point in durations} == {"anthropic": 2, "openai": 1}
    usage = [about.keys() for about, _ in receiver.points("gen_ai.client.token.usage")]
    assert usage and all(names == SERVED | {"gen_ai.token.type"} for names in usage)

    (resource,) = receiver.got[-1].resource_metrics
    assert {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"] == "tokenguard"
    (cost,) = [one for one in resource.scope_metrics[0].metrics if one.name == "tokenguard.cost"]
    assert (cost.unit, cost.sum.is_monotonic) == ("{USD}", True)
    assert cost.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE


def test_a_collector_that_comes_late_misses_nothing(
    rotel: Path, receiver: Receiver, sim: simulator.Process, tmp_path: Path
) -> None:
    port = free_port()
    desk = Desk(tmp_path, sim, f'otlp = "http://127.0.0.1:{port}"\notlp_every = 1')
    try:
        desk.call()
        log = desk.tg.home / "daemon.log"
        until(lambda: "the collector at 127.0.0.1 does not take metrics" in log.read_text(), "the log says so")
        with rotel_running(rotel, tmp_path / "rotel", port, receiver.url):
            until(lambda: nanos(receiver.points("tokenguard.cost")) == sim.bill().total_nanos, "it was sent again")
        desk.call()
    finally:
        desk.tg.stop()


def test_a_daemon_that_ends_sends_what_it_had_not_sent_yet(
    rotel: Path, receiver: Receiver, sim: simulator.Process, tmp_path: Path
) -> None:
    port = free_port()
    with rotel_running(rotel, tmp_path / "rotel", port, receiver.url):
        desk = Desk(tmp_path, sim, f'otlp = "http://127.0.0.1:{port}"\notlp_every = 3600')
        try:
            desk.call()
            assert not receiver.got
        finally:
            desk.tg.stop()
        until(lambda: nanos(receiver.points("tokenguard.cost")) == sim.bill().total_nanos, "the last post")


def block(language: str) -> str:
    """Of the guide, as it stands there."""
    found = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_prometheus_scrapes_and_answers(prometheus: Path, sim: simulator.Process, tmp_path: Path) -> None:
    port = free_port()
    desk = Desk(tmp_path, sim, f"port = {port}")
    often = "global: { scrape_interval: 200ms, scrape_timeout: 200ms }\n"
    settings = often + block("yaml").replace("9464", str(port))
    try:
        desk.call()
        desk.call("responses")
        desk.tg("budget", "set", "week", "--limit", "$100", "--window", "week")
        with prometheus_running(prometheus, tmp_path / "prometheus", settings) as asked:
            until(lambda: asked.number('up{job="tokenguard"}') == 1, "it is scraped")

            def cost() -> int:
                return round((asked.number("sum(tokenguard_cost_dollars_total)") or 0) * NANOS)

            def today() -> int:
                return round((asked.number("tokenguard_spent_today_dollars") or 0) * NANOS)

            until(lambda: cost() == today() == sim.bill().total_nanos, "the bill")
            first = {call.model: call.nanos for call in sim.bill().calls}
            assert {
                about["model"]: round(value * NANOS) for about, value in asked.ask("tokenguard_cost_dollars_total")
            } == (first)
            output = sum(call.usage.output for call in sim.bill().calls)
            assert asked.number('sum(tokenguard_tokens_total{kind="output"})') == output
            assert asked.number("sum(tokenguard_call_duration_seconds_count)") == 2
            spent = asked.number('tokenguard_budget_spent{budget="week"}')
            assert spent is not None and round(spent * NANOS) == sim.bill().total_nanos

            by_model, used = block("text").strip().splitlines()
            assert not [one for one in asked.ask(by_model) if one[1]], "what was before the first scrape is no increase"
            assert asked.ask(used) == []
            desk.call()
            desk.tg("budget", "set", "week", "--limit", "0.0001", "--window", "week")
            until(lambda: cost() == sim.bill().total_nanos, "the third call")
            grown = {about["model"]: value for about, value in asked.ask(by_model) if value}
            assert grown.keys() == {sim.bill().calls[-1].model}
            ((about, share),) = until(lambda: asked.ask(used), "a budget is nearly used up")
            assert about["budget"] == "week" and share > 1
            desk.refuse()
            until(lambda: asked.number('tokenguard_calls_total{outcome="refused"}') == 1, "a call was refused")
    finally:
        desk.tg.stop()


def test_prometheus_own_checker_finds_nothing_to_say(prometheus: Path, sim: simulator.Process, tmp_path: Path) -> None:
    port = free_port()
    desk = Desk(tmp_path, sim, f"port = {port}\nrepositories = true")
    try:
        desk.call()
        desk.refuse()
        desk.tg("budget", "set", "week", "--limit", "$100", "--window", "week", "--scope", "repo")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            told = answer.read()
    finally:
        desk.tg.stop()
    promtool = [str(prometheus.with_name("promtool")), "check", "metrics"]
    done = subprocess.run(promtool, input=told, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
