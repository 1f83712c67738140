"""OpenTelemetry: metrics by the semantic conventions for generative AI, and cost as tokenguard's own.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ (of them those of clients; tokenguard stands in the
client's place). The SDK counts, its encoder writes; what is sent goes the way of everything else that leaves here.
"""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from tokenguard import __version__
from tokenguard.exporting.calls import Ended
from tokenguard.policy.measure import is_notional
from tokenguard.policy.money import NANOS

_TOKEN_BOUNDS = [4.0**power for power in range(14)]
_SECONDS_BOUNDS = [0.01 * 2**power for power in range(14)]
"""Both as the conventions ask for."""

_PROVIDERS = {
    "bedrock": "aws.bedrock",
    "chatgpt": "openai",
    "code-assist": "gcp.gemini",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}
"""Ours -> what the conventions call it, where that differs."""

_GOOGLE = ("gemini", "code-assist", "vertex")

_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


class Meters:
    """The instruments."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        about = {"service.name": "tokenguard", "service.version": __version__}
        provider = MeterProvider([self._reader], Resource(about), shutdown_on_exit=False)
        meter = provider.get_meter("tokenguard", __version__)
        self._usage = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKEN_BOUNDS,
        )
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS_BOUNDS,
        )
        self._cost = meter.create_counter("tokenguard.cost", unit="{USD}", description="Dollars that are billed.")
        self._notional = meter.create_counter(
            "tokenguard.notional_cost", unit="{USD}", description="What calls on no bill would have cost."
        )
        self._tokens = meter.create_counter("tokenguard.tokens", unit="{token}", description="Tokens by kind.")
        self._refused = meter.create_counter(
            "tokenguard.refused", unit="{call}", description="Calls that were refused."
        )

    def add(self, call: Ended) -> None:
        """Count a call."""
        source = call.source
        about = {
            "gen_ai.operation.name": "generate_content" if source.provider in _GOOGLE else "chat",
            "gen_ai.provider.name": _PROVIDERS.get(source.provider, source.provider),
            "gen_ai.request.model": source.model,
        }
        own = {**about, "gen_ai.agent.name": source.agent, "tokenguard.billing": source.billing}
        if source.repo:
            own["tokenguard.repository"] = source.repo
        if call.outcome == "refused":
            self._refused.add(1, own)
            return
        about["gen_ai.response.model"] = call.served
        if call.usage.total:
            self._usage.record(call.usage.prompt, {**about, "gen_ai.token.type": "input"})
            self._usage.record(call.usage.output, {**about, "gen_ai.token.type": "output"})
        if call.seconds is not None:
            self._duration.record(call.seconds, about | _error(call))
        for kind in _KINDS:
            if count := getattr(call.usage, kind):
                self._tokens.add(count, {**own, "tokenguard.token.kind": kind})
        if call.nanos:
            (self._notional if is_notional(source.billing) else self._cost).add(call.nanos / NANOS, own)

    def encoded(self) -> bytes:
        """The sums since the beginning, as an `ExportMetricsServiceRequest`; empty before the first call."""
        found = self._reader.get_metrics_data()
        return b"" if found is None else encode_metrics(found).SerializeToString()


def _error(call: Ended) -> dict[str, str]:
    if call.outcome == "ok":
        return {}
    return {"error.type": str(call.status) if (call.status or 0) >= 400 else call.outcome}
