"""`tokenguard import`."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from tokenguard.agents import logins
from tokenguard.cli import output
from tokenguard.cli.commands import examples
from tokenguard.client import ensure
from tokenguard.config.paths import find_paths
from tokenguard.errors import DaemonError

_PLACES = re.compile(r"HOME$|_DIR$|^XDG_|^APPDATA$|_DATA$|_HOME$|_PATH$|_ROOT$|_DB$|_STORAGE$")
"""Variables that say where agents keep files."""

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)

KINDS = {
    "unknown-type": "of an unknown type",
    "dropped": "dropped",
    "doubtful": "used with doubt",
    "unreadable": "unreadable",
}
"""Kinds of oddities in words."""


@click.command("import", epilog=examples("tokenguard import", "tokenguard import --agent codex --full"))
@click.option("--agent", "agents", metavar="NAME", multiple=True, help="Only this agent's files; can be repeated.")
@click.option("--full", is_flag=True, help="Read everything again, not only what is new.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def import_logs(agents: tuple[str, ...], full: bool, as_json: bool) -> None:
    """Read what agents write down themselves into the ledger.

    Spend that did not pass the proxy is counted by that, once: a response that was metered already stays as it is.
    The daemon does this by itself; this waits until it is done, and tells what was odd.
    """
    daemon = ensure(find_paths(os.environ), os.environ, output.note)
    asked = {
        "home": str(Path.home()),
        "env": told_of(os.environ),
        "agents": agents or None,
        "full": full,
    }
    with daemon.stream("/v1/import", asked) as events:
        found = _last(events, show=not as_json and sys.stderr.isatty())
    if as_json:
        output.say_json(found)
        return
    for line in _lines(found):
        output.say(line)


def told_of(env: Mapping[str, str]) -> dict[str, str]:
    """What of an environment says where agents keep files; of their keys and tokens only that they are there."""
    places = {name: value for name, value in env.items() if _PLACES.search(name) and not _SECRET.search(name)}
    return places | {name: "set" for name in logins.TOLD_BY if env.get(name)}


def _last(events: Any, *, show: bool) -> dict[str, Any]:
    """The last event, with a bar for those before it. Raises `DaemonError` for what went wrong."""
    found: dict[str, Any] = {}
    began_s = time.monotonic()
    for found in events:
        if show and not found.get("done") and "error" not in found:
            sys.stderr.write(f"\r\x1b[K{bar(found, time.monotonic() - began_s)}")
            sys.stderr.flush()
    if show:
        sys.stderr.write("\r\x1b[K")
    if "error" in found:
        raise DaemonError(found["error"]["message"], found["error"]["hint"])
    if not found.get("done"):
        raise DaemonError("the daemon ended in the middle of the import", "see: tokenguard daemon logs")
    return found


def bar(progress: Mapping[str, Any], elapsed_s: float) -> str:
    """How far it is, how fast, and how long it will still take."""
    done, size = progress["bytes_read"], max(progress["bytes"], 1)
    share = min(1.0, done / size)
    rate = done / max(elapsed_s, 0.001)
    filled = "█" * int(share * 20)
    left = f", {max(0, size - done) / rate:.0f} s left" if done else ""
    return f"{filled:░<20} {share:4.0%}  {_bytes(done)} of {_bytes(size)}, {_bytes(int(rate))}/s{left}"


def _bytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{size / 1_000:,.1f} kB"


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    """What was read, and what was odd."""
    if found["files"] or not found["unchanged"]:
        yield (
            f"Read {output.counted(found['files_read'], 'file')} ({_bytes(found['bytes_read'])}): "
            f"{output.counted(found['added'], 'new response')}, {found['changed']:,} changed, "
            f"{found['joined']:,} measured already."
        )
    if found["unchanged"]:
        yield f"Nothing new in {output.counted(found['unchanged'], 'file')}."
    yield from doctor_lines(found["doctor"])


def doctor_lines(doctor: Mapping[str, Any]) -> Iterator[str]:
    """What was odd in agents' logs, a line for each agent and kind."""
    for agent, _, text in oddities(doctor):
        yield f"  {agent}: {text}"
    for one in doctor["unpriced"]:
        calls = output.counted(one["calls"], "response")
        yield f"  {one['agent']}: no price for {one['model']}: {calls} at the dearest that it can be"


def oddities(doctor: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(agent, kind, sentence) of what was odd, the details of one kind together."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for odd in doctor["oddities"]:
        found.setdefault((odd["agent"], odd["kind"]), []).append(odd)
    for (agent, kind), odds in found.items():
        count, of = sum(odd["count"] for odd in odds), "file" if kind == "unreadable" else "line"
        details = ", ".join(f"{odd['detail']} {odd['count']:,}" for odd in odds)
        where = odds[0]["example"]
        yield agent, kind, f"{output.counted(count, of)} {KINDS.get(kind, kind)} ({details}), such as in {where}"
