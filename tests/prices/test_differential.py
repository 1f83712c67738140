"""Ten thousand random usages cost what genai-prices says they cost, or differ for one of the reasons below.

The reasons are decided on genai-prices' own data, never on ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from genai_prices import types
from genai_prices.data import providers
from msgspec import Struct

from tokenguard.prices import Catalogue, cost
from tokenguard.records import Charge, Confidence, Context, Leg, Usage

CASES = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIZES = [0, 1, 1000, 50_000, 100_000, 200_000, 272_000]
BUCKETS = ["input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "output_mtok"]
AGENTS_USE = {"anthropic", "azure", "deepseek", "google", "moonshotai", "openai", "openrouter", "x-ai"}
WITHOUT_A_COUNT = ("_hours", "_kpages", "_mchars", "_gpixels", "_messages_kcount")


class Case(Struct, frozen=True):
    """One usage of one model, in both languages."""

    provider: types.Provider
    model: types.ModelInfo
    name: str
    at: datetime
    usage: Usage
    tier: str | None
    speed: str | None
    web_searches: int
    file_searches: int

    def ours(self, catalogue: Catalogue) -> Charge | None:
        fees = (("file_search", self.file_searches), ("web_search", self.web_searches))
        leg = Leg(self.name, self.usage, context=Context(self.tier, self.speed), fees=fees)
        return cost(catalogue, self.provider.id, leg, (self.at - EPOCH) // timedelta(microseconds=1))

    @property
    def context(self) -> dict[str, str]:
        """What genai-prices selects prices by."""
        context: dict[str, str] = {}
        if self.tier is not None:
            context["processing" if self.tier == "batch" else "service_tier"] = self.tier
        if self.speed is not None:
            context["speed"] = self.speed
        return context

    @property
    def prices(self) -> dict[str, Decimal | types.TieredPrices]:
        """The prices that genai-prices uses, by key."""
        price = self.model.get_prices(self.at, self.context if self.is_own else None)
        return {key: value for key, value in vars(price).items() if value is not None}

    @property
    def is_own(self) -> bool:
        return any(self.model is model for model in self.provider.models)

    def theirs(self) -> Decimal:
        """Nanodollars, not rounded."""
        usage = types.Usage(
            input_tokens=self.usage.prompt,
            cache_read_tokens=self.usage.cache_read,
            cache_write_tokens=self.usage.cache_write_5m + self.usage.cache_write_1h,
            cache_write_5m_tokens=self.usage.cache_write_5m,
            cache_write_1h_tokens=self.usage.cache_write_1h,
            output_tokens=self.usage.output,
            web_searches=self.web_searches,
            storage_searches=self.file_searches,
        )
        context = self.context or None
        price = self.model.calc_price(usage, self.provider, genai_request_timestamp=self.at, price_context=context)
        return price.total_price * 10**9

    def has_variant(self, kind: str, value: str) -> bool:
        return self.is_own and any(
            variant.when == {kind: value} and (variant.constraint is None or variant.constraint.active(self.at))
            for variant in self.model.price_variants or ()
        )


def unlisted_tier(case: Case) -> bool:
    """genai-prices falls back to the standard price; what a tier costs that is not listed is not known."""
    key = "processing" if case.tier == "batch" else "service_tier"
    return case.tier not in (None, "default", "standard") and not case.has_variant(key, case.tier)


def unlisted_speed(case: Case) -> bool:
    """As for tiers."""
    return case.speed == "fast" and not case.has_variant("speed", "fast")


def tier_and_speed(case: Case) -> bool:
    """genai-prices takes the variant that comes first; no list says what the two cost together."""
    return case.tier not in (None, "default", "standard") and case.speed == "fast"


def unpriced(case: Case) -> bool:
    """Models without prices are free to genai-prices."""
    return not any(key.endswith("_mtok") for key in case.prices)


def unlisted_rate(case: Case) -> bool:
    """Input or output without a price is free to genai-prices."""
    no_input = case.usage.prompt > 0 and "input_mtok" not in case.prices
    return no_input or (case.usage.output > 0 and "output_mtok" not in case.prices)


def unlisted_fee(case: Case) -> bool:
    """Searches without a price are free to genai-prices."""
    no_web_search = case.web_searches > 0 and "web_searches_kcount" not in case.prices
    return no_web_search or (case.file_searches > 0 and "storage_searches_kcount" not in case.prices)


def unlisted_cache_write(case: Case) -> bool:
    """genai-prices takes the price of shorter writes, or of input; we take Anthropic's rule for Claude, or nothing."""
    no_5m = case.usage.cache_write_5m > 0 and "cache_write_mtok" not in case.prices
    return no_5m or (case.usage.cache_write_1h > 0 and "cache_write_1h_mtok" not in case.prices)


