"""What the log says of sessions that do not go as they should."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.house import Clock, House, answer
from tokenguard.errors import UsageError
from tokenguard.guard import OpenSession
from tokenguard.records import Session


@pytest.fixture(autouse=True)
def listening(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "tokenguard.guard.remarks")


def test_nothing_is_said_beforehand(caplog: pytest.LogCaptureFixture) -> None:
    assert caplog.messages == []


async def test_what_is_not_guarded_is_said_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    asked = OpenSession(agent="codex", cwd=str(house.repo), notes=("Codex 0.1 is too old\x1b",))
    session, token = await house.desk.open_session(asked)
    await house.desk.open_session(replace(asked, id=session.id, token=token))
    assert caplog.messages == [f"session {session.id} of codex: Codex 0.1 is too old\N{REPLACEMENT CHARACTER}"]


async def test_one_token_is_of_one_session(house: House, caplog: pytest.LogCaptureFixture) -> None:
    first = await house.session()
    with pytest.raises(UsageError) as refused:
        await house.desk.open_session(OpenSession(agent="codex", cwd=str(house.repo), token=house.token))
    assert str(refused.value) == (
        f"this run has the token of session {first.id} of claude; start each agent with a tokenguard run of its own"
    )
    assert house.guard.session_of(house.token) == first
    assert caplog.messages == [f"a run of codex came with the token of session {first.id} of claude: it is turned away"]


async def test_a_key_that_is_not_taken_is_said_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    session = await house.session()

    def settle(status: int, outcome: str) -> None:
        call = house.begin(session)
        house.guard.join(call)
        house.guard.settle(call, answer(), status=status, outcome=outcome)

    settle(401, "refused-upstream")
    settle(401, "refused-upstream")
    assert caplog.messages == [f"session {session.id} of claude: the provider does not take its key or login (401)"]
    assert (await house.desk.end_session(session.id, 1))["unauthorized"] == 2
    session = await house.session()
    settle(401, "refused-upstream")
    settle(200, "ok")
    assert (await house.desk.end_session(session.id, 0))["unauthorized"] == 0


@pytest.mark.parametrize(
    ("code", "seconds", "said"),
    [(1, 0.4, True), (1, 21.0, False), (0, 0.4, False), (None, 0.4, False)],
)
async def test_an_agent_that_fails_to_start(
    house: House, clock: Clock, caplog: pytest.LogCaptureFixture, code: int | None, seconds: float, said: bool
) -> None:
    session = await house.session()
    clock.now_us += int(seconds * 1_000_000)
    await house.desk.end_session(session.id, code)
    text = f"session {session.id} of claude made no call: its agent ended after 0.4 s with exit code 1"
    assert caplog.messages == [text] * said


async def test_an_agent_that_has_worked_may_end_with_an_error(house: House, caplog: pytest.LogCaptureFixture) -> None:
    session: Session = await house.session(cwd=Path(house.repo))
    assert await house.call(session)
    await house.desk.end_session(session.id, 1)
    assert caplog.messages == []
