"""Checks of what belongs to tokenguard: its files, its settings, its daemon, its ledger, its prices."""

from __future__ import annotations

import os
import platform
import socket
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenguard import __version__, attribution, client
from tokenguard.agents import Agents
from tokenguard.cli.findings import Finding, fail, failed, ok, warn
from tokenguard.cli.output import counted
from tokenguard.cli.prices.unlisted import examine
from tokenguard.config import budgets, settings
from tokenguard.config.paths import Paths
from tokenguard.daemon import catalogue
from tokenguard.errors import TokenguardError
from tokenguard.ledger import queries
from tokenguard.ledger.agreement import agrees_as_a_whole
from tokenguard.ledger.failures import suspect
from tokenguard.ledger.migrations import OLDEST_SQLITE
from tokenguard.platforms.service import service_port


def python() -> Finding:
    """The interpreter and what it brings."""
    detail = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        return fail("python", f"{detail} is too old for the ledger", f"use a Python with SQLite {oldest} or newer")
    return ok("python", detail)


def system() -> Finding:
    """The platform; native Windows never gets here."""
    loop = "uvloop" if find_spec("uvloop") else "asyncio's own loop"
    return ok("platform", f"{sys.platform} {platform.machine()}, {loop}")


def folders(paths: Paths) -> Iterator[Finding]:
    """Where configuration and state are kept, and who may look."""
    for folder in dict.fromkeys((paths.config_dir, paths.state_dir)):
        yield _folder(folder)
    if paths.ledger.exists() and paths.ledger.stat().st_mode & 0o077:
        yield warn("folders", f"others may read {paths.ledger}", f"chmod 600 {paths.ledger}")


def _folder(folder: Path) -> Finding:
    if not folder.exists():
        above = next(one for one in folder.absolute().parents if one.exists())
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            return fail("folders", f"{folder} cannot be made", f"make {above} writable, or set TOKENGUARD_HOME")
        return ok("folders", f"{folder} is made when it is needed")
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return fail("folders", f"{folder} cannot be written", "make it a folder of yours, or set TOKENGUARD_HOME")
    if folder.stat().st_mode & 0o077:
        return warn("folders", f"others may look into {folder}", f"chmod 700 {folder}")
    return ok("folders", f"{folder}")


def config(paths: Paths) -> Iterator[Finding]:
    """The user's settings, and those of the repository in which we are."""
    try:
        found = settings.load(paths)
        Agents(found.agents)
        yield ok("config", f"{paths.config_dir}: {counted(len(found.budgets), 'budget')}, port {found.daemon.port}")
    except TokenguardError as error:
        yield failed("config", error)
    place = attribution.locate(Path())
    if place.repo and place.worktree and (Path(place.worktree) / "tokenguard.toml").exists():
        try:
            own = budgets.read_repository_budgets(Path(place.worktree), place.repo)
            yield ok("config", f"{place.worktree}/tokenguard.toml: {counted(len(own), 'budget')}")
        except TokenguardError as error:
            yield failed("config", error)


def daemon(paths: Paths) -> Iterator[Finding]:
    """The daemon, its version, and the port at which agents expect it."""
    try:
        running = client.find(paths)
    except TokenguardError as error:
        yield failed("daemon", error)
        return
    if running is None:
        yield ok("daemon", "not running; it starts with the first tokenguard run")
    elif running.version != __version__:
        detail = f"version {running.version} is running, this is {__version__}"
        yield warn("daemon", detail, "tokenguard daemon restart")
    else:
        yield ok("daemon", f"running, pid {running.pid}, version {running.version}")
    if running is not None:
        yield from _writing(running)
    try:
        wanted = settings.load(paths).daemon.port
    except TokenguardError:
        return  # told by `config`
    yield _port(paths, wanted, running.port if running else None)


def _writing(running: client.Daemon) -> Iterator[Finding]:
    """What keeps the daemon from writing its ledger; nothing where it can, or does not tell."""
    try:
        told: Mapping[str, Any] = running.get("/v1/status").get("ledger") or {}
    except TokenguardError as error:
        yield failed("daemon", error)
        return
    if told.get("failing"):
        remedy = "free some disk space, or end what holds the file; what was spent meanwhile is written then"
        yield fail("daemon", str(told["failing"]), remedy)
    if told.get("set_aside"):
        remedy = "look into it with sqlite3 FILE .recover, if what was spent before is needed"
        yield warn("daemon", f"the ledger was damaged; it is kept as {told['set_aside']}", remedy)


def _port(paths: Paths, wanted: int, ours: int | None) -> Finding:
    if ours is not None:
        if wanted in (0, ours):
            return ok("port", f"{ours}, ours")
        return warn("port", f"the daemon uses {ours}, config.toml says {wanted}", "tokenguard daemon restart")
    if wanted == 0:
        return ok("port", "any free one")
    if service_port(paths.state_dir) == wanted:
        return ok("port", f"{wanted}, held by the service")
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            remedy = f"stop that program, or set port in [daemon] of {paths.config_file}"
            return fail("port", f"{wanted} is in use by another program", remedy)
    return ok("port", f"{wanted}, free")


def ledger(paths: Paths) -> Iterator[Finding]:
    """Whether the ledger is sound, and whether all models in it have a price."""
    if not paths.ledger.exists():
        yield ok("ledger", "none yet; it begins with the first tokenguard run")
        return
    try:
        with closing(queries.connect_readonly(paths.ledger)) as conn:
            sound: str = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
            with queries.snapshot(conn):
                agreed = agrees_as_a_whole(conn)
                calls = queries.totals(conn).calls
    except TokenguardError as error:
        yield failed("ledger", error)
        return
    except sqlite3.Error as error:
        sound, calls, agreed = str(error), 0, True
    if sound != "ok":
        suspect(paths.ledger)
        remedy = "tokenguard daemon restart: it sets the file aside and begins another"
        yield fail("ledger", f"{paths.ledger}: {sound}", remedy)
        return
    if not agreed:
        suspect(paths.ledger)
        remedy = "tokenguard daemon restart: it makes them anew"
        yield fail("ledger", f"{paths.ledger}: its sums do not agree with its calls", remedy)
        return
    yield ok("ledger", f"{paths.ledger}: {counted(calls, 'call')}, sound")
    yield _prices(paths)


def _prices(paths: Paths) -> Finding:
    try:
        config = settings.load(paths)
    except TokenguardError:
        config = settings.Config()  # what is wrong with it was told by `config`
    damage: list[str] = []
    known = catalogue.in_force(paths, config, damage.append)
    if damage:
        return warn("prices", damage[0], "tokenguard prices update")
    with closing(queries.connect_readonly(paths.ledger)) as conn:
        unlisted = examine(conn, known).unlisted
    if unlisted:
        models = ", ".join(dict.fromkeys(f"{one.model} ({one.provider})" for one in unlisted))
        detail = f"no price is listed for {models}: they count at a bound"
        return warn("prices", detail, "tokenguard prices check says what they were priced as")
    return ok("prices", f"of {known.source.date}; every model in the ledger has one")
