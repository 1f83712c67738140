"""`config.toml`: the settings that people write, with their defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tokenguard.config.agents import parse_agents
from tokenguard.config.budgets import parse_budgets, read_machine_budgets
from tokenguard.config.hooks import check_hooks
from tokenguard.config.loops import check_loops
from tokenguard.config.metrics import check_metrics
from tokenguard.config.notices import check_notify, check_preflight
from tokenguard.config.paths import Paths
from tokenguard.config.prices import parse_prices
from tokenguard.config.sections import (
    AgentSettings,
    DaemonSettings,
    HookSettings,
    InterruptedSettings,
    LedgerSettings,
    LoopSettings,
    MetricsSettings,
    NetworkSettings,
    NotifySettings,
    PreflightSettings,
    ProviderSettings,
)
from tokenguard.config.tables import convert, read_toml
from tokenguard.errors import ConfigError
from tokenguard.policy import billing, disconnects
from tokenguard.prices import Override
from tokenguard.records import Budget

PROVIDERS = {
    "anthropic": "https://api.anthropic.com",
    "bedrock": "https://bedrock-runtime.us-east-1.amazonaws.com",
    "chatgpt": "https://chatgpt.com/backend-api/codex",
    "deepseek": "https://api.deepseek.com",
    "gemini": "https://generativelanguage.googleapis.com",
    "code-assist": "https://cloudcode-pa.googleapis.com",
    "groq": "https://api.groq.com",
    "kimi": "https://api.moonshot.ai",
    "mistral": "https://api.mistral.ai",
    "openai": "https://api.openai.com",
    "openrouter": "https://openrouter.ai",
    "vertex": "https://aiplatform.googleapis.com",
    "xai": "https://api.x.ai",
}
"""Where each provider's API is, unless `[providers.NAME]` says otherwise.

Where several have the same prices, the first is meant if none is named.
"""

RESERVED_NAMES = frozenset({"s", "healthz"})
"""First path segments that mean something else than a provider."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    daemon: DaemonSettings = DaemonSettings()
    network: NetworkSettings = NetworkSettings()
    ledger: LedgerSettings = LedgerSettings()
    interrupted: InterruptedSettings = InterruptedSettings()
    providers: dict[str, ProviderSettings] = {}
    agents: dict[str, dict[str, Any]] = {}
    loops: LoopSettings = LoopSettings()
    preflight: PreflightSettings = PreflightSettings()
    notify: NotifySettings = NotifySettings()
    hooks: HookSettings = HookSettings()
    metrics: MetricsSettings = MetricsSettings()
    budget: list[dict[str, Any]] = []
    price: list[dict[str, Any]] = []


class Config(msgspec.Struct, frozen=True):
    """Everything that was configured, checked."""

    daemon: DaemonSettings = DaemonSettings()
    network: NetworkSettings = NetworkSettings()
    ledger: LedgerSettings = LedgerSettings()
    interrupted: InterruptedSettings = InterruptedSettings()
    providers: dict[str, str] = msgspec.field(default_factory=PROVIDERS.copy)
    """Base URL of each provider, without a slash at its end."""
    chosen_providers: frozenset[str] = frozenset()
    """Those whose URL the user wrote: it wins over what an agent's own settings say."""
    on_disconnect: dict[str, str] = {}
    """Of the providers for which it was set."""
    billing: dict[str, str] = {}
    """Of the providers for which it was set, one of `BILLINGS`."""
    agents: dict[str, AgentSettings] = {}
    """The user's own, by name."""
    loops: LoopSettings = LoopSettings()
    preflight: PreflightSettings = PreflightSettings()
    notify: NotifySettings = NotifySettings()
    hooks: HookSettings = HookSettings()
    metrics: MetricsSettings = MetricsSettings()
    budgets: tuple[Budget, ...] = ()
    """Hand-written ones first."""
    prices: tuple[Override, ...] = ()
    """The user's own, on top of what is listed."""


