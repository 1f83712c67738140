from __future__ import annotations

from tokenguard.team.gitrefs.document import is_part
from tokenguard.team.gitrefs.members import member_id, new_salt, writer
from tokenguard.team.identity import new_machine


def test_a_person_has_one_name_in_a_team_and_another_in_the_next() -> None:
    salt = new_salt()
    assert (
        member_id(salt, "Ann@Example.com ")
        == member_id(salt, "ann@example.com")
        != member_id(new_salt(), "ann@example.com")
    )
    assert "ann" not in member_id(salt, "ann@example.com")


def test_names_can_be_parts_of_a_ref() -> None:
    one, other = new_machine(), new_machine()
    assert one != other
    assert is_part(one) and is_part(member_id("", ""))
    assert writer("ann", "m") == "ann/m"
