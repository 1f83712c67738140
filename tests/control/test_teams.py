"""What can be asked of teams over the control socket."""

from __future__ import annotations

import pytest

from tests.control.conftest import Api
from tokenguard.errors import DaemonError, TeamError

ALL = {"teams": [{"name": "web"}]}


async def test_teams_are_told(api: Api) -> None:
    assert await api.get("/v1/team") == ALL
    assert api.host.teams.done == []


async def test_what_is_asked_of_them_is_answered_with_how_they_stand(api: Api) -> None:
    assert await api.post("/v1/team/sync", {}) == ALL
    assert await api.post("/v1/team/sync", {"team": "web"}) == ALL
    assert await api.post("/v1/team/lease", {"team": "web", "amount": "5"}) == ALL
    change = {"team": "web", "budget": "month", "amount": "+50", "reason": "a release"}
    assert await api.post("/v1/team/change", change) == ALL
    assert await api.post("/v1/team/leave", {"team": "web"}) == ALL
    assert await api.post("/v1/team/reload", {}) == ALL
    assert api.host.teams.done == [
        ("sync", None), ("sync", "web"), ("lease", "web", "5"), ("change", "web", "month", "+50", "a release"),
        ("leave", "web"), ("reload",),
    ]  # fmt: skip


@pytest.mark.parametrize("what", ["sync", "reload"])
async def test_what_a_team_refuses_is_told_with_its_remedy(api: Api, what: str) -> None:
    api.host.teams.failure = TeamError("the remote refuses to be written", "set team.remote to a repository of its own")
    with pytest.raises(DaemonError, match="the remote refuses to be written; set team.remote"):
        await api.post(f"/v1/team/{what}", {})


@pytest.mark.parametrize(
    ("what", "asked"), [("lease", {}), ("change", {"budget": "month", "amount": "5"}), ("sync", {"teams": "web"})]
)
async def test_what_is_not_understood_is_said(api: Api, what: str, asked: dict[str, str]) -> None:
    with pytest.raises(DaemonError, match="the request is not understood"):
        await api.post(f"/v1/team/{what}", asked)
    assert api.host.teams.done == []
