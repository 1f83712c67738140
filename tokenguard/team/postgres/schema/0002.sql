-- Who visits under the name of a machine: of two that were copied from one, only one can know the token of the last visit.
CREATE TABLE tokenguard.machine (
  team_id bigint NOT NULL REFERENCES tokenguard.team (id),
  member text NOT NULL,
  name text NOT NULL CHECK (length(name) <= 200),
  visits bigint NOT NULL,
  token text NOT NULL CHECK (length(token) <= 200),  -- chosen and written down by the visitor before it comes
  PRIMARY KEY (name, member, team_id));
