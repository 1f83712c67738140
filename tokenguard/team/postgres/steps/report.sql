-- What was spent of a lease in all, so that reports that come twice, late or out of order change nothing. `final`: its
-- holder begins nothing more on it, and what is neither spent nor kept for calls in flight goes back.
-- takes: lease uuid, spent bigint, keep bigint, final boolean
-- returns: lease text, amount bigint, spent bigint, state text, left_s double precision, since_us bigint, until_us bigint

-- A report that moves no money renews the lease without touching a row that others wait for.
SELECT p.id FROM tokenguard.period p
WHERE p.id IN (
  SELECT lp.period_id FROM tokenguard.lease l JOIN tokenguard.lease_period lp ON lp.lease_id = l.id
  WHERE l.id = :lease AND l.member = session_user AND (:final OR :spent > l.spent))
ORDER BY p.id
FOR UPDATE;

SELECT l.id FROM tokenguard.lease l WHERE l.id = :lease AND l.member = session_user FOR UPDATE;

WITH told AS (
  SELECT l.*, GREATEST(l.spent, :spent) AS spent_now, l.state IN ('live', 'expired') AS is_open
  FROM tokenguard.lease l WHERE l.id = :lease AND l.member = session_user),
left_over AS (
  SELECT told.*,
    CASE WHEN is_open AND :final THEN LEAST(amount, spent_now + GREATEST(:keep, 0)) ELSE amount END AS amount_now
  FROM told),
moved AS (
  SELECT v.*, spent_now - spent AS delta, amount - amount_now AS rest,
    CASE WHEN is_open THEN LEAST(spent_now, amount) - LEAST(spent, amount) ELSE 0 END AS cover,
    CASE WHEN is_open AND :final AND amount_now <= spent_now THEN 'closed' ELSE state END AS state_now,
    CASE state WHEN 'live' THEN 'held' ELSE 'presumed' END AS pot
  FROM left_over v),
periods AS (
  UPDATE tokenguard.period p SET
    held = p.held - CASE m.pot WHEN 'held' THEN m.cover + m.rest ELSE 0 END,
    presumed = p.presumed - CASE m.pot WHEN 'presumed' THEN m.cover + m.rest ELSE 0 END,
    spent = p.spent + m.delta,
    overrun = p.overrun + m.delta - m.cover,
    live = p.live - CASE WHEN m.state = 'live' AND m.state_now <> 'live' THEN 1 ELSE 0 END
  FROM moved m JOIN tokenguard.lease_period lp ON lp.lease_id = m.id
  WHERE p.id = lp.period_id AND (m.delta > 0 OR m.rest > 0 OR m.state_now <> m.state)
  RETURNING p.id),
holdings AS (
  UPDATE tokenguard.holding h SET
    held = h.held - CASE m.pot WHEN 'held' THEN m.cover + m.rest ELSE 0 END,
    presumed = h.presumed - CASE m.pot WHEN 'presumed' THEN m.cover + m.rest ELSE 0 END,
    spent = h.spent + m.delta,
    seen_at = now()
  FROM moved m JOIN tokenguard.lease_period lp ON lp.lease_id = m.id
  WHERE h.period_id = lp.period_id AND h.team_id = m.team_id AND h.member = m.member AND h.machine = m.machine
  RETURNING h.period_id),
entries AS (
  INSERT INTO tokenguard.entry (period_id, lease_id, debit, credit, amount, why)
  SELECT lp.period_id, e.id, e.debit, e.credit, e.amount, e.why
  FROM (
    SELECT id, pot AS debit, 'spent' AS credit, cover AS amount, 'report' AS why FROM moved
    UNION ALL SELECT id, 'overrun', 'spent', delta - cover, 'overrun' FROM moved
    UNION ALL SELECT id, pot, 'free', rest, 'return' FROM moved) e
  JOIN tokenguard.lease_period lp ON lp.lease_id = e.id
  WHERE e.amount > 0
  RETURNING id)
UPDATE tokenguard.lease l SET spent = m.spent_now, amount = m.amount_now, state = m.state_now, seen_at = now(),
  expires_at = CASE WHEN m.state = 'live' AND NOT :final AND now() < m.expires_at
    THEN GREATEST(m.expires_at, LEAST(now() + t.ttl, (
      SELECT min(p.ends_at) FROM tokenguard.lease_period lp JOIN tokenguard.period p ON p.id = lp.period_id
      WHERE lp.lease_id = m.id)))
    ELSE m.expires_at END
FROM moved m JOIN tokenguard.team t ON t.id = m.team_id
WHERE l.id = m.id;

SELECT lease, amount, spent, state, left_s, since_us, until_us FROM tokenguard.own_lease WHERE lease = (:lease)::text;
