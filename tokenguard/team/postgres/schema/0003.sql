-- What nobody will ask for again is folded: see tokenguard/team/postgres/__init__.py for what holds then.
ALTER TABLE tokenguard.team ADD COLUMN keep interval NOT NULL DEFAULT INTERVAL '90 days' CHECK (keep >= INTERVAL '0');

-- From when on nobody will ask for it: its last window is over, or its holder has let go of it. NULL: nobody knows yet;
-- '-infinity': it is being folded; 'infinity': it does not add up, and stays.
ALTER TABLE tokenguard.lease ADD COLUMN over_at timestamptz;
ALTER TABLE tokenguard.lease ADD COLUMN let_go boolean NOT NULL DEFAULT false;
UPDATE tokenguard.lease l SET over_at = (
  SELECT CASE WHEN bool_or(p.ends_at IS NULL) THEN NULL ELSE max(p.ends_at) END
  FROM tokenguard.lease_period lp JOIN tokenguard.period p ON p.id = lp.period_id WHERE lp.lease_id = l.id);
CREATE INDEX lease_over ON tokenguard.lease (team_id, over_at) WHERE state <> 'live';
CREATE INDEX lease_remembered ON tokenguard.lease (machine, member)
  WHERE NOT let_go AND state IN ('closed', 'written_off');
CREATE INDEX entry_of_lease ON tokenguard.entry (lease_id);

-- Of the sums of a machine, what was of leases that are folded.
ALTER TABLE tokenguard.holding ADD COLUMN folded_spent bigint NOT NULL DEFAULT 0 CHECK (folded_spent >= 0);
ALTER TABLE tokenguard.holding ADD COLUMN folded_presumed bigint NOT NULL DEFAULT 0 CHECK (folded_presumed >= 0);
ALTER TABLE tokenguard.holding ADD COLUMN folded_overrun bigint NOT NULL DEFAULT 0 CHECK (folded_overrun >= 0);

-- Every invariant, a row for each violation: it must be empty.
CREATE OR REPLACE VIEW tokenguard.audit AS
WITH sums AS (
  SELECT lp.period_id,
    sum(CASE WHEN l.state = 'live' THEN GREATEST(l.amount - l.spent, 0) ELSE 0 END) AS held,
    sum(CASE WHEN l.state = 'expired' THEN GREATEST(l.amount - l.spent, 0) ELSE 0 END) AS presumed,
    sum(l.spent) AS spent,
    sum(GREATEST(l.spent - l.amount, 0)) AS overrun,
    sum(CASE WHEN l.state = 'live' THEN 1 ELSE 0 END) AS live
  FROM tokenguard.lease l JOIN tokenguard.lease_period lp ON lp.lease_id = l.id GROUP BY lp.period_id),
holdings AS (
  SELECT period_id, sum(held) AS held, sum(presumed) AS presumed, sum(spent) AS spent,
    sum(folded_presumed) AS folded_presumed, sum(folded_spent) AS folded_spent, sum(folded_overrun) AS folded_overrun
  FROM tokenguard.holding GROUP BY period_id),
journal AS (
  SELECT period_id,
    sum(CASE WHEN credit = 'held' THEN amount WHEN debit = 'held' THEN -amount ELSE 0 END) AS held,
    sum(CASE WHEN credit = 'presumed' THEN amount WHEN debit = 'presumed' THEN -amount ELSE 0 END) AS presumed,
    sum(CASE WHEN credit = 'spent' THEN amount ELSE 0 END) AS spent,
    sum(CASE WHEN debit = 'overrun' THEN amount ELSE 0 END) AS overrun
  FROM tokenguard.entry GROUP BY period_id),
-- What leases and journal must come to: folded leases have neither any more.
rest AS (
  SELECT p.id, p.held, p.live,
    p.presumed - coalesce(h.folded_presumed, 0) AS presumed,
    p.spent - coalesce(h.folded_spent, 0) AS spent,
    p.overrun - coalesce(h.folded_overrun, 0) AS overrun
  FROM tokenguard.period p LEFT JOIN holdings h ON h.period_id = p.id)
SELECT 'promised more than the cap' AS broken, id::text AS period FROM tokenguard.period
  WHERE held + presumed + spent - overrun > ceil
UNION ALL
SELECT 'is not the sum of its leases', r.id::text FROM rest r LEFT JOIN sums s ON s.period_id = r.id
  WHERE r.held <> coalesce(s.held, 0) OR r.presumed <> coalesce(s.presumed, 0) OR r.spent <> coalesce(s.spent, 0)
    OR r.overrun <> coalesce(s.overrun, 0) OR r.live <> coalesce(s.live, 0)
UNION ALL
SELECT 'is not the sum of its machines', p.id::text FROM tokenguard.period p LEFT JOIN holdings h ON h.period_id = p.id
  WHERE p.held <> coalesce(h.held, 0) OR p.presumed <> coalesce(h.presumed, 0) OR p.spent <> coalesce(h.spent, 0)
UNION ALL
SELECT 'is not what the journal comes to', r.id::text FROM rest r LEFT JOIN journal j ON j.period_id = r.id
  WHERE r.held <> coalesce(j.held, 0) OR r.presumed <> coalesce(j.presumed, 0) OR r.spent <> coalesce(j.spent, 0)
    OR r.overrun <> coalesce(j.overrun, 0);
