"""Options among an agent's arguments."""

from __future__ import annotations

import pytest

from tokenguard.agents.options import take


@pytest.mark.parametrize(
    ("args", "values", "rest"),
    [
        ((), [], ()),
        (("--name", "a", "b"), ["a"], ("b",)),
        (("b", "--name=a=c"), ["a=c"], ("b",)),
        (("-n", "a", "--name", "c"), ["a", "c"], ()),
        (("-na", "-n=c"), ["a", "c"], ()),
        (("--", "--name", "a"), [], ("--", "--name", "a")),
        (("--names", "a"), [], ("--names", "a")),
        (("b", "--name"), [], ("b", "--name")),
    ],
)
def test_values_and_the_rest(args: tuple[str, ...], values: list[str], rest: tuple[str, ...]) -> None:
    assert take(args, "--name", "-n") == (values, rest)


def test_what_is_not_wanted_stays() -> None:
    found = take(("-n", "a", "-nb", "--name=c"), "-n", "--name", wanted=lambda value: value == "b")
    assert found == (["b"], ("-n", "a", "--name=c"))
