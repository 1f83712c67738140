from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import tabled
from tokenguard.attribution import reflog

ID = "6a7d84db98fdf0aaa86a958063853f8c144789b2"


def line(at: int, message: str, before: str = ID) -> str:
    return f"{before} {ID} A. Person <a@example.invalid> {at} +0100\t{message}"


def read(*lines: str) -> reflog.Switches:
    return reflog.read("\n".join([*lines, ""]).encode())


SWITCHES = read(
    line(10, "commit (initial): checkout: moving from a to b", "0" * 40),
    line(20, "checkout: moving from main to feat/ü"),
    line(30, "commit: more"),
    line(40, f"checkout: moving from feat/ü to {ID}"),
    line(50, "rebase (start): checkout origin/main"),
    line(60, f"checkout: moving from {ID} to main"),
    line(70, "Branch: renamed refs/heads/main to refs/heads/trunk"),
    line(70, "Branch: renamed refs/heads/main to refs/heads/trunk"),
)


@pytest.mark.parametrize(
    ("second", "branch"),
    [(0, "main"), (19, "main"), (20, "feat/ü"), (39, "feat/ü"), (40, None), (59, None), (60, "main"), (69, "main")],
)
def test_between_switches_it_is_the_one_before(second: int, branch: str | None) -> None:
    assert SWITCHES.at(second * 1_000_000, "trunk") == branch


def test_after_the_last_one_it_is_the_one_of_now() -> None:
    assert read(line(5, "checkout: moving from a to b")).at(6_000_000, "b") == "b"


@pytest.mark.parametrize("commit", [ID, "6a7d84d", "HEAD~2", "HEAD", "main^", "main@{1}", "refs/remotes/origin/main"])
def test_a_commit_is_no_branch(commit: str) -> None:
    assert read(line(5, f"checkout: moving from {commit} to b")).at(0, "b") is None


def test_what_is_no_line_says_nothing() -> None:
    assert reflog.read(b"\xff\xfe\n\0\ncheckout: moving from a to b\n").at(0, "now") == "now"


def test_a_branch_whose_name_is_no_text_is_named_as_head_names_it() -> None:
    there = line(20, "checkout: moving from main to f\xfcr")
    back = line(40, "checkout: moving from f\xfcr to main")
    assert reflog.read(f"{there}\n{back}\n".encode("latin-1")).at(30_000_000, "main") == "f\ufffdr"


def test_a_folder_without_a_log(tmp_path: Path) -> None:
    assert reflog.of(str(tmp_path)).at(0, "now") == "now"


def test_switches_are_found_in_tables(tmp_path: Path) -> None:
    tabled.put(tmp_path)
    switches = reflog.of(str(tmp_path))
    assert [switches.at(second * 1_000_000, "now") for second in (1_699_999_999, 1_700_000_001)] == ["main", "now"]
