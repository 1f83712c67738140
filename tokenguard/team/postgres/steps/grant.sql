-- A lease from every budget that whoever asks is under, or from none. Asked again with the same id, it is the same lease;
-- asked again in another visit, where it is not known any more, it is none.
-- takes: team text, repository text, machine text, visit text, lease uuid, want bigint, least bigint
-- returns: lease text, amount bigint, spent bigint, state text, left_s double precision, since_us bigint, until_us bigint

-- The windows of those budgets only that have no period yet, and no plan may have it otherwise: they are costly.
INSERT INTO tokenguard.period (budget_id, starts_at, ends_at, cap, ceil)
SELECT c.budget_id, c.starts_at, c.ends_at, c.cap, c.cap
FROM tokenguard.reach r
CROSS JOIN LATERAL (SELECT * FROM tokenguard.calendar c WHERE c.budget_id = r.budget_id LIMIT 1) c
WHERE r.team = :team AND (r.repository IS NULL OR r.repository = :repository)
  AND NOT EXISTS (SELECT 1 FROM tokenguard.present p WHERE p.budget_id = r.budget_id AND p.team = :team)
ON CONFLICT (budget_id, starts_at) DO NOTHING;

-- Locked in one order by everybody; what is computed from them is computed by the next statement, which sees what
-- others have committed meanwhile.
SELECT p.id FROM tokenguard.period p
WHERE p.id IN (
  SELECT c.period_id FROM tokenguard.present c
  WHERE c.team = :team AND (c.repository IS NULL OR c.repository = :repository))
ORDER BY p.id
FOR UPDATE;

WITH mine AS (
  SELECT * FROM tokenguard.present c
  WHERE c.team = :team AND (c.repository IS NULL OR c.repository = :repository)),
room AS (
  SELECT team_id, LEAST(now() + ttl, min(ends_at)) AS expires_at,
    GREATEST(LEAST(:want, min(cap - held - presumed - spent)), 0) AS amount,
    CASE WHEN bool_or(ends_at IS NULL) THEN NULL ELSE max(ends_at) END AS over_at
  FROM mine
  WHERE EXISTS (
    SELECT 1 FROM tokenguard.machine m
    WHERE m.name = :machine AND m.member = session_user AND m.team_id = mine.team_id AND m.token = :visit)
  GROUP BY team_id, ttl),
made AS (
  INSERT INTO tokenguard.lease (id, team_id, member, machine, amount, expires_at, over_at)
  SELECT :lease, team_id, session_user, :machine, amount, expires_at, over_at FROM room WHERE amount >= :least
  ON CONFLICT (id) DO NOTHING
  RETURNING id, team_id, amount),
bound AS (
  INSERT INTO tokenguard.lease_period (lease_id, period_id)
  SELECT made.id, mine.period_id FROM made CROSS JOIN mine
  RETURNING lease_id, period_id),
taken AS (
  UPDATE tokenguard.period p SET held = p.held + made.amount, live = p.live + 1
  FROM made CROSS JOIN mine WHERE p.id = mine.period_id
  RETURNING p.id),
kept AS (
  INSERT INTO tokenguard.holding (period_id, team_id, member, machine, held)
  SELECT mine.period_id, made.team_id, session_user, :machine, made.amount FROM made CROSS JOIN mine
  ON CONFLICT (period_id, team_id, member, machine)
    DO UPDATE SET held = holding.held + excluded.held, seen_at = now()
  RETURNING period_id)
INSERT INTO tokenguard.entry (period_id, lease_id, debit, credit, amount, why)
SELECT bound.period_id, made.id, 'free', 'held', made.amount, 'grant' FROM made CROSS JOIN bound WHERE made.amount > 0;

SELECT lease, amount, spent, state, left_s, since_us, until_us FROM tokenguard.own_lease WHERE lease = (:lease)::text;
