"""How calls reach their providers, and what becomes of them when their clients leave: as it is configured."""

from __future__ import annotations

from tokenguard.config.settings import Config
from tokenguard.guard.registry import UNWRAPPED
from tokenguard.guard.sessions import Sessions
from tokenguard.policy.disconnects import Drain, Habit, habit
from tokenguard.records import Call, Session
from tokenguard.upstream import Network


class Ways:
    """As they are now, by the configuration and by the session."""

    def __init__(self, sessions: Sessions, config: Config) -> None:
        self._sessions = sessions
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Go by this configuration."""
        self._config = config
        self._network = Network.of(config.network.proxy, config.network.no_proxy, config.network.ca_bundle)

    def upstream_of(self, session: Session | None, provider: str) -> str | None:
        """Base URL of a provider: the user's configuration, else what the agent's own settings name, else the usual."""
        own = dict(session.upstreams).get(provider) if session else None
        if own is None or provider in self._config.chosen_providers:
            return self._config.providers.get(provider)
        return own

    def network_of(self, session: Session | None) -> Network:
        """How providers are reached: what is configured, and from the environment of the run what is not."""
        given, own = self._network, self._sessions.of(session.id if session else UNWRAPPED).network
        return Network(
            given.proxy or own.proxy,
            given.plain_proxy or own.plain_proxy,
            given.no_proxy or own.no_proxy,
            own.ca_bundles + given.ca_bundles,
        )

    def habit_of(self, call: Call) -> Habit:
        """What the provider of a call does when its client leaves."""
        setting = self._config.on_disconnect.get(call.provider, "auto")
        return habit(call.provider, call.dialect, stream=call.stream, setting=setting)

    def drain(self, call: Call) -> Drain | None:
        """How far a call's answer is read on when its client leaves; None if the disconnect is passed on at once."""
        caps = self._config.interrupted
        if self.habit_of(call) is not Habit.RUNS_ON or not caps.drain_seconds or not caps.drain_bytes:
            return None
        return Drain(caps.drain_seconds, caps.drain_bytes)
