-- Anybody may say that time has passed: what leases hold that were not renewed is presumed spent, never free again.
-- takes: team text, most bigint
-- returns:

SELECT p.id FROM tokenguard.period p
WHERE p.id IN (
  SELECT lp.period_id FROM (
    SELECT l.id FROM tokenguard.lease l
    WHERE l.team_id = (SELECT t.id FROM tokenguard.team t WHERE t.name = :team) AND l.state = 'live' AND l.expires_at < now()
    ORDER BY l.expires_at, l.id LIMIT :most) l
  JOIN tokenguard.lease_period lp ON lp.lease_id = l.id)
ORDER BY p.id
FOR UPDATE;

WITH gone AS (
  UPDATE tokenguard.lease SET state = 'expired'
  WHERE id IN (
      SELECT l.id FROM tokenguard.lease l
      WHERE l.team_id = (SELECT t.id FROM tokenguard.team t WHERE t.name = :team) AND l.state = 'live'
        AND l.expires_at < now()
      ORDER BY l.expires_at, l.id LIMIT :most)
    AND state = 'live' AND expires_at < now()
  RETURNING id, team_id, member, machine, GREATEST(amount - spent, 0) AS rest),
parts AS (
  SELECT lp.period_id, gone.id, gone.team_id, gone.member, gone.machine, gone.rest
  FROM gone JOIN tokenguard.lease_period lp ON lp.lease_id = gone.id),
periods AS (
  UPDATE tokenguard.period p SET held = p.held - s.rest, presumed = p.presumed + s.rest, live = p.live - s.leases
  FROM (SELECT period_id, sum(rest)::bigint AS rest, count(*) AS leases FROM parts GROUP BY period_id) s
  WHERE p.id = s.period_id
  RETURNING p.id),
holdings AS (
  UPDATE tokenguard.holding h SET held = h.held - s.rest, presumed = h.presumed + s.rest
  FROM (SELECT period_id, team_id, member, machine, sum(rest)::bigint AS rest FROM parts
    GROUP BY period_id, team_id, member, machine) s
  WHERE h.period_id = s.period_id AND h.team_id = s.team_id AND h.member = s.member AND h.machine = s.machine
  RETURNING h.period_id)
INSERT INTO tokenguard.entry (period_id, lease_id, debit, credit, amount, why)
SELECT period_id, id, 'held', 'presumed', rest, 'expiry' FROM parts WHERE rest > 0;
