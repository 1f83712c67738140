"""`tokenguard demo` as people start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tokenguard.cli import main
from tokenguard.cli.demo import audit
from tokenguard.wire import DIALECTS


def start(temporary: Path, *options: str) -> subprocess.Popen[str]:
    """Start the demo in a process group of its own, with all of its files in `temporary`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tokenguard", "demo", *options],
        env={**os.environ, "TMPDIR": str(temporary), "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_behind(temporary: Path) -> list[str]:
    """Files and processes of a demo that has ended."""
    files = [str(file) for file in temporary.iterdir()]
    for process in psutil.process_iter():
        try:
            if str(temporary) in " ".join((*process.cmdline(), *process.environ().values())):
                files.append(f"{process.pid}: {process.cmdline()}")
        except psutil.Error:
            continue
    return files


def test_the_demo_proves_its_numbers_and_leaves_nothing(tmp_path: Path) -> None:
    with start(tmp_path, "--fast", "--no-tui") as demo:
        told, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, told
    places = {
        "claude": "web on feat/login",
        "codex": "api on main",
        "gemini": "docs on fix/typo",
        "babel": "lab on main",
    }
    for agent, place in places.items():
        assert f"{agent:<6}  starts in {place}" in told
    # One is stopped by its budget, in the words of its agent; the others end by themselves.
    assert "claude  API Error: 402 tokenguard stopped this request: the day budget of repository web" in told
    assert told.count("stopped this request") == 2
    assert len(re.findall(r"^(claude|codex |gemini|babel )  tokenguard  \$\d.* in \d+ calls", told, re.M)) == 4
    proof = re.search(r"own bill to the nanodollar, call by call: (\d+) calls in (\d+) dialects, ([\d,]+) nano", told)
    assert proof is not None
    total = re.search(r"^ total +(\d+) [^$\n]*\$(\d+\.\d+)", told, re.M)
    assert total is not None
    assert total[1] == proof[1]
    assert float(total[2]) == pytest.approx(int(proof[3].replace(",", "")) / 1e9, abs=0.01)
    # Every dialect has its row, with streams and documents, and what the ledger and the bill say of it.
    rows = re.findall(r"^ ([a-z-]+) +(\d+) +(\d+) +\S+ +([\d,]+) +([\d,]+)  =$", told, re.M)
    assert [row[0] for row in rows] == [*DIALECTS, "total"] and int(proof[2]) == len(DIALECTS)
    assert all(int(streamed) and int(whole) and ledger == bill for _, streamed, whole, ledger, bill in rows)
    assert rows[-1][-1] == proof[3]
    assert sum(int(row[-1].replace(",", "")) for row in rows[:-1]) == int(proof[3].replace(",", ""))
    assert "babel   > OpenAI Responses over WebSocket" in told
    # Somebody goes on where the agent was stopped: hooks warn of a commit and stop a push.
    commit, push, report = (part.split("\n\n")[0] for part in re.split(r"^\$ ", told, flags=re.M)[1:4])
    assert re.search(r"^tokenguard: web/day at 9\d% \(.*\)\. Committing goes on\.$", commit, re.M)
    assert re.search(r"^tokenguard: this push is stopped: web/day at 9\d% ", push, re.M)
    assert "failed to push" in push
    # Of a limit that is shared, the third of three is warned and refused: what the first two have spent counts.
    team = told[told.index("And three people share $1 a day, through a git remote.") :]
    assert re.search(r"^cara\$ tokenguard team sync\nshop · git, shared .*\n.*\nday +\$\d.* warn", team, re.M)
    assert re.search(r"^tokenguard: the limit that binds is team:shop/day, not yours: it is at \d\d%", team, re.M)
    assert "API Error: 402 tokenguard stopped this request: the limit that binds is team:shop/day, not yours" in team
    # What the branch cost is what its repository cost, and each of its commits has its part of it.
    web = re.search(r"^ web +claude +feat/login +(\d+) .*?(\$\d\.\d+) ", told, re.M)
    assert web is not None
    costs = [
        (int(calls), float(cost))
        for calls, cost in re.findall(r"^ [0-9a-f]{8} .*? (\d+) .*? \$(\d\.\d+) ", report, re.M)
    ]
    assert len(costs) > 5 and all(calls and cost for calls, cost in costs)
    assert sum(calls for calls, _ in costs) == int(web[1])
    assert sum(cost for _, cost in costs) == pytest.approx(float(web[2][1:]), abs=0.02)
    assert "\x1b" not in told and "Traceback" not in told
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with start(tmp_path, "--no-tui") as demo:
        assert demo.stdout is not None
        while "so far" not in (line := demo.stdout.readline()):
            assert line, "the demo ended too early"
        if number is signal.SIGINT:
            os.killpg(demo.pid, number)  # as a terminal does
        else:
            demo.send_signal(number)
        told, _ = demo.communicate(timeout=60)
    assert demo.returncode == code, told
    assert left_behind(tmp_path) == []


def test_a_difference_is_told_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = audit.recorded

    def wrong(ledger: Path) -> list[audit.Charged]:
        charges = recorded(ledger)
        at = next(at for at, call in enumerate(charges) if call.dialect == "bedrock-invoke")
        charges[at] = charges[at]._replace(nanos=charges[at].nanos + 1)
        return charges

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(audit, "recorded", wrong)
    assert main(["demo", "--fast", "--no-tui"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("≠")] == ["bedrock-invoke", "total"]
    assert lines[-3].startswith("only in the ledger: bedrock-invoke, claude-haiku-5-5")
    assert lines[-2].startswith("only on the bill: bedrock-invoke, claude-haiku-5-5")
    assert lines[-1] == "The ledger differs from the providers' bill in 2 places."
    assert left_behind(tmp_path) == []
