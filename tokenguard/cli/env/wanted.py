"""What has to be set, and where our fixed port is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokenguard import client
from tokenguard.agents import Agent, environment, generic
from tokenguard.agents.claude import by_hand as claude_by_hand
from tokenguard.config.paths import Paths
from tokenguard.config.settings import Config
from tokenguard.errors import UsageError
from tokenguard.ides import Address, Addresses
from tokenguard.platforms.service import service_port

_IN_TERMINALS = ("anthropic", "openai", "openrouter")
"""Providers to which programs in a terminal of an editor are led. Others are left alone: the variable of Gemini CLI
makes it ask for another way to sign in, and that of Kimi's agents belongs to another of Kimi's services."""

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def fixed_url(config: Config) -> str:
    """Where clients without a session come to. Raises `UsageError` if the port is not fixed."""
    if config.daemon.port == 0:
        raise UsageError(
            "daemon.port is 0: the port changes with every start, and nothing can be set to it",
            "set a fixed one in config.toml, such as 4747",
        )
    return f"http://127.0.0.1:{config.daemon.port}"


def variables(agent: Agent, base_url: str, env: Mapping[str, str]) -> dict[str, str]:
    """The variables that an agent needs in a shell with this environment."""
    found = dict(agent.by_hand(base_url).env)
    if found and any(env.get(spelled) for name in _PROXIES for spelled in (name, name.lower())):
        found |= environment.direct_loopback(env)
    return found


def addresses(base_url: str, config: Config) -> Addresses:
    """What an editor is to hold. What leads to the same provider without us may be replaced."""

    def address(provider: str, path: str = "") -> Address:
        return Address(f"{base_url}/{provider}{path}", (config.providers[provider] + path,))

    common = {name: address(provider, path) for name, provider, path in generic.VARIABLES if provider in _IN_TERMINALS}
    claude = {name: common.get(name, Address(value)) for name, value in claude_by_hand(base_url).env.items()}
    return Addresses(claude, {**common, **claude}, {provider: address(provider) for provider in config.providers})


def contradicting(wanted: Mapping[str, Address], env: Mapping[str, str]) -> dict[str, str]:
    """Variables that this environment sets to an address of the user's own: there the credentials belong."""
    return {
        name: env[name]
        for name, address in wanted.items()
        if env.get(name) and env[name].rstrip("/") not in (address.value, *address.instead_of)
    }


def without(wanted: Mapping[str, Address], names: Iterable[str]) -> dict[str, Address]:
    """Those of other names."""
    left_out = set(names)
    return {name: address for name, address in wanted.items() if name not in left_out}


def daemon_notes(paths: Paths, config: Config) -> list[str]:
    """What is to be known of the daemon, which has to be there before an agent asks for it."""
    notes: list[str] = []
    running = client.find(paths)
    if running is not None and running.port != config.daemon.port:
        notes.append(f"the daemon that runs has port {running.port}; to move it: tokenguard daemon restart")
    if service_port(paths.state_dir) != config.daemon.port:
        now = "it runs now, but not after a reboot" if running is not None else "it does not run now"
        notes.append(f"the daemon has to be there when an agent starts ({now}): tokenguard daemon install")
    return notes