def load(paths: Paths) -> Config:
    """Read `config.toml` and `budgets.toml`; absent files mean defaults. Raises `ConfigError`."""
    file = paths.config_file
    written = convert(read_toml(file), _File, file.name)
    _check(written, file.name)
    check_loops(written.loops, file.name)
    check_preflight(written.preflight, file.name)
    check_notify(written.notify, file.name)
    check_hooks(written.hooks, file.name)
    check_metrics(written.metrics, written.daemon, file.name)
    chosen = {
        name: _base_url(name, given.base_url, file.name)
        for name, given in written.providers.items()
        if given.base_url is not None or name not in PROVIDERS
    }
    own = parse_budgets(written.budget, file)
    machine = read_machine_budgets(paths.budgets_file)
    twice = {budget.name for budget in own} & {budget.name for budget in machine}
    if twice:
        name = min(twice)
        raise ConfigError(
            f'budget "{name}" stands in {file.name} and in {paths.budgets_file.name}',
            f"rename it in {file.name}, or run tokenguard budget remove {name}",
        )
    return Config(
        daemon=written.daemon,
        network=written.network,
        ledger=written.ledger,
        interrupted=written.interrupted,
        providers=PROVIDERS | chosen,
        chosen_providers=frozenset(chosen),
        billing={name: given.billing for name, given in written.providers.items() if given.billing != "auto"},
        agents=parse_agents(written.agents, PROVIDERS.keys() | chosen.keys(), file.name),
        loops=written.loops,
        preflight=written.preflight,
        notify=written.notify,
        hooks=written.hooks,
        metrics=written.metrics,
        on_disconnect={name: given.on_disconnect for name, given in written.providers.items()},
        budgets=own + machine,
        prices=parse_prices(written.price, file),
    )


def _check(written: _File, name: str) -> None:
    if not 0 <= written.daemon.port <= 65535:
        raise ConfigError(f"{name}: daemon.port {written.daemon.port} is not a port", "use 0 to 65535")
    if written.daemon.on_error not in ("open", "closed"):
        raise ConfigError(f'{name}: daemon.on_error "{written.daemon.on_error}" is not known', "use open or closed")
    if written.daemon.idle_exit < 0:
        raise ConfigError(f"{name}: daemon.idle_exit is negative", "use seconds, or 0 for never")
    if written.ledger.durability not in ("normal", "full"):
        raise ConfigError(f'{name}: ledger.durability "{written.ledger.durability}" is not known', "use normal or full")
    if written.ledger.presume_after < 0:
        raise ConfigError(f"{name}: ledger.presume_after is negative", "use seconds")
    for key in ("drain_seconds", "drain_bytes"):
        if getattr(written.interrupted, key) < 0:
            raise ConfigError(f"{name}: interrupted.{key} is negative", "use 0 to pass every disconnect on at once")
    for provider, given in written.providers.items():
        if given.on_disconnect not in disconnects.SETTINGS:
            text = f'{name}: providers.{provider}.on_disconnect "{given.on_disconnect}" is not known'
            raise ConfigError(text, f"use {', '.join(disconnects.SETTINGS)}")
        if given.billing not in billing.SETTINGS:
            text = f'{name}: providers.{provider}.billing "{given.billing}" is not known'
            raise ConfigError(text, f"use {', '.join(billing.SETTINGS)}")
    if written.network.ca_bundle and not Path(written.network.ca_bundle).expanduser().is_file():
        raise ConfigError(f"{name}: network.ca_bundle {written.network.ca_bundle} is not a file", "name a PEM file")


def _base_url(provider: str, url: str | None, name: str) -> str:
    if url is None:
        raise ConfigError(f"{name}: providers.{provider} has no base_url", "say where it is: https://HOST")
    parts = urlsplit(url)
    if provider in RESERVED_NAMES or "/" in provider or not provider:
        raise ConfigError(f'{name}: providers.{provider}: the name "{provider}" is reserved', "choose another name")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f'{name}: providers.{provider}.base_url "{url}" is not an address', "use https://HOST or https://HOST/PATH"
        )
    if parts.query or parts.fragment or parts.username:
        raise ConfigError(
            f"{name}: providers.{provider}.base_url holds more than an address",
            "leave out user, query and fragment; agents send the credentials",
        )
    return url.rstrip("/")
