from __future__ import annotations

from typing import Any

import pytest

from tokenguard.config.loops import check_loops
from tokenguard.config.sections import LoopSettings
from tokenguard.errors import ConfigError


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"repeats": 0, "identical": 0, "failures": 0},
        {"repeats": 2, "velocity": 1.5, "at_limit": "refuse"},
        {"actions": {"repeats": "hold", "identical": "refuse", "failures": "warn", "velocity": "hold"}},
    ],
)
def test_what_can_be_meant_is_taken(given: dict[str, Any]) -> None:
    check_loops(LoopSettings(**given), "config.toml")


@pytest.mark.parametrize("velocity", [1.0, -2.0, float("nan"), float("inf")])
def test_a_velocity_is_a_multiple(velocity: float) -> None:
    with pytest.raises(ConfigError) as refused:
        check_loops(LoopSettings(velocity=velocity), "config.toml")
    assert refused.value.message == f"config.toml: loops.velocity {velocity} is no multiple"
    assert refused.value.hint == "use a number above 1, such as 20, or 0 for never"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"repeats": 1}, "config.toml: loops.repeats 1 is too few; use 2 or more, or 0 for never"),
        ({"identical": -1}, "config.toml: loops.identical -1 is too few; use 2 or more, or 0 for never"),
        ({"failures": 1}, "config.toml: loops.failures 1 is too few; use 2 or more, or 0 for never"),
        ({"at_limit": "block"}, 'config.toml: loops.at_limit "block" is not known; use warn, hold, refuse'),
        (
            {"actions": {"x": "warn"}},
            'config.toml: loops.actions: "x" is no rule; use repeats, identical, failures, velocity',
        ),
        ({"actions": {"repeats": "x"}}, 'config.toml: loops.actions.repeats "x" is not known; use warn, hold, refuse'),
    ],
)
def test_what_cannot_is_refused_with_its_key(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_loops(LoopSettings(**given), "config.toml")
    assert f"{refused.value.message}; {refused.value.hint}" == message
