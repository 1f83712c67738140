"""How calls reach their providers, and what becomes of them when their clients leave: as it is configured."""

from __future__ import annotations

from tokenguard.config.settings import Config
from tokenguard.policy.disconnects import Drain, Habit, habit
from tokenguard.records import Call, Session
from tokenguard.upstream import Network


def upstream_of(config: Config, session: Session | None, provider: str) -> str | None:
    """Base URL of a provider: the user's configuration, else what the agent's own settings name, else the usual."""
    own = dict(session.upstreams).get(provider) if session else None
    if own is None or provider in config.chosen_providers:
        return config.providers.get(provider)
    return own


def configured_network(config: Config) -> Network:
    """How providers are reached as far as it is configured."""
    return Network.of(config.network.proxy, config.network.no_proxy, config.network.ca_bundle)


def network_of(given: Network, own: Network) -> Network:
    """What is configured, and from the environment of the run what is not."""
    return Network(
        given.proxy or own.proxy,
        given.plain_proxy or own.plain_proxy,
        given.no_proxy or own.no_proxy,
        own.ca_bundles + given.ca_bundles,
    )


def habit_of(config: Config, call: Call) -> Habit:
    """What the provider of a call does when its client leaves."""
    setting = config.on_disconnect.get(call.provider, "auto")
    return habit(call.provider, call.dialect, stream=call.stream, setting=setting)


def drain(config: Config, call: Call) -> Drain | None:
    """How far a call's answer is read on when its client leaves; None if the disconnect is passed on at once."""
    caps = config.interrupted
    if habit_of(config, call) is not Habit.RUNS_ON or not caps.drain_seconds or not caps.drain_bytes:
        return None
    return Drain(caps.drain_seconds, caps.drain_bytes)
