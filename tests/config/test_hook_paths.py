from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenguard.config import hook_paths
from tokenguard.config.paths import Paths

PATHS = Paths(Path("/home/ann/.config/tokenguard"), Path("/home/ann/.local/state/tokenguard"))
NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1).filter(lambda name: name not in (".", ".."))


def test_a_repositorys_folder_mirrors_its_path() -> None:
    folder = hook_paths.folder(PATHS, Path("/home/ann/web/.git"))
    assert str(folder) == "/home/ann/.local/state/tokenguard/hooks/repositories/home/ann/web/.git"


@given(st.lists(NAMES, min_size=1, max_size=5))
def test_the_folder_says_which_repository_it_is(names: list[str]) -> None:
    common = Path("/", *names)
    folder = hook_paths.folder(PATHS, common)
    assert hook_paths.repositories(PATHS) in folder.parents
    assert hook_paths.common_dir(PATHS, folder) == common


def test_a_folder_elsewhere_is_no_repositorys() -> None:
    with pytest.raises(ValueError):
        hook_paths.common_dir(PATHS, Path("/home/ann/web/.git"))


def test_a_session_has_a_folder_of_its_own() -> None:
    folder = hook_paths.session_folder(PATHS, "bcdfghj")
    assert str(folder) == "/home/ann/.local/state/tokenguard/hooks/sessions/bcdfghj"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../../x", "a b", "a\n", "a" * 65])
def test_an_id_leads_nowhere_else(name: str) -> None:
    with pytest.raises(ValueError):
        hook_paths.session_folder(PATHS, name)
