"""What the status says of agents' logs, and what becomes of those that could not be read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tokenguard.agents.logs.shape import Places
from tokenguard.daemon.following import Following
from tokenguard.errors import LedgerError
from tokenguard.importing.importer import Progress
from tokenguard.importing.surveying import Plan
from tokenguard.ledger import Ledger

SECOND_US = 1_000_000
MUCH = Progress(began_us=0, files=10, files_read=2, bytes=100_000_000, bytes_read=25_000_000, added=7)


class FakeImporter:
    """Does as it is told."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.busy = False
        self.failure: Exception | None = None
        self.plans: list[Plan] = []

    async def run(self, plan: Plan, tell: Any = None) -> Progress:
        self.plans.append(plan)
        if self.failure is not None:
            raise self.failure
        return Progress(done=True)


@pytest.fixture
def importer() -> FakeImporter:
    return FakeImporter()


@pytest.fixture
async def following(tmp_path: Path, importer: FakeImporter) -> Following:
    await Ledger.open(tmp_path / "ledger.db").close()
    home = tmp_path / "home"
    (home / ".claude" / "projects").mkdir(parents=True)
    made: Any = importer
    return Following(made, tmp_path / "ledger.db", Places({}, home), lambda: {"anthropic": "credits"})


async def read(following: Following, *changed: Path) -> None:
    # As the watcher asks, which does not run here.
    following._sources()  # pyright: ignore[reportPrivateUsage]
    with suppress(KeyError):  # whoever follows logs it
        await following._read(frozenset(changed))  # pyright: ignore[reportPrivateUsage]  # what the watcher tells


async def test_how_long_the_rest_takes(following: Following, importer: FakeImporter) -> None:
    await read(following)
    importer.progress, importer.busy = MUCH, True
    told = following.view(4 * SECOND_US)
    assert (told["files"], told["files_done"], told["bytes"], told["bytes_done"]) == (10, 2, 100_000_000, 25_000_000)
    assert (told["rows"], told["left_s"]) == (7, 12.0)
    assert following.view(1 * SECOND_US)["left_s"] is None  # its speed is not known yet


@pytest.mark.parametrize(
    ("progress", "busy", "state"),
    [
        (None, False, "following"),
        (MUCH, True, "reading"),
        (MUCH, False, "following"),
        (Progress(bytes=1_000), True, "following"),
    ],
)
async def test_single_lines_are_no_news(
    following: Following, importer: FakeImporter, progress: Progress | None, busy: bool, state: str
) -> None:
    following._runs = True  # pyright: ignore[reportPrivateUsage]  # `run` would begin to watch
    assert following.view(0)["state"] == "reading"
    await read(following)
    importer.progress, importer.busy = progress, busy
    assert following.view(0)["state"] == state


async def test_everything_first_and_then_what_has_changed(following: Following, importer: FakeImporter) -> None:
    await read(following)
    changed = Path(importer.plans[0].home, ".claude", "projects", "p", "s.jsonl")
    await read(following, changed)
    first, second = importer.plans
    assert (first.below, first.agents, first.payers) == (None, None, {"anthropic": "credits"})
    assert (second.below, second.agents, second.payers) == ((str(changed),), ("claude",), {"anthropic": "credits"})


@pytest.mark.parametrize(
    ("failure", "said"),
    [(LedgerError("the disk is full", "make room"), "the disk is full"), (KeyError("x"), "internal error: KeyError")],
)
async def test_what_could_not_be_read_is_read_with_what_comes_next(
    following: Following, importer: FakeImporter, failure: Exception, said: str, tmp_path: Path
) -> None:
    await read(following)
    projects = tmp_path / "home" / ".claude" / "projects"
    importer.failure = failure
    await read(following, projects / "a.jsonl")
    assert following.view(0)["failing"] == said
    importer.failure = None
    await read(following, projects / "b.jsonl")
    assert importer.plans[-1].below == (str(projects / "a.jsonl"), str(projects / "b.jsonl"))
    assert following.view(0)["failing"] is None
