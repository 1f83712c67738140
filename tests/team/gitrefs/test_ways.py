"""How a remote is reached: as its clone says, or as a person's own git would reach an address."""

from __future__ import annotations

import pytest

from tests.team.gitrefs.conftest import DATA, REF, Git, Open
from tokenguard.errors import TeamError
from tokenguard.team.gitrefs.remote import Pushed


def test_a_pushs_own_address_and_replaced_ones_are_followed(git: Git, open_: Open) -> None:
    clone = git.clone("shop")
    other = git.folder / "other.git"
    git.run("init", "-q", "--bare", str(other))
    git.run("config", f"url.file://{other}.pushInsteadOf", f"file://{git.bare}", folder=clone)
    remote = open_("ann", "origin", clone)
    remote.fetch()
    assert remote.push("ann/m", DATA, 1, "") is Pushed.DONE
    assert git.refs() == {}
    assert REF in git.run("for-each-ref", folder=other)
    git.run("config", f"url.file://{other}.insteadOf", f"file://{git.bare}", folder=clone)
    assert "ann/m" in remote.fetch()


def test_an_address_that_is_named_is_replaced_as_for_a_persons_own_git(git: Git, open_: Open) -> None:
    git.run("config", "--global", f"url.file://{git.bare}.insteadOf", "git@example.com:budgets.git")
    remote = open_("ann", "git@example.com:budgets.git")
    remote.fetch()
    assert remote.push("ann/m", DATA, 1, "") is Pushed.DONE
    assert REF in git.refs()
    git.run("config", "--global", "url.ext::sh.insteadOf", "git@example.com:evil.git")
    with pytest.raises(TeamError, match="ext:: runs a program"):
        open_("ann", "git@example.com:evil.git").fetch()


def test_settings_of_the_clone_say_how_it_is_reached_and_are_in_no_list_of_processes(git: Git, open_: Open) -> None:
    clone = git.clone("shop")
    # An ssh that says how it was called, and runs the other side here.
    script = git.script(
        "ssh",
        f'echo "$@" >{git.folder}/called; tr "\\0" " " </proc/$PPID/cmdline >{git.folder}/parent\n'
        'for last; do :; done; eval "$last"',
    )
    git.run("config", "core.sshCommand", f"{script} -i key", folder=clone)
    git.run("config", "http.https://example.com/.extraHeader", "secret", folder=clone)
    git.run("remote", "set-url", "origin", f"git@example.com:{git.bare}", folder=clone)
    remote = open_("ann", "origin", clone)
    remote.fetch()
    assert remote.push("ann/m", DATA, 1, "") is Pushed.DONE
    called = (git.folder / "called").read_text()
    assert "-i key -oBatchMode=yes -oConnectTimeout=5 -oControlMaster=no" in called
    assert "secret" not in (git.folder / "parent").read_text()


def test_a_program_in_the_clones_settings_is_refused_by_us_and_by_git(git: Git, open_: Open) -> None:
    clone = git.clone("shop")
    git.run("remote", "set-url", "origin", f"ext::sh -c 'touch {git.folder}/ran'", folder=clone)
    with pytest.raises(TeamError, match="ext:: runs a program"):
        open_("ann", "origin", clone).fetch()
    git.run("remote", "set-url", "origin", f"file://{git.bare}", folder=clone)
    git.run("remote", "set-url", "--push", "origin", "ext::sh", folder=clone)
    with pytest.raises(TeamError, match="ext:: runs a program"):
        open_("ann", "origin", clone).fetch()
    assert not (git.folder / "ran").exists()


def test_a_remote_by_name_needs_a_repository(open_: Open) -> None:
    with pytest.raises(TeamError, match="no repository is known"):
        open_("ann", "origin").fetch()
