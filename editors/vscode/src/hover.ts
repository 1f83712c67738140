// What the pointer on the status-bar item shows, as Markdown: budgets, official windows, the sessions of this window.

import { speed, today } from "./bar";
import * as format from "./format";
import type { Budget, Hold, OfficialWindow, Session } from "./shapes";
import { holds, windows, type Seen, type Workspace } from "./state";

/** The commands that its links may run. */
export const LINKED = [
  ...["tokenguard.dashboard", "tokenguard.report", "tokenguard.raise", "tokenguard.answer", "tokenguard.start"],
  "tokenguard.doctor",
];

const MOST_ROWS = 8;

export function hover(seen: Seen, workspace: Workspace, now: Date): string {
  if (seen.away !== undefined) return absent(seen);
  if (seen.status === undefined) return "**tokenguard**  looking for the daemon";
  const status = seen.status;
  const { here, elsewhere } = workspace.sessions(status);
  const parts = [
    `**tokenguard**  ${[today(status), ...speed(status.totals.hour)].map(escape).join(" · ")}`,
    ...holds(status).map((hold) => waiting(hold, now)),
    table(
      ["budget", "spent", "of", "", "", ""],
      [
        ...workspace
          .budgets(status)
          .slice(0, MOST_ROWS)
          .map((one) => budget(one, now)),
        ...windows(status).map((one) => official(one, now)),
      ],
    ),
    here.length
      ? table(["session", "branch", "calls", "cost", ""], here.slice(0, MOST_ROWS).map(session))
      : `No session runs ${workspace.repositories.length ? "in this workspace" : "now"}.`,
    elsewhere.length ? `${format.counted(elsewhere.length, "session")} elsewhere: ${costs(elsewhere)}` : "",
    links(status.holds.length > 0),
  ];
  return parts.filter(Boolean).join("\n\n");
}

function absent(seen: Seen): string {
  const last = seen.status ? `When it was last heard: ${escape(today(seen.status))}.` : "";
  const offer = "[Start it](command:tokenguard.start?%5Btrue%5D) · [Doctor](command:tokenguard.doctor)";
  return [
    `**tokenguard**  ${escape(seen.away ?? "")}`,
    `Nothing is measured or held to budgets until it runs; \`tokenguard run\` starts it. ${last}`,
    offer,
  ].join("\n\n");
}

function waiting(hold: Hold, now: Date): string {
  const who = [hold.agent, format.folderName(hold.repo)].filter(Boolean).join(" ");
  const left = format.until(new Date(hold.expires_at), now);
  const call = `${format.shortModel(hold.model)} · next call ${format.usd(hold.estimate_nanos, true)}`;
  const about = `${who} · ${hold.wants == null ? call : format.asked(hold, "")}`;
  return `$(bell-dot) **${escape(about)}**, ${left} left: ${escape(hold.reason)}`;
}

function budget(one: Budget, now: Date): string[] {
  const share = one.unit === "percent";
  return [
    one.label,
    share ? "" : format.amount(one.spent, one.unit),
    share ? `${one.limit}%` : format.limit(one.limit, one.unit),
    share ? `${one.spent}%` : `${format.percent(one.spent, one.limit)}%`,
    format.LEVEL_WORDS[one.level],
    ending(one, now),
  ];
}

/** When it will be full, if that is before it starts anew; else when it starts anew. */
function ending(one: Budget, now: Date): string {
  const full = one.forecast?.full_at;
  if (one.level !== "hard" && full) return `full ≈${format.moment(new Date(full), now)}`;
  return one.resets_at ? `resets ${format.moment(new Date(one.resets_at), now)}` : "";
}

function official(one: OfficialWindow, now: Date): string[] {
  const used = Math.floor(one.used_percent);
  const resets = one.resets_at ? `resets ${format.moment(new Date(one.resets_at), now)}` : "";
  return [format.windowName(one.provider, one.name), "", "", `${used}%`, used >= 100 ? "used up" : "", resets];
}

function session(one: Session): string[] {
  const state = one.state === "running" ? (one.your_turn ? "your turn" : "") : one.state;
  const about = [one.task ?? "", state].filter(Boolean).join(" · ");
  return [one.agent, one.branch ?? "", String(one.calls), format.cost(one), about];
}

function costs(sessions: readonly Session[]): string {
  const confidence = sessions.find((one) => (one.confidence ?? "exact") !== "exact")?.confidence ?? "exact";
  const sum = (key: "calls" | "cost_nanos" | "unpriced"): number =>
    sessions.reduce((total, one) => total + (one[key] ?? 0), 0);
  return escape(
    format.cost({ calls: sum("calls"), cost_nanos: sum("cost_nanos"), unpriced: sum("unpriced"), confidence }),
  );
}

/** Numbers stand right; what is empty in every row is left out, and so is a table without rows. */
function table(titles: readonly string[], rows: readonly string[][]): string {
  if (!rows.length) return "";
  const shown = titles.map((_, column) => column).filter((column) => rows.some((row) => row[column]));
  const numbers = new Set(["spent", "of", "calls", "cost"]);
  const percents = (column: number): boolean => rows.every((row) => /^(\d+%)?$/.test(row[column] ?? ""));
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(shown.map((column) => titles[column] ?? "")),
    line(shown.map((column) => (numbers.has(titles[column] ?? "") || percents(column) ? "---:" : ":---"))),
    ...rows.map((row) => line(shown.map((column) => escape(row[column] ?? "")))),
  ].join("\n");
}

function links(waits: boolean): string {
  return [
    ...(waits ? ["[Answer](command:tokenguard.answer)"] : []),
    "[Dashboard](command:tokenguard.dashboard)",
    "[Report](command:tokenguard.report)",
    "[Raise a budget](command:tokenguard.raise)",
  ].join(" · ");
}

/** Text that came from elsewhere, such as the name of a branch, as text: no link, no icon, no end of a cell. */
export function escape(text: string): string {
  return format.printable(text).replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, "\\$&");
}
