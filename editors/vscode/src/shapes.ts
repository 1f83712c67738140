// What the daemon tells, by the names of its interface. Of a daemon that is older or newer, parts may be missing.

export type Level = "ok" | "info" | "warn" | "soft" | "hard";
export type Unit = "usd" | "tokens" | "calls" | "percent";

export interface Totals {
  calls: number;
  cost_nanos: number;
  confidence?: string;
  unpriced?: number;
  notional_nanos?: number;
}

export interface SubAgent extends Totals {
  id: string;
  type: string | null;
  model: string;
}

export interface Session extends Totals {
  id: string;
  agent: string;
  parent?: string | null;
  repo: string | null;
  branch: string | null;
  task?: string | null;
  state: string;
  in_flight?: number;
  your_turn?: boolean;
  sub_agents?: SubAgent[];
}

export interface Budget {
  name: string;
  label: string;
  scope: string;
  key: string;
  unit: Unit;
  limit: number;
  spent: number;
  remaining: number;
  level: Level;
  resets_at: string | null;
  forecast?: { full_at: string | null } | null;
}

export interface OfficialWindow {
  provider: string;
  name: string;
  used_percent: number;
  resets_at: string | null;
}

export interface Hold {
  id: string;
  session: string;
  agent: string;
  repo: string | null;
  model: string;
  estimate_nanos: number;
  unit?: Unit | null;
  cheaper?: { model: string; estimate_nanos: number } | null;
  /** What an agent asks for, in the budget's unit; null for a call that waits. */
  wants?: number | null;
  reason: string;
  expires_at: string;
}

export interface Status {
  totals: { today: Totals; hour?: Totals };
  sessions: Session[];
  budgets: Budget[];
  holds: Hold[];
  windows?: OfficialWindow[];
}

/** `data` of a `budget.level` event. */
export interface Reached {
  budget: string;
  key: string;
  level: Level;
  spent: number;
  limit: number;
  unit: Unit;
}

export interface CommitRow extends Totals {
  commit: string | null;
  subject?: string | null;
  committed_at?: string | null;
}

export interface Report {
  rows: CommitRow[];
  total: Totals;
}
