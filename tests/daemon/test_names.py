"""Members of teams by name, from the history of one's own clones."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tokenguard.config.memberships import Membership
from tokenguard.daemon.names import names
from tokenguard.records.teams import TeamPolicy
from tokenguard.team.gitrefs.members import member_id

SALT = "0123456789abcdef"


def clone(folder: Path, *people: tuple[str, str]) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name, address in people:
        identity = ["-c", f"user.name={name}", "-c", f"user.email={address}"]
        command = ["git", "-C", str(folder), *identity, "commit", "-q", "--allow-empty", "-m", name]
        subprocess.run(command, check=True)
    return folder


def test_those_who_worked_on_a_clone_of_a_team_are_known_in_it(tmp_path: Path) -> None:
    web = clone(tmp_path / "web", ("Ann", "Ann@example.com"), ("Bob", "bob@example.com"))
    api = clone(tmp_path / "api", ("Cara", "cara@example.com"))
    one = Membership(TeamPolicy("web", salt=SALT), "m", "1", {str(web): 1, str(api): 1, str(tmp_path / "gone"): 1})
    found = names([one])
    assert {found[member_id(SALT, f"{name}@example.com")] for name in ("ann", "bob", "cara")} == {"Ann", "Bob", "Cara"}
    other = Membership(TeamPolicy("web", salt=SALT[::-1]), "m", "1", {str(web): 1})
    assert not set(names([other])) & set(found)


def test_in_a_database_roles_have_names_of_their_own(tmp_path: Path) -> None:
    web = clone(tmp_path / "web", ("Ann", "ann@example.com"))
    assert names([Membership(TeamPolicy("web", backend="postgres", mode="leases"), "ann", "1", {str(web): 1})]) == {}
