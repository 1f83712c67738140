"""`tokenguard daemon`."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import click

from tokenguard import client
from tokenguard.cli import output
from tokenguard.cli.commands import Commands, examples
from tokenguard.config import settings
from tokenguard.config.paths import Paths, find_paths
from tokenguard.errors import DaemonError, TokenguardError
from tokenguard_hooks import scripts

_PATIENCE_S = 30.0
"""How long `stop` waits for calls in flight."""

_LOOK_S = 0.5
"""How often `logs --follow` looks for new lines."""


@click.group(cls=Commands, epilog=examples("tokenguard daemon status", "tokenguard daemon restart"))
def daemon() -> None:
    """Start, stop and install the process in the background.

    tokenguard run starts it when it is needed.
    """


@daemon.command(epilog=examples("tokenguard daemon start"))
def start() -> None:
    """Start the daemon, if it does not run."""
    _tell(client.ensure(find_paths(os.environ), os.environ, output.note))


@daemon.command(epilog=examples("tokenguard daemon stop", "tokenguard daemon stop --now"))
@click.option("--now", is_flag=True, help="Cut off the calls in flight: they are paid, and agents send them again.")
def stop(now: bool) -> int:
    """Let the calls in flight end, and stop the daemon.

    The exit code is 1 if calls are still in flight after half a minute; it stops when they have ended.
    """
    running = client.find(find_paths(os.environ))
    if running is None:
        output.say("the daemon is not running")
        return 0
    return _stop(running, now=now)


@daemon.command(epilog=examples("tokenguard daemon restart"))
@click.option("--now", is_flag=True, help="Cut off the calls in flight: they are paid, and agents send them again.")
def restart(now: bool) -> int:
    """Stop the daemon if it runs, and start it."""
    paths = find_paths(os.environ)
    running = client.find(paths)
    if running is not None and _stop(running, now=now):
        return 1
    _tell(client.ensure(paths, os.environ, output.note))
    return 0


@daemon.command(short_help="Tell whether the daemon runs.", epilog=examples("tokenguard daemon status"))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> int:
    """Tell whether the daemon runs, and whether it is installed as a service.

    The exit code is 1 if it does not run.
    """
    paths = find_paths(os.environ)
    running = client.find(paths)
    about: dict[str, Any] | None = running.get("/v1/status")["daemon"] if running else None
    service = _service(paths)
    if as_json:
        output.say_json({"daemon": about, "service": service})
    else:
        if running is None or about is None:
            output.say("the daemon is not running")
        else:
            output.say(f"{_about(running)}, for {_duration(about['uptime_s'])}")
        output.say(f"service: {service['detail'] if service else 'not installed'}")
    return 0 if running else 1


@daemon.command(epilog=examples("tokenguard daemon logs", "tokenguard daemon logs --follow"))
@click.option("--lines", metavar="N", type=click.IntRange(min=0), default=100, help="The last N lines; 100 without it.")
@click.option("--follow", is_flag=True, help="Go on with new lines, until Ctrl-C.")
def logs(lines: int, follow: bool) -> None:
    """Show the daemon's log. It holds no prompts, answers, keys or tokens."""
    file = find_paths(os.environ).log_file
    try:
        log = file.open(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise DaemonError(f"there is no log at {file}", "it begins with the daemon: tokenguard daemon start") from error
    with log:
        for line in deque(log, maxlen=lines):
            output.say(line.rstrip("\n"))
        if follow:
            sys.stdout.flush()
            for line in _new_lines(log, file):
                output.say(line.rstrip("\n"))
                # A pipe would keep lines back until there are many.
                sys.stdout.flush()


@daemon.command(short_help="Let its port answer after a reboot.", epilog=examples("tokenguard daemon install"))
def install() -> None:
    """Install the daemon as a service of your login session, so that its port answers after a reboot.

    A systemd user unit on Linux, a launchd agent on macOS.
    """
    from tokenguard.platforms import service

    paths = find_paths(os.environ)
    described = service.service_of(settings.load(paths).daemon.port, os.environ, paths.log_file)
    running = client.find(paths)
    if running is not None and _stop(running, now=False):
        raise DaemonError("the daemon is still busy", "try again when the agents have ended")
    service.service_install(described, os.environ, paths.state_dir)
    output.say(f"installed: http://127.0.0.1:{described.port} answers, also after a reboot")


@daemon.command(epilog=examples("tokenguard daemon uninstall"))
def uninstall() -> None:
    """Stop the service and remove it. What was recorded stays."""
    from tokenguard.platforms import service

    service.service_uninstall(os.environ, find_paths(os.environ).state_dir)
    output.say("the service is removed")


@daemon.command(hidden=True, epilog=examples("tokenguard daemon run --foreground"))
@click.option("--foreground", is_flag=True, help="Keep the terminal, and log to it too.")
def run(foreground: bool) -> None:
    """Be the daemon."""
    from tokenguard.daemon.process import main  # heavy, and needed by nobody who only talks to it
    from tokenguard_hooks.rounds import Rounds

    paths = find_paths(os.environ)
    # Whoever upgrades gets a new daemon soon, and hooks that read what that one writes.
    with suppress(TokenguardError):
        scripts.refresh(paths)
    main(paths, os.environ, Rounds(paths), foreground=foreground)


def _stop(running: client.Daemon, *, now: bool) -> int:
    if running.stop(now=now, timeout=_PATIENCE_S):
        output.say("the daemon has stopped")
        return 0
    output.note("calls are still in flight, the daemon stops when they have ended; --now cuts them off")
    return 1


def _tell(running: client.Daemon) -> None:
    output.say(_about(running))


def _about(running: client.Daemon) -> str:
    return f"the daemon runs: pid {running.pid}, port {running.port}, version {running.version}"


def _service(paths: Paths) -> dict[str, Any] | None:
    """What the service manager says; None if nothing is installed, which is not worth a question to it."""
    from tokenguard.platforms import service

    if service.service_port(paths.state_dir) is None:
        return None
    found = service.service_status(os.environ)
    return {"active": found.active, "detail": found.detail, "files": [str(file) for file in found.files]}


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes < 1:
        return f"{int(seconds)} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _new_lines(log: TextIOWrapper, file: Path) -> Iterator[str]:
    """What is written from now on, also after the log was rotated."""
    current = log
    while True:
        yield from current
        try:
            if os.fstat(current.fileno()).st_ino != file.stat().st_ino:
                current = file.open(encoding="utf-8", errors="replace")
                continue
        except FileNotFoundError:
            pass  # between two files
        time.sleep(_LOOK_S)
