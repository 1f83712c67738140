-- Money is bigint nanodollars. Of a period: free = cap - held - presumed - spent.
-- No index of members and of all budgets begins with the team: plans that are made before anything is counted would look
-- through all of a large team by it, again and again.

CREATE TABLE tokenguard.team (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL UNIQUE,
  organisation text NOT NULL DEFAULT '',
  ttl interval NOT NULL DEFAULT INTERVAL '1 hour' CHECK (ttl > INTERVAL '0'));

CREATE TABLE tokenguard.member (
  team_id bigint NOT NULL REFERENCES tokenguard.team (id),
  login text NOT NULL,                       -- a role of the database: session_user, which nobody can claim to be
  admin boolean NOT NULL DEFAULT false,
  removed_at timestamptz,
  PRIMARY KEY (login, team_id));
-- session_user is compared as names of roles are, byte by byte.
CREATE INDEX member_by_login ON tokenguard.member (login COLLATE "C");

-- What a period begins with. An organisation's budgets belong to no team.
CREATE TABLE tokenguard.budget (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  team_id bigint REFERENCES tokenguard.team (id),
  owner text NOT NULL,                       -- team:NAME, repo:NAME, member:LOGIN, org:NAME
  personal boolean NOT NULL GENERATED ALWAYS AS (left(owner, 7) = 'member:') STORED,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('day', 'week', 'month', 'quarter', 'year', 'total')),
  timezone text NOT NULL,
  week_start bigint NOT NULL CHECK (week_start BETWEEN 0 AND 6),
  month_start bigint NOT NULL CHECK (month_start BETWEEN 1 AND 28),
  cap bigint NOT NULL CHECK (cap >= 0),
  CHECK ((team_id IS NULL) = (left(owner, 4) = 'org:')),
  CHECK (left(owner, 4) = 'org:' OR left(owner, 5) IN ('team:', 'repo:') OR left(owner, 7) = 'member:'));
CREATE UNIQUE INDEX budget_of_team ON tokenguard.budget (name, team_id) WHERE team_id IS NOT NULL;
CREATE UNIQUE INDEX budget_of_organisation ON tokenguard.budget (owner, name) WHERE team_id IS NULL;
CREATE INDEX budget_of_owner ON tokenguard.budget (owner, team_id);
CREATE INDEX budget_of_all ON tokenguard.budget (team_id) WHERE NOT personal;

-- A budget in one of its windows. The last check is the cap, kept by the database itself.
CREATE TABLE tokenguard.period (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  budget_id bigint NOT NULL REFERENCES tokenguard.budget (id),
  starts_at timestamptz NOT NULL,
  ends_at timestamptz,                       -- NULL: never
  cap bigint NOT NULL CHECK (cap >= 0),
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),          -- of live leases, what is not spent
  presumed bigint NOT NULL DEFAULT 0 CHECK (presumed >= 0),  -- of leases that expired unreported: counts as spent
  spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
  overrun bigint NOT NULL DEFAULT 0 CHECK (overrun >= 0),    -- of what is spent, what was in no lease
  ceil bigint NOT NULL,                      -- the cap, or what had been promised when the cap was lowered
  live bigint NOT NULL DEFAULT 0 CHECK (live >= 0),          -- leases
  UNIQUE (budget_id, starts_at),
  CHECK (held + presumed + spent - overrun <= ceil))
  WITH (fillfactor = 50);                    -- the hottest rows there are: new versions stay on their page

CREATE TABLE tokenguard.lease (
  id uuid PRIMARY KEY,                       -- chosen and written down by its holder before it asks
  team_id bigint NOT NULL REFERENCES tokenguard.team (id),
  member text NOT NULL,
  machine text NOT NULL CHECK (length(machine) <= 200),
  amount bigint NOT NULL CHECK (amount >= 0),
  spent bigint NOT NULL DEFAULT 0 CHECK (spent BETWEEN 0 AND 10000000000000000),  -- the highest that was reported
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'expired', 'closed', 'written_off')),
  granted_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX lease_lapsing ON tokenguard.lease (team_id, expires_at) WHERE state = 'live';
CREATE INDEX lease_presumed ON tokenguard.lease (team_id, member) WHERE state = 'expired';

CREATE TABLE tokenguard.lease_period (
  lease_id uuid NOT NULL REFERENCES tokenguard.lease (id),
  period_id bigint NOT NULL REFERENCES tokenguard.period (id),
  PRIMARY KEY (lease_id, period_id));

