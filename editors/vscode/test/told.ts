// What a daemon tells, for tests.

import type { Budget, Hold, Session, Status } from "../src/shapes";

export function session(of: Partial<Session> = {}): Session {
  return {
    id: "s1",
    agent: "claude",
    repo: "/src/web",
    branch: "feat/login",
    state: "running",
    calls: 41,
    cost_nanos: 6_210_000_000,
    confidence: "exact",
    ...of,
  };
}

export function budget(of: Partial<Budget> = {}): Budget {
  return {
    name: "day",
    label: "web/day",
    scope: "repo",
    key: "/src/web",
    unit: "usd",
    limit: 20_000_000_000,
    spent: 16_400_000_000,
    remaining: 3_600_000_000,
    level: "warn",
    resets_at: null,
    ...of,
  };
}

export function hold(of: Partial<Hold> = {}): Hold {
  return {
    id: "7f2c",
    session: "s1",
    agent: "claude",
    repo: "/src/web",
    model: "claude-opus-5-5",
    estimate_nanos: 3_440_000_000,
    unit: "usd",
    cheaper: { model: "claude-sonnet-5", estimate_nanos: 690_000_000 },
    reason: "this call re-reads 340k uncached tokens, about 3.44 USD",
    expires_at: "2026-11-21T10:46:31Z",
    ...of,
  };
}

export function status(of: Partial<Status> = {}): Status {
  const sums = { calls: 41, confidence: "exact", unpriced: 0, notional_nanos: 0 };
  return {
    totals: { today: { ...sums, cost_nanos: 14_820_000_000 }, hour: { ...sums, cost_nanos: 3_100_000_000 } },
    sessions: [session()],
    budgets: [budget()],
    holds: [],
    windows: [],
    ...of,
  };
}
