// The words of the status-bar item: `$14.82 today · $3.10/h · web/day 82% warn`.

import * as format from "./format";
import type { Budget, Level, Status, Totals } from "./shapes";
import { holds, type Seen, type Workspace } from "./state";

export interface Bar {
  /** With the names of icons in `$(…)`. */
  text: string;
  /** The same for those who do not see it. */
  spoken: string;
  level: Level | "waiting" | "away";
  command: string;
}

export function bar(seen: Seen, workspace: Workspace): Bar {
  if (seen.away !== undefined) {
    const text = `$(circle-slash) tokenguard ${seen.away.endsWith("running") ? "is not running" : "does not answer"}`;
    return { text, spoken: `tokenguard: ${seen.away}`, level: "away", command: "tokenguard.start" };
  }
  if (seen.status === undefined) {
    return { text: "$(shield) tokenguard", spoken: "tokenguard", level: "ok", command: "tokenguard.dashboard" };
  }
  const status = seen.status;
  const budget = workspace.budgets(status)[0];
  const waiting = holds(status).filter((hold) => workspace.has(hold.repo)).length;
  if (waiting) {
    const said = `${format.counted(waiting, "call")} waiting · ${today(status)}`;
    const spoken = `tokenguard: ${said}`;
    return { text: `$(bell-dot) ${said}`, spoken, level: "waiting", command: "tokenguard.answer" };
  }
  const said = [today(status), ...speed(status.totals.hour), ...(budget ? [binding(budget)] : [])].join(" · ");
  const level = budget?.level ?? "ok";
  return { text: `$(shield) ${said}`, spoken: `tokenguard: ${said}`, level, command: "tokenguard.dashboard" };
}

/** What was spent today; beside it, never in it, what a subscription covered. */
export function today(status: Status): string {
  const totals = status.totals.today;
  const beside = totals.notional_nanos ? `, ${format.usd(totals.notional_nanos)} notional` : "";
  return `${format.cost(totals)} today${beside}`;
}

/** What the last hour took; nothing if it took nothing that is billed. */
export function speed(hour: Totals | undefined): string[] {
  return hour?.cost_nanos ? [`${format.cost(hour)}/h`] : [];
}

function binding(budget: Budget): string {
  const { spent, limit, unit, level } = budget;
  const used = unit === "percent" ? `${spent}% of ${limit}%` : `${format.percent(spent, limit)}%`;
  return [format.printable(budget.label), used, format.LEVEL_WORDS[level]].filter(Boolean).join(" ");
}
