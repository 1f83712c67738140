"""The process that is the daemon: what is made ready before it serves, and how it lets go of who started it."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

from tokenguard import __version__, platforms
from tokenguard.config import settings
from tokenguard.config.paths import Paths
from tokenguard.daemon import logs
from tokenguard.daemon.instance import Instance
from tokenguard.daemon.resting import Hooks
from tokenguard.errors import TokenguardError
from tokenguard.intercept.environment import undo

log = logging.getLogger(__name__)


def main(paths: Paths, env: MutableMapping[str, str], hooks: Hooks, *, foreground: bool = False) -> None:
    """Be the daemon until a signal or the control API ends it. `hooks` are those of git, awake for as long as it is.

    Once it can be reached it says so on stdout and then lets go of its terminal, unless it is in the `foreground`;
    there it logs to stderr too. Raises `TokenguardError` if it cannot start; that is in the log as well.
    """
    os.umask(0o077)
    undo(env)  # of a run that is intercepted: it is not ours
    os.chdir("/")
    instance = Instance(paths)
    try:
        logs.start(paths.log_file, foreground=foreground)
        config = settings.load(paths)
        # Only now: whoever is told that a daemon runs already does not wait for these imports.
        platforms.reuse_memory()
        import uvloop

        from tokenguard.daemon.serving import serve

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            detach_to = None if foreground else paths.log_file
            runner.run(serve(paths, config, instance, env, hooks, lambda port: _ready(port, detach_to)))
    except TokenguardError as error:
        log.error("ended: %s", error)
        raise
    except Exception:
        log.exception("ended by a fault")
        raise
    finally:
        instance.release()


def _ready(port: int, detach_to: Path | None) -> None:
    log.info("version %s is ready on port %d, pid %d", __version__, port, os.getpid())
    try:
        print(f"tokenguard: the daemon is ready on port {port}", flush=True)
    except OSError:
        pass  # who started it has gone
    if detach_to is not None:
        _detach(detach_to)


def _detach(log_file: Path) -> None:
    """Close stdin and stdout, so that nobody waits for their end; what the interpreter itself says goes to the log."""
    nothing = os.open(os.devnull, os.O_RDWR)
    errors = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream, target in ((sys.__stdin__, nothing), (sys.__stdout__, nothing), (sys.__stderr__, errors)):
        if stream is not None:
            os.dup2(target, stream.fileno())
    os.close(nothing)
    os.close(errors)
    faulthandler.enable()
