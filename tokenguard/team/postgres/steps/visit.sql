-- A machine comes in: only who knows the token of the last visit under its name, and each time with a new one. `known`
-- are those that it may have left, since it does not hear of every visit. A database that was put back from a backup has
-- counted fewer visits than the machine has, and takes its word. Of the leases under its name, it has let go of those
-- that are not `open`.
-- takes: team text, machine text, visits bigint, known text[], token text, open uuid[]
-- returns: yours boolean, visits bigint

INSERT INTO tokenguard.machine (team_id, member, name, visits, token)
SELECT t.id, session_user, :machine, :visits + 1, :token
FROM tokenguard.team t JOIN tokenguard.member m ON m.team_id = t.id AND m.login = session_user
WHERE t.name = :team
ON CONFLICT (name, member, team_id) DO NOTHING;

-- What comes a second time, or late, lets go of nothing.
WITH came AS (
  UPDATE tokenguard.machine m SET visits = GREATEST(m.visits, :visits) + 1, token = :token
  FROM tokenguard.team t
  WHERE t.name = :team AND m.team_id = t.id AND m.member = session_user AND m.name = :machine
    AND m.token <> :token AND (m.token = ANY(:known) OR m.visits < :visits)
  RETURNING m.team_id)
UPDATE tokenguard.lease l SET let_go = true, over_at = LEAST(l.over_at, now())
FROM came c
WHERE l.machine = :machine AND l.member = session_user AND l.team_id = c.team_id
  AND NOT l.let_go AND l.state IN ('closed', 'written_off') AND l.id <> ALL(:open);

SELECT m.token = :token AS yours, m.visits
FROM tokenguard.machine m JOIN tokenguard.team t ON t.id = m.team_id
WHERE t.name = :team AND m.member = session_user AND m.name = :machine;
