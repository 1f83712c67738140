// What the window shows: the last status, whether the daemon is there, and which of it concerns this window.

import type { Budget, Hold, Level, OfficialWindow, Session, Status } from "./shapes";
import type { DaemonEvent } from "./sse";

const LEVELS: readonly Level[] = ["ok", "info", "warn", "soft", "hard"];

/** Events after which the sums of the last status do not hold any more. */
const STALE = new Set([
  ...["call.settled", "call.refused", "calls.logged", "hold.asked", "hold.answered", "budget.level", "budget.raised"],
  "config.reloaded",
  ...[
    "session.started",
    "session.left",
    "session.ended",
    "session.steered",
    "official.window",
    "ledger.changed",
    "lost",
  ],
]);

/** What is known of the daemon. */
export interface Seen {
  /** The last status; it stays when the daemon goes. */
  readonly status?: Status;
  /** Why nothing is heard of the daemon; undefined while it is. */
  readonly away?: string;
}

export function makesStale(event: DaemonEvent): boolean {
  return STALE.has(event.type);
}

/** What is open in a window. Without a repository, everything concerns it. */
export class Workspace {
  constructor(readonly repositories: readonly string[]) {}

  /** Whether work in a repository is work of this window. */
  has(repository: string | null): boolean {
    return !this.repositories.length || (repository !== null && this.repositories.includes(repository));
  }

  /** The running sessions of this window, and those of others. */
  sessions(status: Status): { here: Session[]; elsewhere: Session[] } {
    const here = status.sessions.filter((one) => this.has(one.repo));
    return { here, elsewhere: status.sessions.filter((one) => !this.has(one.repo)) };
  }

  /** Whether what a budget counts can be work of this window, by what it counts for. */
  counts(key: string, sessions: readonly Session[]): boolean {
    if (!this.repositories.length) return true;
    if (key.startsWith("/")) {
      return this.repositories.some((repository) => key === repository || key.startsWith(`${repository}:`));
    }
    const session = sessions.find((one) => one.id === key);
    return session === undefined || this.has(session.repo);
  }

  /** The budgets that concern this window, that which binds first before the others. */
  budgets(status: Status): Budget[] {
    return status.budgets
      .filter((one) => this.counts(one.key, status.sessions))
      .sort((one, other) => rank(other) - rank(one) || used(other) - used(one));
  }
}

/** Calls that wait for an answer, the one that is refused next first. */
export function holds(status: Status): Hold[] {
  return [...status.holds].sort((one, other) => one.expires_at.localeCompare(other.expires_at));
}

export function windows(status: Status): OfficialWindow[] {
  return status.windows ?? [];
}

function rank(budget: Budget): number {
  return LEVELS.indexOf(budget.level);
}

function used(budget: Budget): number {
  return budget.limit ? budget.spent / budget.limit : 1;
}
