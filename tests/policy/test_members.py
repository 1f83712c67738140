"""What members are called where everybody can read it."""

from __future__ import annotations

from tokenguard.policy.members import member_id


def test_a_person_is_the_same_on_all_machines_and_in_no_other_team() -> None:
    one = member_id("ann@example.com", "salt-of-one-team")
    assert one == member_id(" Ann@Example.COM\n", "salt-of-one-team")
    assert one != member_id("ann@example.com", "salt-of-another")
    assert one != member_id("bob@example.com", "salt-of-one-team")


def test_it_is_a_name_that_refs_and_files_can_have() -> None:
    name = member_id("ann@example.com", "salt-of-one-team")
    assert len(name) == 16 and set(name) <= set("0123456789abcdef")


def test_an_address_can_be_anything() -> None:
    assert len(member_id("\udce9", "x")) == 16
