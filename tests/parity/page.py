"""What docs/importers.md says of ccusage: `make parity` runs it and writes that part of the page."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.agents.installing import search_path
from tests.parity.case import Case
from tests.parity.cases import CASES
from tests.parity.reading import PACKAGES, VERSION, Counts, ours, theirs, truth
from tokenguard.agents.logs import LOGS
from tools.document_importers import PAGE, title

MARKED = re.compile(r"(?<=<!-- parity: make parity writes this -->\n).*?(?=<!-- end of parity -->)", re.DOTALL)


def main() -> int:
    """Compare, and write the page. 1 if a case is not as it says, which is told."""
    path = search_path([PACKAGES])
    found = [(case, _ours(case), _theirs(case, path)) for case in CASES]
    wrong = [*_wrong(found)]
    for line in wrong:
        print(line, file=sys.stderr)
    if not wrong:
        told = table([(case, counts) for case, _, counts in found])
        text, times = MARKED.subn(lambda _: f"\n{told}\n", PAGE.read_text("utf-8"))
        assert times == 1
        PAGE.write_text(text, "utf-8")
    return 1 if wrong else 0


def table(found: Sequence[tuple[Case, Counts]]) -> str:
    """The cases in which ccusage reads something else, and those in which it reads the same."""
    head = f"| what the logs hold | billed, and read by tokenguard | read by ccusage {VERSION} | why |"
    rows = [f"| {row(case)} | {shown(counts)} | {case.why} |" for case, counts in found if case.why]
    return "\n".join([head, "|---|---|---|---|", *rows, "", "Both read the same of these:", "", *same(), ""])


def same() -> Iterator[str]:
    """The cases in which both read the same, a line for each agent."""
    for agent in dict.fromkeys(case.agent for case in CASES if not case.why):
        holds = (case.holds for case in CASES if case.agent == agent and not case.why)
        yield f"- {title(LOGS[agent])}: {'; '.join(holds)}"


def row(case: Case) -> str:
    """The cells that say what there is in a case."""
    return f"{title(LOGS[case.agent])}: {case.holds} | {shown(truth(case))}"


def shown(counts: Counts) -> str:
    """Counts as the page has them."""
    return " / ".join(f"{count:,}" for count in counts)


def _ours(case: Case) -> Counts:
    with tempfile.TemporaryDirectory() as home:
        return asyncio.run(ours(case, Path(home)))


def _theirs(case: Case, path: str) -> Counts:
    with tempfile.TemporaryDirectory() as home:
        return theirs(case, Path(home), path)


def _wrong(found: list[tuple[Case, Counts, Counts]]) -> Iterator[str]:
    for case, read, others in found:
        if read != truth(case):
            yield f"tokenguard reads {shown(read)}, billed was {row(case)}"
        if (others == truth(case)) is bool(case.why):
            yield f"ccusage reads {shown(others)}, billed was {row(case)}; said of it is: {case.why or 'the same'}"


if __name__ == "__main__":
    sys.exit(main())
