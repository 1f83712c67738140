"""Qwen Code as it comes: after a prompt without tools it remembers what was said, in a full call of its own."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.agents.roster import QWEN
from tests.agents.stage import Stage, shown

pytestmark = pytest.mark.real_agents

_FILE = ".qwen/settings.json"
_REMEMBERING = replace(QWEN, files={_FILE: json.dumps({**json.loads(QWEN.files[_FILE]), "memory": {}})})


@pytest.mark.parametrize("agent", [_REMEMBERING], indirect=True, ids=["qwen"])
def test_what_it_remembers_is_paid_for_too(stage: Stage) -> None:
    done = stage.run("say hello")
    assert (done.returncode, "Here is the answer:" in shown(done)) == (0, True), done
    assert stage.own() == 2 == stage.asked()
    assert stage.ledger() == stage.bill()
