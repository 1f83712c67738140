-- Gives back what expired leases are presumed to have spent. Who reports more later makes an overrun of it.
-- takes: team text, member text, lease text, reason text
-- returns: amount bigint

SELECT p.id FROM tokenguard.period p
WHERE p.id IN (
  SELECT lp.period_id FROM tokenguard.lease l JOIN tokenguard.lease_period lp ON lp.lease_id = l.id
  WHERE l.state = 'expired' AND (l.member = :member OR l.id::text = :lease)
    AND l.team_id IN (SELECT g.team_id FROM tokenguard.governed g WHERE g.team = :team))
ORDER BY p.id
FOR UPDATE;

WITH chosen AS (
  SELECT l.id, l.team_id, l.member, l.machine, GREATEST(l.amount - l.spent, 0) AS rest
  FROM tokenguard.lease l
  WHERE l.state = 'expired' AND (l.member = :member OR l.id::text = :lease)
    AND l.team_id IN (SELECT g.team_id FROM tokenguard.governed g WHERE g.team = :team)),
gone AS (
  UPDATE tokenguard.lease l SET state = 'written_off', amount = l.amount - c.rest
  FROM chosen c WHERE l.id = c.id AND l.state = 'expired'
  RETURNING l.id, c.team_id, c.member, c.machine, c.rest),
parts AS (
  SELECT lp.period_id, gone.* FROM gone JOIN tokenguard.lease_period lp ON lp.lease_id = gone.id),
periods AS (
  UPDATE tokenguard.period p SET presumed = p.presumed - s.rest
  FROM (SELECT period_id, sum(rest)::bigint AS rest FROM parts GROUP BY period_id) s WHERE p.id = s.period_id
  RETURNING p.id),
holdings AS (
  UPDATE tokenguard.holding h SET presumed = h.presumed - s.rest
  FROM (SELECT period_id, team_id, member, machine, sum(rest)::bigint AS rest FROM parts
    GROUP BY period_id, team_id, member, machine) s
  WHERE h.period_id = s.period_id AND h.team_id = s.team_id AND h.member = s.member AND h.machine = s.machine
  RETURNING h.period_id),
entries AS (
  INSERT INTO tokenguard.entry (period_id, lease_id, debit, credit, amount, why)
  SELECT period_id, id, 'presumed', 'free', rest, 'write-off' FROM parts WHERE rest > 0
  RETURNING id),
noted AS (
  INSERT INTO tokenguard.decision (team_id, what, subject, amount, reason)
  SELECT team_id, 'write-off', id::text, rest, :reason FROM gone
  RETURNING id)
SELECT coalesce(sum(rest), 0)::bigint AS amount FROM gone;
