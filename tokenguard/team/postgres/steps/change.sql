-- Raises or lowers a cap in the window that runs. What was promised before stays promised: the ceiling is no lower.
-- takes: team text, budget text, amount bigint, reason text
-- returns: cap bigint

INSERT INTO tokenguard.period (budget_id, starts_at, ends_at, cap, ceil)
SELECT c.budget_id, c.starts_at, c.ends_at, c.cap, c.cap
FROM tokenguard.governed g
CROSS JOIN LATERAL (SELECT * FROM tokenguard.calendar c WHERE c.budget_id = g.budget_id LIMIT 1) c
WHERE g.team = :team AND g.budget = :budget AND NOT EXISTS (
  SELECT 1 FROM tokenguard.period p
  WHERE p.budget_id = g.budget_id AND p.starts_at <= now() AND (p.ends_at IS NULL OR now() < p.ends_at))
ON CONFLICT (budget_id, starts_at) DO NOTHING;

SELECT p.id FROM tokenguard.period p
WHERE p.starts_at <= now() AND (p.ends_at IS NULL OR now() < p.ends_at)
  AND p.budget_id IN (SELECT g.budget_id FROM tokenguard.governed g WHERE g.team = :team AND g.budget = :budget)
ORDER BY p.id
FOR UPDATE;

WITH chosen AS (
  SELECT g.team_id, g.budget, p.id, p.cap + :amount AS cap_now,
    GREATEST(p.cap + :amount, p.held + p.presumed + p.spent - p.overrun) AS ceil_now
  FROM tokenguard.governed g
  JOIN tokenguard.period p
    ON p.budget_id = g.budget_id AND p.starts_at <= now() AND (p.ends_at IS NULL OR now() < p.ends_at)
  WHERE g.team = :team AND g.budget = :budget AND p.cap + :amount >= 0),
noted AS (
  INSERT INTO tokenguard.decision (team_id, what, subject, amount, reason)
  SELECT team_id, 'change', budget, :amount, :reason FROM chosen
  RETURNING id)
UPDATE tokenguard.period p SET cap = c.cap_now, ceil = c.ceil_now FROM chosen c WHERE p.id = c.id RETURNING p.cap;
