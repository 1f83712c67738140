"""A week of calls as docs/reports.md and README.md show it: three repositories, three models, and what a log tells.

python -m tests.reports.sample     writes what `tokenguard report` prints on those pages into them
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from tokenguard.config.paths import find_paths
from tokenguard.ledger import Settlement, logged, writes
from tokenguard.ledger.opening import open_for_writing
from tokenguard.ledger.values import Logged, Logs
from tokenguard.prices import charge, decode
from tokenguard.records import Call, Charge, Confidence, Leg, Usage

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / "reports.md", ROOT / "README.md"]
ZONE = "Europe/Berlin"
NOW_US = int(datetime(2026, 11, 21, 10, 42, tzinfo=ZoneInfo(ZONE)).timestamp()) * 1_000_000

_PRICES = decode(
    b"""{"format": 1, "source": {"name": "a list", "version": "1", "date": "2026-11-01"}, "providers": [
    {"id": "anthropic", "api": "x", "models": [
        {"id": "opus", "names": ["claude-opus-5-5"], "prices": [{"bands":
            [[0, 4000000000, 20000000000, 200000000, 5000000000, 8000000000]]}]},
        {"id": "haiku", "names": ["claude-haiku-5-5"], "prices": [{"bands":
            [[0, 100000000, 500000000, 10000000, 125000000, 200000000]]}]}]},
    {"id": "openai", "api": "y", "models": [
        {"id": "gpt", "names": ["gpt-6.1"], "prices": [{"bands": [[0, 1250000000, 10000000000, 125000000]]}]}]}]}"""
)
_COMMITS = (
    ("feat/login", "2026-11-19T09:52", "Login form"),
    ("feat/login", "2026-11-19T11:05", "Keep the session in a cookie"),
    ("feat/login", "2026-11-19T12:50", "Tests of the login"),
    ("main", "2026-11-20T16:20", "Merge branch 'feat/login'"),
)
_SHOWN = re.compile(r"(```console\n\$ (tokenguard report[^\n]*)\n).*?(?=^```)", re.DOTALL | re.MULTILINE)


class Talk(Struct, frozen=True):
    """A session: its first turn, how many there are, and how they grow."""

    session: str
    begin: str
    turns: int
    model: str = "claude-opus-5-5"
    agent: str = "claude"
    provider: str = "anthropic"
    repo: str | None = "web"
    branch: str = "main"
    task: str | None = None
    start: int = 22_000
    """Tokens of the first prompt; `grows` are added with every turn."""
    grows: int = 1_700
    output: int = 420
    pause_after: int = 0
    """The turn after which its cache expires, if it does."""
    request_class: str = "main"
    subagent: str | None = None
    uncached: float = 0.0
    """How much of each prompt no cache has."""


_TALKS = (
    Talk("s-login", "2026-11-19T09:05", 148, branch="feat/login", task="login", pause_after=96),
    Talk(
        "s-login",
        "2026-11-19T09:30",
        90,
        "claude-haiku-5-5",
        branch="feat/login",
        task="login",
        start=90_000,
        grows=900,
        request_class="sub-agent",
        subagent="Explore",
        uncached=0.3,
    ),
    Talk(
        "s-login",
        "2026-11-19T12:00",
        70,
        "claude-haiku-5-5",
        branch="feat/login",
        task="login",
        start=150_000,
        grows=700,
        request_class="sub-agent",
        subagent="Explore",
        uncached=0.3,
    ),
    Talk("s-review", "2026-11-20T15:40", 14, task="review", output=900),
    Talk("s-api", "2026-11-18T14:10", 46, "gpt-6.1", "codex", "openai", "api", grows=2_600, output=700),
    Talk("s-docs", "2026-11-20T10:15", 5, "claude-haiku-5-5", repo="docs", branch="fix/typo"),
    Talk("s-today", "2026-11-21T09:50", 18, branch="feat/logout", task="logout"),
)
_IDE = Talk("s-ide", "2026-11-17T11:00", 9, "claude-haiku-5-5", repo="docs")


def build(home: Path, repos: Path) -> None:
    """Write the ledger of `home`, and the repositories below `repos`."""
    _repository(repos / "web")
    home.mkdir(mode=0o700)
    conn, _ = open_for_writing(find_paths({"TOKENGUARD_HOME": str(home)}).ledger, "normal")
    with closing(conn):
        conn.execute("BEGIN")
        number = 0
        for talk in _TALKS:
            for made in _calls(talk, repos):
                number += 1
                writes.settle(conn, replace(made, call=replace(made.call, id=number), response_id=f"msg_{number}"))
        gone = next(_calls(replace(_TALKS[-1], begin="2026-11-21T10:30", turns=1, start=60_000), repos))
        assert gone.charge is not None
        doubted = replace(gone.charge, confidence=Confidence.ESTIMATED, high_nanos=2 * gone.charge.nanos)
        writes.settle(
            conn, replace(gone, call=replace(gone.call, id=number + 1), charge=doubted, outcome="client-gone")
        )
        first = next(at for at, talk in enumerate(_TALKS) if talk.session == "s-review")
        review, before = _TALKS[first], sum(talk.turns for talk in _TALKS[:first])
        rows = [_logged(f"msg_{before + at}", one, 0.98) for at, one in enumerate(_calls(review, repos), 1)]
        rows += [_logged(f"ide_{at}", one, 1) for at, one in enumerate(_calls(_IDE, repos), 1)]
        logged.write(conn, Logs(rows=tuple(rows)), _price_of_log)
        conn.execute("COMMIT")


def _calls(talk: Talk, repos: Path) -> Iterator[Settlement]:
    at_us = int(datetime.fromisoformat(talk.begin).replace(tzinfo=ZoneInfo(ZONE)).timestamp()) * 1_000_000
    cached = 0
    for turn in range(1, talk.turns + 1):
        prompt = talk.start + talk.grows * (turn - 1)
        if talk.pause_after and turn == talk.pause_after + 1:
            at_us, cached = at_us + 14 * 60_000_000, 0
        fresh = max(prompt - cached, round(prompt * talk.uncached))
        written = 0 if talk.provider == "openai" else fresh
        usage = Usage(fresh - written, prompt - fresh, written, output=talk.output + 37 * (turn % 7))
        call = Call(
            id=0,
            session=talk.session,
            agent=talk.agent,
            provider=talk.provider,
            dialect="",
            model=talk.model,
            started_us=at_us,
            repo=str(repos / talk.repo) if talk.repo else None,
            branch=talk.branch,
            task=talk.task,
            request_class=talk.request_class,
            subagent=talk.subagent,
        )
        leg = Leg(talk.model, usage)
        cost = _price(call, leg)
        yield Settlement(call, cost, at_us + 9_000_000, "ok", (leg,), usage, talk.model, status=200)
        at_us, cached = at_us + 85_000_000, prompt


def _price(call: Call, leg: Leg) -> Charge:
    return charge(_PRICES, call.provider, [leg], call.started_us)


def _price_of_log(call: Call, leg: Leg) -> Charge:
    return replace(_price(call, leg), confidence=Confidence.ESTIMATED)


def _logged(key: str, of: Settlement, share: float) -> Logged:
    usage = replace(of.usage, output=round(of.usage.output * share))
    return Logged(key, replace(of.call, origin="logged"), Leg(of.call.model, usage), key)


def _repository(top: Path) -> None:
    top.mkdir(parents=True)
    names = {f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

    def git(*words: str, at: str = "2026-11-01T09:00") -> None:
        dates = {"GIT_AUTHOR_DATE": f"{at}:00 +0100", "GIT_COMMITTER_DATE": f"{at}:00 +0100"}
        env = {"PATH": os.environ["PATH"], "HOME": str(top), "GIT_CONFIG_NOSYSTEM": "1", **names, **dates}
        subprocess.run(["git", *words], cwd=top, env=env, check=True, stdout=subprocess.DEVNULL)

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "Begin")
    git("branch", "feat/login")
    for branch, at, subject in _COMMITS:
        git("checkout", "--quiet", branch)
        git("commit", "--quiet", "--allow-empty", "-m", subject, at=at)
    git("checkout", "--quiet", "-b", "feat/logout")


def page(text: str, folder: Path) -> str:
    """A page with what its reports print now, of the ledger that was built in `folder`."""
    return _SHOWN.sub(lambda shown: shown[1] + _printed(shown[2], folder), text)


def _printed(line: str, folder: Path) -> str:
    clock = f"import time; time.time_ns = lambda: {NOW_US * 1000}"
    program = f"{clock}; from tokenguard.cli import main; main({shlex.split(line)[1:]!r})"
    env = {**os.environ, "TOKENGUARD_HOME": str(folder / "home"), "TZ": ZONE, "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder / "src" / "web", env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


def main() -> None:
    """Write the page."""
    with tempfile.TemporaryDirectory(prefix="tokenguard-sample-") as folder:
        build(Path(folder) / "home", Path(folder) / "src")
        for path in PAGES:
            path.write_text(page(path.read_text("utf-8"), Path(folder)), "utf-8")


if __name__ == "__main__":
    main()
