-- The machines of the team of whoever asks, in the windows that run; of a very large team not all.
-- takes: team text, repository text, most bigint
-- returns: id text, machine text, budget text, spent bigint, held bigint, presumed bigint, heard_us bigint, you boolean

SELECT h.member AS id, h.machine, b.name AS budget, h.spent, h.held, h.presumed,
  (extract(epoch FROM h.seen_at) * 1000000)::bigint AS heard_us, h.member = session_user AS you
FROM tokenguard.present p
JOIN tokenguard.budget b ON b.id = p.budget_id
JOIN tokenguard.holding h ON h.period_id = p.period_id AND h.team_id = p.team_id
WHERE p.team = :team AND (p.repository IS NULL OR p.repository = :repository)
ORDER BY h.period_id, h.team_id, h.member, h.machine
LIMIT :most;
