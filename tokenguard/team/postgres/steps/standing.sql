-- What whoever asks may know of the budgets that it is under.
-- takes: team text, repository text
-- returns: name text, owner text, kind text, timezone text, week_start bigint, month_start bigint, cap bigint, held bigint, presumed bigint, spent bigint, overrun bigint, live bigint, since_us bigint, until_us bigint, now_us bigint, ttl_s double precision, admin boolean, lapsed boolean, foldable boolean

-- The windows of those budgets only that have no period yet, and no plan may have it otherwise: they are costly.
INSERT INTO tokenguard.period (budget_id, starts_at, ends_at, cap, ceil)
SELECT c.budget_id, c.starts_at, c.ends_at, c.cap, c.cap
FROM tokenguard.reach r
CROSS JOIN LATERAL (SELECT * FROM tokenguard.calendar c WHERE c.budget_id = r.budget_id LIMIT 1) c
WHERE r.team = :team AND (r.repository IS NULL OR r.repository = :repository)
  AND NOT EXISTS (SELECT 1 FROM tokenguard.present p WHERE p.budget_id = r.budget_id AND p.team = :team)
ON CONFLICT (budget_id, starts_at) DO NOTHING;

SELECT b.name, b.owner, b.kind, b.timezone, b.week_start, b.month_start, p.cap, p.held, p.presumed, p.spent, p.overrun, p.live,
  (extract(epoch FROM p.starts_at) * 1000000)::bigint AS since_us,
  (extract(epoch FROM p.ends_at) * 1000000)::bigint AS until_us,
  (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us,
  extract(epoch FROM p.ttl)::double precision AS ttl_s,
  EXISTS (SELECT 1 FROM tokenguard.governed g WHERE g.team = :team AND g.budget_id = p.budget_id) AS admin,
  EXISTS (SELECT 1 FROM tokenguard.lease l WHERE l.team_id = p.team_id AND l.state = 'live' AND l.expires_at < now())
    AS lapsed,
  EXISTS (
    SELECT 1 FROM tokenguard.lease l JOIN tokenguard.team t ON t.id = l.team_id
    WHERE l.team_id = p.team_id AND l.state <> 'live' AND l.over_at < now() - t.keep) AS foldable
FROM tokenguard.present p
JOIN tokenguard.budget b ON b.id = p.budget_id
WHERE p.team = :team AND (p.repository IS NULL OR p.repository = :repository)
ORDER BY b.id;
