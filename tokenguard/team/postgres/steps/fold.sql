-- Takes leases away that nobody will ask for again, and their journal: what they come to is added to their machine's row.
-- takes: team text, most bigint
-- returns:

-- One at a time in a team, so that all that is marked is marked by this one.
SELECT t.id FROM tokenguard.team t WHERE t.name = :team FOR NO KEY UPDATE;

-- From here on, whoever reports of one of them waits, and then finds it gone.
UPDATE tokenguard.lease SET over_at = '-infinity'
WHERE id IN (
  SELECT l.id FROM tokenguard.lease l JOIN tokenguard.team t ON t.id = l.team_id
  WHERE t.name = :team AND l.state <> 'live' AND l.over_at < now() - t.keep
  ORDER BY l.over_at, l.id LIMIT :most);

WITH marked AS (
  SELECT l.* FROM tokenguard.lease l JOIN tokenguard.team t ON t.id = l.team_id
  WHERE t.name = :team AND l.state <> 'live' AND l.over_at = '-infinity'),
figures AS (
  SELECT lp.period_id, m.id AS lease_id, m.team_id, m.member, m.machine, m.spent,
    CASE WHEN m.state = 'expired' THEN GREATEST(m.amount - m.spent, 0) ELSE 0 END AS presumed,
    GREATEST(m.spent - m.amount, 0) AS overrun
  FROM marked m JOIN tokenguard.lease_period lp ON lp.lease_id = m.id),
journal AS (
  SELECT period_id, lease_id,
    sum(CASE WHEN credit = 'held' THEN amount WHEN debit = 'held' THEN -amount ELSE 0 END) AS held,
    sum(CASE WHEN credit = 'presumed' THEN amount WHEN debit = 'presumed' THEN -amount ELSE 0 END) AS presumed,
    sum(CASE WHEN credit = 'spent' THEN amount ELSE 0 END) AS spent,
    sum(CASE WHEN debit = 'overrun' THEN amount ELSE 0 END) AS overrun
  FROM tokenguard.entry WHERE lease_id IN (SELECT id FROM marked) GROUP BY period_id, lease_id),
-- What does not add up stays as it is: nobody could tell afterwards.
odd AS (
  SELECT coalesce(f.lease_id, j.lease_id) AS lease_id
  FROM figures f FULL JOIN journal j ON j.lease_id = f.lease_id AND j.period_id = f.period_id
  WHERE f.lease_id IS NULL OR coalesce(j.held, 0) <> 0 OR coalesce(j.presumed, 0) <> f.presumed
    OR coalesce(j.spent, 0) <> f.spent OR coalesce(j.overrun, 0) <> f.overrun
    OR NOT EXISTS (
      SELECT 1 FROM tokenguard.holding h
      WHERE h.period_id = f.period_id AND h.team_id = f.team_id AND h.member = f.member AND h.machine = f.machine)),
folded AS (
  UPDATE tokenguard.holding h SET folded_spent = h.folded_spent + s.spent,
    folded_presumed = h.folded_presumed + s.presumed, folded_overrun = h.folded_overrun + s.overrun
  FROM (
    SELECT period_id, team_id, member, machine, sum(spent)::bigint AS spent, sum(presumed)::bigint AS presumed,
      sum(overrun)::bigint AS overrun
    FROM figures WHERE lease_id NOT IN (SELECT lease_id FROM odd) GROUP BY period_id, team_id, member, machine) s
  WHERE h.period_id = s.period_id AND h.team_id = s.team_id AND h.member = s.member AND h.machine = s.machine
  RETURNING h.period_id)
UPDATE tokenguard.lease SET over_at = 'infinity' WHERE id IN (SELECT lease_id FROM odd);

DELETE FROM tokenguard.entry WHERE lease_id IN (
  SELECT l.id FROM tokenguard.lease l JOIN tokenguard.team t ON t.id = l.team_id
  WHERE t.name = :team AND l.state <> 'live' AND l.over_at = '-infinity');

DELETE FROM tokenguard.lease_period WHERE lease_id IN (
  SELECT l.id FROM tokenguard.lease l JOIN tokenguard.team t ON t.id = l.team_id
  WHERE t.name = :team AND l.state <> 'live' AND l.over_at = '-infinity');

DELETE FROM tokenguard.lease WHERE state <> 'live' AND over_at = '-infinity'
  AND team_id = (SELECT t.id FROM tokenguard.team t WHERE t.name = :team);