-- What one machine has of a period: sums over its leases.
CREATE TABLE tokenguard.holding (
  period_id bigint NOT NULL REFERENCES tokenguard.period (id),
  team_id bigint NOT NULL REFERENCES tokenguard.team (id),
  member text NOT NULL,
  machine text NOT NULL,
  spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  presumed bigint NOT NULL DEFAULT 0 CHECK (presumed >= 0),
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (period_id, team_id, member, machine));

-- Only ever added to: each row moves an amount between two pots of one period.
CREATE TABLE tokenguard.entry (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL DEFAULT session_user,
  period_id bigint NOT NULL,
  lease_id uuid NOT NULL,
  debit text NOT NULL,
  credit text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  why text NOT NULL);

-- Only ever added to: what administrators decided, and why.
CREATE TABLE tokenguard.decision (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL DEFAULT session_user,
  team_id bigint NOT NULL REFERENCES tokenguard.team (id),
  what text NOT NULL,
  subject text NOT NULL,
  amount bigint NOT NULL,
  reason text NOT NULL CHECK (reason <> ''));

-- The window of every budget that holds this instant, as tokenguard/policy/windows.py has it.
CREATE VIEW tokenguard.calendar AS
SELECT c.budget_id, c.cap,
  CASE WHEN c.kind = 'total' THEN TIMESTAMPTZ '1970-01-01 00:00:00+00'
    -- Of a midnight that comes twice, the first one.
    WHEN (c.starts - INTERVAL '1 hour') AT TIME ZONE c.timezone = c.first THEN c.starts - INTERVAL '1 hour'
    ELSE c.starts END AS starts_at,
  CASE WHEN c.kind = 'total' THEN NULL
    WHEN (c.ends - INTERVAL '1 hour') AT TIME ZONE c.timezone = c.next THEN c.ends - INTERVAL '1 hour'
    ELSE c.ends END AS ends_at
FROM (
  SELECT f.budget_id, f.cap, f.kind, f.timezone, f.first, f.first + f.step AS next,
    f.first AT TIME ZONE f.timezone AS starts, (f.first + f.step) AT TIME ZONE f.timezone AS ends
  FROM (
    SELECT b.id AS budget_id, b.cap, b.kind, b.timezone, b.step,
      date_trunc(b.unit, (now() AT TIME ZONE b.timezone) - b.shift) + b.shift AS first
    FROM (
      SELECT id, cap, kind, timezone, CASE kind WHEN 'total' THEN 'year' ELSE kind END AS unit,
        CASE kind WHEN 'day' THEN 0 WHEN 'week' THEN week_start WHEN 'total' THEN 0 ELSE month_start - 1 END
          * INTERVAL '1 day' AS shift,
        CASE kind WHEN 'day' THEN INTERVAL '1 day' WHEN 'week' THEN INTERVAL '7 days' WHEN 'month' THEN INTERVAL '1 month'
          WHEN 'quarter' THEN INTERVAL '3 months' ELSE INTERVAL '1 year' END AS step
      FROM tokenguard.budget) b) f) c;

-- Which budgets whoever asks is under. This is why no caller names them. In three parts, so that each finds its rows by
-- an index: a large team has a budget for each of its members.
CREATE VIEW tokenguard.reach AS
SELECT t.id AS team_id, t.name AS team, t.ttl, b.id AS budget_id,
  CASE WHEN left(b.owner, 5) = 'repo:' THEN substr(b.owner, 6) END AS repository
FROM tokenguard.member m
JOIN tokenguard.team t ON t.id = m.team_id
JOIN tokenguard.budget b ON b.team_id = t.id AND NOT b.personal
WHERE m.login = session_user AND m.removed_at IS NULL
UNION ALL
SELECT t.id, t.name, t.ttl, b.id, NULL
FROM tokenguard.member m
JOIN tokenguard.team t ON t.id = m.team_id
JOIN tokenguard.budget b ON b.team_id = t.id AND b.owner = 'member:' || m.login
WHERE m.login = session_user AND m.removed_at IS NULL
UNION ALL
SELECT t.id, t.name, t.ttl, b.id, NULL
FROM tokenguard.member m
JOIN tokenguard.team t ON t.id = m.team_id
JOIN tokenguard.budget b ON b.team_id IS NULL AND b.owner = 'org:' || t.organisation
WHERE m.login = session_user AND m.removed_at IS NULL;

CREATE VIEW tokenguard.present AS
SELECT r.team_id, r.team, r.ttl, r.budget_id, r.repository, p.id AS period_id, p.starts_at, p.ends_at,
  p.cap, p.held, p.presumed, p.spent, p.overrun, p.live
