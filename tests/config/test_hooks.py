"""`[hooks]`, the user's and a repository's: what is taken, and what is refused with its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.config.budgets import read_repository_budgets
from tokenguard.config.hooks import RepositoryHooks, reactions, read_repository_hooks
from tokenguard.config.paths import Paths, find_paths
from tokenguard.config.sections import HookSettings, TeamHookSettings
from tokenguard.config.settings import load
from tokenguard.errors import ConfigError
from tokenguard.policy.budgets import LEVELS
from tokenguard.policy.reactions import REACTIONS, Reaction, Reactions


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return find_paths({"TOKENGUARD_HOME": str(tmp_path)})


def test_hooks_warn_unless_something_else_is_said(paths: Paths) -> None:
    assert reactions(load(paths).hooks) == Reactions()
    assert Reactions().own == Reactions().team == Reaction("warn", "warn", "soft", "hard")


def test_what_is_written_holds_and_a_team_s_budgets_take_what_is_not_said_of_them(paths: Paths) -> None:
    paths.config_file.write_text(
        '[hooks]\ncommit = "off"\npush = "block"\nwarn_at = "info"\n'
        'trailers = ["assisted-by", "session"]\nnotes = true\n'
        '[hooks.team]\npush = "warn"\nblock_at = "soft"\n'
    )
    hooks = load(paths).hooks
    assert hooks.trailers == ("assisted-by", "session") and hooks.notes
    own, team = Reaction("off", "block", "info", "hard"), Reaction("off", "warn", "info", "soft")
    assert reactions(hooks) == Reactions(own, team)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('commit = "stop"', 'config.toml: hooks.commit "stop" is not known; use off, warn, block'),
        ('push = ""', 'hooks.push "" is not known'),
        ('warn_at = "ok"', 'hooks.warn_at "ok" is not known; use info, warn, soft, hard'),
        ('block_at = "never"', 'hooks.block_at "never" is not known'),
        ('trailers = ["cost"]', 'hooks.trailers "cost" is not known; use of session, assisted-by'),
        ("notes = 1", "hooks.notes: expected `bool`, got `int`"),
        ("level = 1", 'unknown key "hooks.level"; accepted are commit, push, warn_at, block_at, trailers, notes, team'),
        ('team = { commit = "no" }', 'hooks.team.commit "no" is not known'),
        ("team = { notes = true }", 'unknown key "hooks.team.notes"; accepted are commit, push, warn_at, block_at'),
    ],
)
def test_what_is_wrong_is_named_with_its_key(paths: Paths, text: str, error: str) -> None:
    paths.config_file.write_text(f"[hooks]\n{text}\n")
    with pytest.raises(ConfigError) as raised:
        load(paths)
    assert error in str(raised.value)


class TestRepository:
    def read(self, folder: Path, text: str) -> RepositoryHooks:
        (folder / "tokenguard.toml").write_text(text, encoding="utf-8")
        return read_repository_hooks(folder)

    def test_without_a_file_nothing_changes(self, tmp_path: Path) -> None:
        mine = HookSettings(commit="off", push="block")
        assert reactions(mine, read_repository_hooks(tmp_path)) == reactions(mine)

    def test_it_can_be_stricter(self, tmp_path: Path) -> None:
        theirs = self.read(tmp_path, '[hooks]\npush = "block"\nwarn_at = "warn"\n[hooks.team]\ncommit = "block"\n')
        found = reactions(HookSettings(commit="off"), theirs)
        assert found.own == Reaction("off", "block", "warn", "hard")
        assert found.team == Reaction("block", "block", "warn", "hard")

    def test_budgets_may_stand_beside_it(self, tmp_path: Path) -> None:
        text = '[[budget]]\nname = "day"\nlimit = 5\nwindow = "day"\n[hooks]\npush = "block"\n'
        assert self.read(tmp_path, text).push == "block"
        assert [one.name for one in read_repository_budgets(tmp_path, "/src/web")] == ["day"]

    @pytest.mark.parametrize(
        "text",
        ["hooks = 1", '[hooks]\npush = "no"', "[hooks]\nnotes = true", '[hooks]\ntrailers = ["session"]', "[[hooks]]"],
    )
    def test_what_it_cannot_say_is_an_error_also_where_only_its_budgets_are_read(
        self, tmp_path: Path, text: str
    ) -> None:
        with pytest.raises(ConfigError, match="tokenguard.toml"):
            self.read(tmp_path, text)
        with pytest.raises(ConfigError, match="tokenguard.toml"):
            read_repository_budgets(tmp_path, "/src/web")


DOES, AT = st.sampled_from([None, *REACTIONS]), st.sampled_from([None, *LEVELS[1:]])
TEAM = st.builds(TeamHookSettings, DOES, DOES, AT, AT)
SAID, LEVEL = st.sampled_from(REACTIONS), st.sampled_from(LEVELS[1:])
MINE = st.builds(HookSettings, SAID, SAID, LEVEL, LEVEL, team=TEAM)


@given(MINE, st.builds(RepositoryHooks, DOES, DOES, AT, AT, TEAM))
def test_a_repository_never_loosens(mine: HookSettings, theirs: RepositoryHooks) -> None:
    before, after = reactions(mine), reactions(mine, theirs)
    for was, now in ((before.own, after.own), (before.team, after.team)):
        for key in ("commit", "push"):
            assert REACTIONS.index(getattr(now, key)) >= REACTIONS.index(getattr(was, key))
        for key in ("warn_at", "block_at"):
            assert LEVELS.index(getattr(now, key)) <= LEVELS.index(getattr(was, key))
