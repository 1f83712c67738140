"""What is sent by OpenTelemetry's protocol, read as a collector reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.exporting.telling import NOON, refused, settled, started
from tokenguard.config.settings import PROVIDERS
from tokenguard.exporting.calls import Calls
from tokenguard.exporting.otel import Meters
from tokenguard.records import Event

OF = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-opus-5-5"}
SERVED = {**OF, "gen_ai.response.model": "claude-opus-5-5-20261001"}
OWN = {**OF, "gen_ai.agent.name": "claude", "tokenguard.billing": "metered"}


def metrics(*events: Event, repositories: bool = False) -> dict[str, Any]:
    """Every metric by its name, as it comes out at the other end."""
    calls, meters = Calls(repositories=repositories), Meters()
    for event in events:
        if (ended := calls.hear(event)) is not None:
            meters.add(ended)
    request = ExportMetricsServiceRequest.FromString(meters.encoded())
    found = [metric for one in request.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]
    return {metric.name: metric for metric in found}


def points(metric: Any) -> Iterator[tuple[dict[str, str], Any]]:
    data = getattr(metric, metric.WhichOneof("data"))
    for point in data.data_points:
        yield {one.key: one.value.string_value for one in point.attributes}, point


def test_the_conventions_of_generative_ai_are_kept() -> None:
    found = metrics(started(), settled(at_us=NOON + 2_500_000))
    usage, duration = found["gen_ai.client.token.usage"], found["gen_ai.client.operation.duration"]
    assert (usage.unit, duration.unit) == ("{token}", "s")
    tokens = {about.pop("gen_ai.token.type"): (about, point) for about, point in points(usage)}
    assert {kind: (about, point.sum, point.count) for kind, (about, point) in tokens.items()} == {
        "input": (SERVED, 2_400, 1),
        "output": (SERVED, 40, 1),
    }, "what was cached is input, too"
    assert list(tokens["input"][1].explicit_bounds) == [4**power for power in range(14)]
    ((about, point),) = points(duration)
    assert (about, point.sum) == (SERVED, 2.5)
    assert list(point.explicit_bounds) == [pytest.approx(0.01 * 2**power) for power in range(14)]


def test_cost_and_kinds_of_tokens_are_tokenguards_own() -> None:
    found = metrics(settled(), settled(billing="subscription"), refused())
    ((about, point),) = points(found["tokenguard.cost"])
    assert (about, point.as_double) == (OWN, pytest.approx(0.041500001))
    ((about, point),) = points(found["tokenguard.notional_cost"])
    assert (about["tokenguard.billing"], point.as_double) == ("subscription", pytest.approx(0.041500001))
    kinds = {about["tokenguard.token.kind"]: point.as_int for about, point in points(found["tokenguard.tokens"])}
    assert kinds == {"input": 100, "cache_read": 2_000, "cache_write_5m": 300, "output": 40}
    ((about, point),) = points(found["tokenguard.refused"])
    assert (about, point.as_int) == (OWN, 1)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"outcome": "provider-error", "status": 529}, "529"),
        ({"outcome": "client-gone", "status": 200}, "client-gone"),
        ({"outcome": "cut", "status": None}, "cut"),
    ],
)
def test_a_call_that_failed_says_how(changes: dict[str, Any], error: str) -> None:
    found = metrics(started(), settled(at_us=NOON + 1, **changes))
    ((about, _),) = points(found["gen_ai.client.operation.duration"])
    assert about["error.type"] == error


def test_providers_have_the_names_of_the_conventions() -> None:
    named: dict[str, str] = {}
    for provider in PROVIDERS:
        ((about, _), *_) = points(metrics(settled(provider=provider))["tokenguard.tokens"])
        named[provider] = about["gen_ai.provider.name"]
    assert named == {
        "anthropic": "anthropic",
        "bedrock": "aws.bedrock",
        "chatgpt": "openai",
        "code-assist": "gcp.gemini",
        "deepseek": "deepseek",
        "gemini": "gcp.gemini",
        "groq": "groq",
        "kimi": "kimi",
        "mistral": "mistral_ai",
        "openai": "openai",
        "openrouter": "openrouter",
        "vertex": "gcp.vertex_ai",
        "xai": "x_ai",
    }, "those of no convention have ours"


def test_repositories_are_named_only_where_asked_for() -> None:
    for repositories in (False, True):
        text = str(list(metrics(settled(), repositories=repositories).values()))
        assert "ann" not in text and ("web" in text) == repositories


def test_the_sender_names_itself_and_not_its_machine() -> None:
    meters = Meters()
    ended = Calls(repositories=False).hear(settled())
    assert ended is not None
    meters.add(ended)
    request = ExportMetricsServiceRequest.FromString(meters.encoded())
    (resource,) = (one.resource for one in request.resource_metrics)
    assert {one.key for one in resource.attributes} == {"service.name", "service.version"}


def test_before_the_first_call_there_is_nothing() -> None:
    assert not ExportMetricsServiceRequest.FromString(Meters().encoded()).resource_metrics