FROM tokenguard.reach r
JOIN tokenguard.period p ON p.budget_id = r.budget_id AND p.starts_at <= now() AND (p.ends_at IS NULL OR now() < p.ends_at);

-- Which budgets whoever asks may change.
CREATE VIEW tokenguard.governed AS
SELECT t.id AS team_id, t.name AS team, b.id AS budget_id, b.name AS budget
FROM tokenguard.team t
JOIN tokenguard.budget b ON b.team_id = t.id OR b.team_id IS NULL AND b.owner = 'org:' || t.organisation
WHERE pg_has_role(session_user, 'tokenguard_admin', 'member')
  OR b.team_id = t.id AND EXISTS (
    SELECT 1 FROM tokenguard.member m
    WHERE m.team_id = t.id AND m.login = session_user AND m.admin AND m.removed_at IS NULL);

-- A lease of whoever asks, in the instants of the intersection of its periods.
CREATE VIEW tokenguard.own_lease AS
SELECT l.id::text AS lease, l.amount, l.spent, l.state,
  extract(epoch FROM l.expires_at - now())::double precision AS left_s,
  (SELECT max((extract(epoch FROM p.starts_at) * 1000000)::bigint) FROM tokenguard.lease_period lp
    JOIN tokenguard.period p ON p.id = lp.period_id WHERE lp.lease_id = l.id) AS since_us,
  (SELECT min((extract(epoch FROM p.ends_at) * 1000000)::bigint) FROM tokenguard.lease_period lp
    JOIN tokenguard.period p ON p.id = lp.period_id WHERE lp.lease_id = l.id) AS until_us
FROM tokenguard.lease l
WHERE l.member = session_user;

-- Every invariant, a row for each violation: it must be empty.
CREATE VIEW tokenguard.audit AS
WITH sums AS (
  SELECT lp.period_id,
    sum(CASE WHEN l.state = 'live' THEN GREATEST(l.amount - l.spent, 0) ELSE 0 END) AS held,
    sum(CASE WHEN l.state = 'expired' THEN GREATEST(l.amount - l.spent, 0) ELSE 0 END) AS presumed,
    sum(l.spent) AS spent,
    sum(GREATEST(l.spent - l.amount, 0)) AS overrun,
    sum(CASE WHEN l.state = 'live' THEN 1 ELSE 0 END) AS live
  FROM tokenguard.lease l JOIN tokenguard.lease_period lp ON lp.lease_id = l.id GROUP BY lp.period_id),
holdings AS (
  SELECT period_id, sum(held) AS held, sum(presumed) AS presumed, sum(spent) AS spent
  FROM tokenguard.holding GROUP BY period_id),
journal AS (
  SELECT period_id,
    sum(CASE WHEN credit = 'held' THEN amount WHEN debit = 'held' THEN -amount ELSE 0 END) AS held,
    sum(CASE WHEN credit = 'presumed' THEN amount WHEN debit = 'presumed' THEN -amount ELSE 0 END) AS presumed,
    sum(CASE WHEN credit = 'spent' THEN amount ELSE 0 END) AS spent,
    sum(CASE WHEN debit = 'overrun' THEN amount ELSE 0 END) AS overrun
  FROM tokenguard.entry GROUP BY period_id)
SELECT 'promised more than the cap' AS broken, id::text AS period FROM tokenguard.period
  WHERE held + presumed + spent - overrun > ceil
UNION ALL
SELECT 'is not the sum of its leases', p.id::text FROM tokenguard.period p LEFT JOIN sums s ON s.period_id = p.id
  WHERE p.held <> coalesce(s.held, 0) OR p.presumed <> coalesce(s.presumed, 0) OR p.spent <> coalesce(s.spent, 0)
    OR p.overrun <> coalesce(s.overrun, 0) OR p.live <> coalesce(s.live, 0)
UNION ALL
SELECT 'is not the sum of its machines', p.id::text FROM tokenguard.period p LEFT JOIN holdings h ON h.period_id = p.id
  WHERE p.held <> coalesce(h.held, 0) OR p.presumed <> coalesce(h.presumed, 0) OR p.spent <> coalesce(h.spent, 0)
UNION ALL
SELECT 'is not what the journal comes to', p.id::text FROM tokenguard.period p LEFT JOIN journal j ON j.period_id = p.id
  WHERE p.held <> coalesce(j.held, 0) OR p.presumed <> coalesce(j.presumed, 0) OR p.spent <> coalesce(j.spent, 0)
    OR p.overrun <> coalesce(j.overrun, 0);
