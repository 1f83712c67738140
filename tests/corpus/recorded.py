"""Recorded responses of real providers, with sidecars that say how each is to be read.

They are not part of this repository: `TOKENGUARD_RECORDED` names their folder, else it is looked for beside it.
"""

from __future__ import annotations

import os
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from tokenguard.records import Facts, Reading
from tokenguard.wire.shape import Dialect, Meter

FOLDER = Path(os.environ.get("TOKENGUARD_RECORDED") or Path(__file__).parents[2].parent / "shared" / "recorded")

PROVIDERS = {"google": "gemini", "moonshotai": "kimi"}
"""Where the sidecars name a provider otherwise than we do."""


class ExpectedLeg(Struct):
    model: str | None
    type: str
    input_uncached: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    output: int
    reasoning_in_output: int
    billed: bool


class Expected(Struct):
    state: str
    legs: list[ExpectedLeg]
    fees: dict[str, int] = {}
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    provider_cost_usd: Decimal | None = None
    model: str | None = None


class Sidecar(Struct):
    protocol: str
    provider: str
    url: str | None
    streaming: bool
    request_model: str | None
    request_body: msgspec.Raw = field(default_factory=msgspec.Raw)
    expected: Expected = field(default_factory=lambda: Expected("none", []))


class Recording(Struct):
    name: str
    body: bytes
    sidecar: Sidecar

    def facts(self, dialect: Dialect) -> Facts:
        """The facts of the recorded request; of its model only, where the request was not kept."""
        path = urlsplit(self.sidecar.url or "").path
        request = bytes(self.sidecar.request_body)
        if path and request not in (b"", b"null"):
            return dialect.facts(path, request)
        return Facts(self.sidecar.request_model or "requested")

    def meter(self, dialect: Dialect) -> Meter:
        provider = PROVIDERS.get(self.sidecar.provider, self.sidecar.provider)
        return dialect.meter(self.facts(dialect), provider, stream=self.sidecar.streaming)


def recordings(protocol: str) -> list[Recording]:
    """All recordings of a protocol; none where the folder is absent."""
    found: list[Recording] = []
    for sidecar in sorted(FOLDER.glob(f"{protocol}/*.meta.json")):
        stem = sidecar.name.removesuffix(".meta.json")
        body = next(path for path in sidecar.parent.glob(f"{stem}.*") if path != sidecar)
        read = msgspec.json.decode(sidecar.read_bytes(), type=Sidecar)
        found.append(Recording(f"{protocol}/{stem}", body.read_bytes(), read))
    return found


def disagreements(recording: Recording, reading: Reading, requested: str) -> list[str]:
    """Where a reading is not what the sidecar expects, in words."""
    expected = recording.sidecar.expected
    found: list[str] = []

    def compare(what: str, ours: object, theirs: object) -> None:
        if ours != theirs:
            found.append(f"{what}: read {ours!r}, expected {theirs!r}")

    compare("state", reading.state, expected.state)
    compare("number of legs", len(reading.legs), len(expected.legs))
    for index, (leg, wanted) in enumerate(zip(reading.legs, expected.legs, strict=False)):
        usage = leg.usage
        compare(f"leg {index} model", leg.model, wanted.model or requested)
        compare(f"leg {index} type", leg.kind, wanted.type)
        compare(f"leg {index} billed", leg.billed, wanted.billed)
        compare(
            f"leg {index} buckets",
            (usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.output, usage.reasoning),
            (
                wanted.input_uncached,
                wanted.cache_read,
                wanted.cache_write_5m,
                wanted.cache_write_1h,
                wanted.output,
                wanted.reasoning_in_output,
            ),
        )
        compare(f"leg {index} service tier", leg.context.tier, expected.service_tier)
        compare(f"leg {index} speed", leg.context.speed, expected.speed)
        compare(f"leg {index} geography", leg.context.geo, expected.inference_geo)
    fees: dict[str, int] = {}
    for leg in reading.legs:
        for name, count in leg.fees:
            fees[name] = fees.get(name, 0) + count
    # The sidecars write the action of a search that names none as `None`.
    compare("fees", fees, {name.removesuffix(":None"): count for name, count in expected.fees.items()})
    cost = expected.provider_cost_usd
    nanos = None if cost is None else int((cost * 1_000_000_000).to_integral_value(ROUND_HALF_UP))
    compare("provider's cost", reading.legs[0].cost_nanos if reading.legs else None, nanos)
    if expected.model is not None:
        compare("model", reading.model, expected.model)
    return found
