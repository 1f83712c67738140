from __future__ import annotations

import errno
import os
import queue
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from tests.support.waiting import DEADLINE
from tokenguard.watcher.folders import Wanted
from tokenguard.watcher.observing import Observation

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches folders above with inotify")


class Ear:
    """Hears what an observation tells."""

    def __init__(self) -> None:
        self.told: queue.Queue[Path | None] = queue.Queue()

    def hears(self, *wanted: Path | None) -> None:
        """All of them are told of, others may be."""
        missing = set(wanted)
        while missing:
            missing.discard(self.told.get(timeout=DEADLINE))


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def observe(ear: Ear) -> Iterator[Callable[..., Observation]]:
    made: list[Observation] = []

    def make(**options: Any) -> Observation:
        made.append(Observation(ear.told.put, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def observation(observe: Callable[..., Observation]) -> Observation:
    return observe()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / ".claude" / "projects"
    folder.mkdir(parents=True)
    return folder


def append(file: Path, line: str = "x\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.write(line)
    return file


def everything(root: Path) -> list[Wanted]:
    return [Wanted(root, deep=True)]


class TestByEvents:
    def test_what_is_there_is_watched_anew_once(self, observation: Observation, root: Path) -> None:
        assert observation.arm(everything(root)) == {root}
        assert observation.arm(everything(root)) == set()
        assert not observation.uncertain

    def test_a_line_that_is_added(self, observation: Observation, ear: Ear, root: Path) -> None:
        file = append(root / "web" / "a.jsonl")
        observation.arm(everything(root))
        append(file)
        ear.hears(file)

    def test_folders_that_come_with_their_files(self, observation: Observation, ear: Ear, root: Path) -> None:
        observation.arm(everything(root))
        for name in ("one", "two", "three"):
            file = append(root / name / "sid" / "subagents" / "agent-1.jsonl")
            ear.hears(root / name)
            append(file)
            ear.hears(file)

    def test_a_file_that_is_put_in_place_of_another(self, observation: Observation, ear: Ear, root: Path) -> None:
        file = append(root / "a.json")
        observation.arm(everything(root))
        append(root / "a.json.tmp").replace(file)
        ear.hears(file)

    def test_a_file_that_comes_from_elsewhere(
        self, observation: Observation, ear: Ear, root: Path, tmp_path: Path
    ) -> None:
        file = append(tmp_path / "old.jsonl")
        observation.arm(everything(root))
        file.rename(root / "old.jsonl")
        ear.hears(root / "old.jsonl")

    def test_reading_is_not_told(self, observation: Observation, ear: Ear, root: Path) -> None:
        file, last = append(root / "a.jsonl"), root / "b.jsonl"
        observation.arm(everything(root))
        file.read_bytes()
        os.listdir(root)
        append(last)
        assert ear.told.get(timeout=DEADLINE) == last

    def test_of_a_shallow_folder_only_its_own_files(self, observation: Observation, ear: Ear, root: Path) -> None:
        (root / "below").mkdir()
        observation.arm([Wanted(root, deep=False)])
        append(root / "below" / "a.db")
        last = append(root / "b.db")
        assert ear.told.get(timeout=DEADLINE) == last

    def test_a_file_that_goes_is_nothing_to_read(self, observation: Observation, ear: Ear, root: Path) -> None:
        file = append(root / "a.db-wal")
        observation.arm(everything(root))
        file.unlink()
        last = append(root / "b.jsonl")
        assert ear.told.get(timeout=DEADLINE) == last


class TestComingsAndGoings:
    def test_a_folder_that_comes_later(self, observation: Observation, ear: Ear, tmp_path: Path) -> None:
        root = tmp_path / "a" / "b" / "projects"
        assert observation.arm(everything(root)) == set()
        assert not observation.uncertain
        for folder in (tmp_path / "a", tmp_path / "a" / "b"):
            folder.mkdir()
            ear.hears(None)
            assert observation.arm(everything(root)) == set()
        file = append(root / "x.jsonl")
        ear.hears(None)
        assert observation.arm(everything(root)) == {root}
        append(file)
        ear.hears(file)

    def test_other_folders_that_come_are_not_told(self, observation: Observation, ear: Ear, tmp_path: Path) -> None:
        root = tmp_path / "a"
        observation.arm(everything(root))
        (tmp_path / "b").mkdir()
        append(tmp_path / "c")
        root.mkdir()
        assert ear.told.get(timeout=DEADLINE) is None
        assert ear.told.empty()

    @pytest.mark.parametrize("above", [0, 1, 2])
    def test_a_folder_that_is_moved_away_and_made_again(
        self, observation: Observation, ear: Ear, root: Path, above: int
    ) -> None:
        append(root / "old.jsonl")
        observation.arm(everything(root))
        moved = (root, *root.parents)[above]
        moved.rename(moved.with_name("elsewhere"))
        ear.hears(None)
        assert observation.arm(everything(root)) == set()
        file = append(root / "new.jsonl")
        ear.hears(None)
        while not observation.arm(everything(root)):
            ear.hears(None)  # one folder after the other came
        append(file)
        ear.hears(file)

    def test_a_folder_that_is_removed_and_made_again(self, observation: Observation, ear: Ear, root: Path) -> None:
        observation.arm(everything(root))
        for _ in range(3):
            shutil.rmtree(root)
            root.mkdir()
            while not observation.arm(everything(root)):
                ear.hears(None)  # the new folder may have the inode of the old one, until it is told that that is gone
        ear.hears(append(root / "a.jsonl"))

    def test_a_link_that_leads_there_and_then_elsewhere(
        self, observation: Observation, ear: Ear, tmp_path: Path
    ) -> None:
        root = tmp_path / "link"
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        observation.arm(everything(root))
        for name in ("one", "two"):
            root.unlink(missing_ok=True)
            root.symlink_to(tmp_path / name)
            ear.hears(None)
            while not observation.arm(everything(root)):
                ear.hears(None)
            append(tmp_path / name / "a.jsonl")
            ear.hears(root / "a.jsonl")

    def test_links_in_a_circle(self, observation: Observation, ear: Ear, root: Path) -> None:
        (root / "around").symlink_to(root)
        observation.arm(everything(root))
        ear.hears(append(root / "a.jsonl"))

    def test_a_folder_that_may_not_be_read(self, observation: Observation, ear: Ear, root: Path) -> None:
        (root / "secret").mkdir(mode=0)
        try:
            observation.arm(everything(root))
            ear.hears(append(root / "a.jsonl"))
        finally:
            (root / "secret").chmod(0o700)

    def test_what_is_not_wanted_any_more_is_let_go(
        self, observation: Observation, ear: Ear, root: Path, tmp_path: Path
    ) -> None:
        other = tmp_path / "other"
        other.mkdir()
        observation.arm(everything(root) + everything(other))
        assert observation.arm(everything(other)) == set()
        append(root / "a.jsonl")
        last = append(other / "b.jsonl")
        assert ear.told.get(timeout=DEADLINE) == last

    def test_a_file_where_a_folder_should_be(self, observation: Observation, tmp_path: Path) -> None:
        file = append(tmp_path / "projects")
        assert observation.arm(everything(file)) == set()


def silent(folder: Path) -> bool:
    return False


def full() -> BaseObserver:
    """An observer whose system allows no watch more once some folders are watched, and is silent about the rest."""
    observer = Observer()
    schedule = observer.schedule

    def limited(*args: Any, **options: Any) -> ObservedWatch:
        if options.get("recursive"):
            return schedule(*args, **options)
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    observer.schedule = limited  # type: ignore[method-assign]  # no test can use up the watches of a system
    return observer


def no_instance() -> BaseObserver:
    raise OSError(errno.EMFILE, "inotify instance limit reached")


class TestByLooking:
    @pytest.mark.parametrize(
        "options",
        [{"tells": silent}, {"native": full}, {"native": no_instance}],
        ids=["a network folder", "too many watches", "too many instances"],
    )
    def test_lines_folders_and_replacements(
        self, observe: Callable[..., Observation], ear: Ear, root: Path, options: dict[str, object]
    ) -> None:
        observation = observe(**options)
        assert observation.arm(everything(root)) == {root}
        assert observation.arm(everything(root)) == set()
        assert observation.uncertain  # the folders above cannot be watched
        file = append(root / "web" / "a.jsonl")
        ear.hears(file)
        append(file)
        ear.hears(file)
        append(root / "web" / "b.tmp").replace(file)
        ear.hears(file)

    def test_a_folder_that_goes_and_comes(self, observe: Callable[..., Observation], ear: Ear, root: Path) -> None:
        observation = observe(tells=silent)
        observation.arm(everything(root))
        shutil.rmtree(root)
        ear.hears(None)
        assert observation.arm(everything(root)) == set()
        root.mkdir()
        assert observation.arm(everything(root)) == {root}
        ear.hears(append(root / "a.jsonl"))

    def test_links_in_a_circle(self, observe: Callable[..., Observation], ear: Ear, root: Path) -> None:
        (root / "around").symlink_to(root)
        (root / "again").symlink_to(root)
        observation = observe(tells=silent)
        observation.arm(everything(root))
        ear.hears(append(root / "a.jsonl"))

    def test_systems_that_tell_only_of_what_is_below(
        self, observe: Callable[..., Observation], ear: Ear, root: Path
    ) -> None:
        observation = observe(above=0)
        observation.arm(everything(root))
        assert observation.uncertain
        ear.hears(append(root / "a.jsonl"))


def test_nothing_is_left_of_one_that_is_closed(root: Path, ear: Ear) -> None:
    before = threading.active_count()
    observation = Observation(ear.told.put)
    observation.arm(everything(root))
    assert threading.active_count() > before
    observation.close()
    assert threading.active_count() == before


def test_a_folder_that_comes_while_those_above_it_begin_to_be_watched(
    observe: Callable[..., Observation], ear: Ear, tmp_path: Path
) -> None:
    root = tmp_path / "state" / "hooks" / "repositories"
    comings = iter([tmp_path / "state", tmp_path / "state" / "hooks", root])

    def late() -> BaseObserver:
        made: Any = Observer()
        schedule = made.schedule

        def scheduled(*given: object, **named: object) -> object:
            for folder in comings:
                folder.mkdir()
                break
            return schedule(*given, **named)

        made.schedule = scheduled
        return cast(BaseObserver, made)

    observation = observe(native=late, above=1)
    assert observation.arm([Wanted(root, deep=True)]) == {root}
    (root / "web").mkdir()
    ear.hears(root / "web")
