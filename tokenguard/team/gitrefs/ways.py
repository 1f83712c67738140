"""How a team's remote is reached: what the clone's configuration says of it, whichever repository asks later."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from tokenguard.errors import TeamError
from tokenguard.team.gitrefs import urls
from tokenguard.team.gitrefs.process import Runner, environment, reason

_SETTINGS = r"^(http\.|credential\.|core\.sshcommand$|ssh\.|safe\.)"
"""Those that say how a remote is reached."""


class Way(Struct, frozen=True):
    """Where a repository is, and the settings with which it is reached."""

    url: str
    push_url: str
    settings: tuple[tuple[str, str], ...]
    ssh: str


def find(remote: str, repository: Path | None, elsewhere: Path, runner: Runner) -> Way:
    """The way to a remote of a repository; to an address, from that repository or from `elsewhere`.

    Raises `TeamError` for what is no remote of it, and for an address that is not taken.
    """
    here = str(repository or elsewhere)
    if not urls.is_name(remote):
        _check(remote)
        url = push_url = _ask(runner, here, remote, "ls-remote", "--get-url")
    elif repository is None:
        raise TeamError(f"{remote} is a remote of a repository, and no repository is known")
    else:
        url = _ask(runner, here, remote, "remote", "get-url")
        push_url = _ask(runner, here, remote, "remote", "get-url", "--push")
    # Settings of the clone can put another address in the place of what was named.
    _check(url)
    _check(push_url)
    command = (*_asking(here), "config", "--null", "--get-regexp", _SETTINGS)
    read = runner.run(command, here, environment(None)).out.decode("utf-8", "surrogateescape")
    pairs = (line.partition("\n") for line in read.split("\0") if line)
    # A key that stands alone is switched on.
    settings = tuple((key, value if split else "true") for key, split, value in pairs)
    ssh = next((value for key, value in reversed(settings) if key == "core.sshcommand"), "ssh")
    return Way(url, push_url, tuple(pair for pair in settings if pair[0] != "core.sshcommand"), ssh)


def _ask(runner: Runner, here: str, remote: str, *words: str) -> str:
    done = runner.run((*_asking(here), *words, "--", remote), here, environment(None))
    if done.code:
        raise TeamError(f"{here} has no remote {remote}: {reason(done)}", "set `remote` in [team]")
    return done.out.decode("utf-8", "surrogateescape").removesuffix("\n")


def _asking(here: str) -> tuple[str, ...]:
    return ("git", "--no-pager", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", here)


def _check(address: str) -> None:
    why = urls.refusal(address)
    if why:
        raise TeamError(f"{why}: {urls.shown(address)!r}", urls.MEANS)