def uncounted_unit(case: Case) -> bool:
    """genai-prices takes tokens for text; what is charged by images made or hours of sound has no price in tokens."""
    return any(
        key.endswith(WITHOUT_A_COUNT) or (key.startswith("output_") and key.endswith("_mtok") and key != "output_mtok")
        for key in case.prices
    )


def residue_of_a_float(case: Case) -> bool:
    """Prices with the residue of a float are rounded to whole nanodollars per million tokens."""
    amounts = [price for price in case.prices.values() if isinstance(price, Decimal)]
    return any(len(amount.as_tuple().digits) >= 15 for amount in amounts)


REASONS_FOR_NO_COST: tuple[Callable[[Case], bool], ...] = (
    tier_and_speed,
    unlisted_tier,
    unlisted_speed,
    unpriced,
    uncounted_unit,
    unlisted_fee,
    unlisted_rate,
    unlisted_cache_write,
)
REASONS_FOR_ANOTHER_COST: tuple[Callable[[Case], bool], ...] = (unlisted_cache_write, residue_of_a_float)


def random_case(random: Random) -> Case | None:
    """Three usages in four are what the list of the model provides for, at any date; the others are of any kind."""
    agents_use = [provider for provider in providers if provider.id in AGENTS_USE]
    provider = random.choice(random.choice([providers, agents_use]))
    name = random.choice(provider.models).id
    if provider.fallback_model_providers and random.random() < 0.5:
        resold = random.choice([p for p in providers if p.id in provider.fallback_model_providers])
        name = random.choice(resold.models).id
    model = provider.find_model(name, all_providers=providers)
    if model is None:
        return None
    at = datetime(2025, 6, 1, tzinfo=UTC) + timedelta(microseconds=random.randrange(730 * 86_400 * 10**6))
    if random.random() < 0.75:
        listed = {key for key, price in vars(model.get_prices(at)).items() if price is not None}
        known = [variant.when for variant in model.price_variants or ()]
    else:
        listed = {*BUCKETS, "web_searches_kcount", "storage_searches_kcount"}
        known = [{"service_tier": "flex"}, {"service_tier": "priority"}, {"processing": "batch"}, {"speed": "fast"}]
    asked = random.choice(known) if known and random.random() < 0.5 else {}
    counts = [random.choice(SIZES) + random.randrange(3) if random.random() < 0.5 else 0 for _ in BUCKETS]
    return Case(
        provider,
        model,
        name,
        at,
        Usage(*(count if key in listed else 0 for key, count in zip(BUCKETS, counts, strict=True))),
        asked.get("service_tier", asked.get("processing", random.choice([None, "default", "standard"]))),
        asked.get("speed", random.choice([None, "standard"] + ["fast"] * (random.random() < 0.05))),
        random.choice([0, 3]) if "web_searches_kcount" in listed else 0,
        random.choice([0, 2]) if "storage_searches_kcount" in listed else 0,
    )


def test_every_difference_has_a_reason(catalogue: Catalogue) -> None:
    random, seen = Random(20261121), Counter[str]()
    while seen.total() < CASES:
        if (case := random_case(random)) is None:
            continue
        ours, theirs = case.ours(catalogue), case.theirs()
        if ours is not None and ours.nanos == theirs.quantize(Decimal(1), ROUND_HALF_UP):
            seen["same"] += 1
            continue
        reasons = REASONS_FOR_NO_COST if ours is None else REASONS_FOR_ANOTHER_COST
        reason = next((reason.__name__ for reason in reasons if reason(case)), None)
        assert reason is not None, (case, ours, theirs)
        seen[reason] += 1
        if ours is not None and reason == unlisted_cache_write.__name__:
            assert ours.confidence is not Confidence.EXACT
    assert seen["same"] >= CASES * 0.6
    assert {"same", *(reason.__name__ for reason in REASONS_FOR_NO_COST)} <= set(seen)


def test_the_residue_of_a_float_moves_a_price_by_less_than_a_nanodollar_per_million_tokens(
    catalogue: Catalogue,
) -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    seen = 0
    for provider in providers:
        for model in provider.models:
            case = Case(provider, model, model.id, at, Usage(10**7, 10**7, 10**7, 0, 10**7), None, None, 0, 0)
            ours = case.ours(catalogue) if residue_of_a_float(case) else None
            if ours is not None:
                seen += 1
                assert abs(ours.nanos - case.theirs()) <= 1 + Decimal(case.usage.total) / 10**6
    assert seen > 10
