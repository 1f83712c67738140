-- What whoever asks may know of the budgets that it is under.
-- takes: team text, repository text
-- returns: name text, owner text, kind text, timezone text, week_start bigint, month_start bigint, cap bigint, held bigint, presumed bigint, spent bigint, overrun bigint, live bigint, since_us bigint, until_us bigint, now_us bigint, ttl_s double precision, admin boolean

INSERT INTO tokenguard.period (budget_id, starts_at, ends_at, cap, ceil)
SELECT b.id, c.starts_at, c.ends_at, b.cap, b.cap
FROM tokenguard.reach r
JOIN tokenguard.budget b ON b.id = r.budget_id
JOIN tokenguard.calendar c ON c.budget_id = r.budget_id
WHERE r.team = :team AND (r.repository IS NULL OR r.repository = :repository)
  AND NOT EXISTS (SELECT 1 FROM tokenguard.present p WHERE p.budget_id = r.budget_id AND p.team = :team)
ON CONFLICT (budget_id, starts_at) DO NOTHING;

SELECT b.name, b.owner, b.kind, b.timezone, b.week_start, b.month_start, p.cap, p.held, p.presumed, p.spent, p.overrun, p.live,
  (extract(epoch FROM p.starts_at) * 1000000)::bigint AS since_us,
  (extract(epoch FROM p.ends_at) * 1000000)::bigint AS until_us,
  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us,
  extract(epoch FROM p.ttl)::double precision AS ttl_s,
  EXISTS (SELECT 1 FROM tokenguard.governed g WHERE g.team = :team AND g.budget_id = p.budget_id) AS admin
FROM tokenguard.present p
JOIN tokenguard.budget b ON b.id = p.budget_id
WHERE p.team = :team AND (p.repository IS NULL OR p.repository = :repository)
ORDER BY b.id;
