from __future__ import annotations

from tokenguard.policy.reactions import Reaction, depends_on_branch, speaks, tightened
from tokenguard.records import Budget


def test_the_stricter_of_both_holds_in_every_respect() -> None:
    mine = Reaction(commit="off", push="block", warn_at="hard", block_at="soft")
    theirs = Reaction(commit="warn", push="warn", warn_at="soft", block_at="hard")
    assert tightened(mine, theirs) == Reaction(commit="warn", push="block", warn_at="soft", block_at="soft")
    assert tightened(theirs, mine) == tightened(mine, theirs)


def test_scopes_that_belong_to_a_place_speak() -> None:
    speaking = {
        scope for scope in ("session", "repo", "branch", "agent", "model", "provider", "task", "user", "global")
    }
    assert {scope for scope in speaking if speaks(Budget("b", 1, scope=scope))} == {
        *("global", "user", "repo", "branch")
    }
    assert speaks(Budget("b", 1, scope="team"))


def test_what_depends_on_the_branch_is_known() -> None:
    assert depends_on_branch(Budget("b", 1, scope="branch"))
    assert depends_on_branch(Budget("b", 1, match=(("branch", "feat/*"),)))
    assert not depends_on_branch(Budget("b", 1, scope="repo", match=(("model", "opus*"),)))
