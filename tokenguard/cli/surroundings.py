"""Checks of what tokenguard works with: agents, their settings, proxies, those who are told, git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tokenguard import platforms
from tokenguard.agents import Agent, Situation
from tokenguard.agents.versions import installed, version_of
from tokenguard.cli.findings import Finding, failed, ok, warn
from tokenguard.cli.known import agents_of
from tokenguard.config.settings import Config
from tokenguard.errors import TokenguardError
from tokenguard.upstream import Network

_PATIENCE_S = 10


def agents(env: Mapping[str, str], config: Config) -> Iterator[Finding]:
    """The agents that are installed, and what of them would not be guarded."""
    known = agents_of(config).all
    found = {name: path for name, agent in known.items() if (path := installed(agent, env))}
    if not found:
        yield warn("agents", "none is on the PATH", f"{next(iter(known.values())).INSTALL}, for one")
    with ThreadPoolExecutor() as pool:
        versions = dict(zip(found, pool.map(_version, found.values()), strict=True))
    for name, path in found.items():
        yield ok("agents", f"{name}: {versions[name]} ({path})")
        yield from _unguarded(known[name], env, config)


def _version(path: str) -> str:
    """Of an agent, which is run only where its installer has not left it."""
    return version_of(path) or version(path)


def _unguarded(agent: Agent, env: Mapping[str, str], config: Config) -> Iterator[Finding]:
    """What the agent's recipe says of this user's settings, in this folder."""
    situation = Situation(
        base_url=f"http://127.0.0.1:{config.daemon.port}/s/doctor",
        args=(),
        env=env,
        home=Path.home(),
        cwd=Path.cwd(),
        folder=Path(os.devnull),
        providers=config.providers,
    )
    recipe = agent.recipe(situation)
    for note in recipe.notes:
        yield warn("agents", note, "only calls that pass tokenguard count")
    for provider, url in recipe.upstreams.items():
        yield ok(
            "agents", f"{agent.NAME}: its own settings send {provider} to {url}; tokenguard run passes it on there"
        )


def network(env: Mapping[str, str], config: Config) -> Iterator[Finding]:
    """Proxies and certificates on the way to the providers."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        if env.get(name) and not Path(env[name]).is_file():
            yield warn("network", f"{name} names {env[name]}, which is not a file", f"correct or unset {name}")
    given = config.network
    try:
        set_here = Network.of(given.proxy, given.no_proxy, given.ca_bundle)
        of_the_run = Network.from_env(env)
    except TokenguardError as error:
        yield failed("network", error)
        return
    way = "through a proxy" if set_here.proxy or of_the_run.proxy else "directly"
    authorities = ", ".join(set_here.ca_bundles + of_the_run.ca_bundles)
    trust = f", trusting {authorities} too" if authorities else ""
    yield ok("network", f"providers are reached {way}{trust}")


def notifications(env: Mapping[str, str], config: Config) -> Iterator[Finding]:
    """Who is told of held calls, as far as somebody is to be."""
    wanted = config.notify
    if wanted.desktop:
        yield _desktop(env)
    if wanted.bell:
        yield ok("notify", "the terminal of a run rings when one of its calls waits")
    if wanted.webhook is not None:
        host = urlsplit(wanted.webhook).hostname
        if wanted.webhook_secret_file is None:
            yield warn(
                "notify", f"posts to {host} are not signed", "set webhook_secret_file in [notify] of config.toml"
            )
        else:
            yield ok("notify", f"posts to {host}, signed")


def _desktop(env: Mapping[str, str]) -> Finding:
    command = platforms.notification("", "", urgent=False)
    if command is None:
        return warn(
            "notify", "this system's desktop is not known: nothing is shown on it", "use a webhook in its place"
        )
    if shutil.which(command[0], path=env.get("PATH")) is None:
        remedy = "install it (on Linux it belongs to libnotify)"
        return warn("notify", f"{command[0]} is not found: nothing is shown on the desktop", remedy)
    return ok("notify", f"the desktop, through {command[0]}")


def git(env: Mapping[str, str]) -> Finding:
    """Git, without which repositories are still told apart by their files."""
    path = shutil.which("git", path=env.get("PATH"))
    if path is None:
        return warn("git", "not found", "install it to work with repositories")
    return ok("git", version(path))


def version(path: str) -> str:
    """The first line that a program answers to `--version`."""
    try:
        done = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "does not tell its version"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else "does not tell its version"
