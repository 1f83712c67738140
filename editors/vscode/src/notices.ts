// What a person is told without having looked: budgets that are nearly or wholly used up, and calls that wait.

import * as format from "./format";
import type { Hold, Reached, Unit } from "./shapes";
import type { DaemonEvent } from "./sse";
import type { Seen, Workspace } from "./state";

/** By how much a budget is raised with one button, in its unit. */
export const STEPS: Record<Unit, string> = { usd: "$5", tokens: "1M tokens", calls: "50 calls", percent: "5%" };

/** Whom notices are about: this window's work, all work, or nobody's. */
export type Wanted = "workspace" | "all" | "off";

/** What a button does: a question to the daemon, or a command of the editor. */
export type Deed = { path: string; body: Record<string, string> } | { command: string; argument?: string };

export interface Button {
  title: string;
  deed: Deed;
}

export interface Notice {
  text: string;
  urgent: boolean;
  buttons: Button[];
}

/** What is told of an event; undefined for what nobody is told of. */
export function noticeOf(event: DaemonEvent, seen: Seen, workspace: Workspace, wanted: Wanted): Notice | undefined {
  if (wanted === "off") return undefined;
  if (event.type === "hold.asked") {
    const hold = event.data as unknown as Hold;
    return wanted === "all" || workspace.has(hold.repo) ? waits(hold) : undefined;
  }
  if (event.type === "budget.level") {
    const reached = event.data as unknown as Reached;
    const ours = wanted === "all" || workspace.counts(reached.key, seen.status?.sessions ?? []);
    return ours && (reached.level === "soft" || reached.level === "hard") ? level(reached) : undefined;
  }
  return undefined;
}

/** A call that waits, and what can be said to it. */
export function waits(hold: Hold): Notice {
  return { text: `tokenguard: ${described(hold)}`, urgent: true, buttons: answers(hold) };
}

/** `claude web waits: ≈$3.44 for opus-5.5. This call re-reads 340k uncached tokens` */
export function described(hold: Hold): string {
  const who = [hold.agent, format.folderName(hold.repo)].filter(Boolean).join(" ");
  const about = format.asked(hold, " for ");
  const why = hold.reason.slice(0, 1).toUpperCase() + hold.reason.slice(1);
  return format.printable(`${who} waits for you: ${about}. ${why}`);
}

/** The answers that a call takes, the usual ones first. */
export function answers(hold: Hold): Button[] {
  const path = `/v1/holds/${encodeURIComponent(hold.id)}`;
  const button = (title: string, body: Record<string, string>): Button => ({ title, deed: { path, body } });
  const step = hold.unit && STEPS[hold.unit];
  const cheaper = hold.cheaper;
  return [
    button("Allow", { answer: "approve" }),
    ...(step ? [button(`+${step}`, { answer: "approve", amount: step })] : []),
    ...(cheaper ? [button(`Cheaper: ${named(cheaper)}`, { answer: "cheaper" })] : []),
    button("Deny", { answer: "deny" }),
  ];
}

function named(cheaper: { model: string; estimate_nanos: number }): string {
  return format.printable(`${format.shortModel(cheaper.model)} ${format.usd(cheaper.estimate_nanos, true)}`);
}

function level(reached: Reached): Notice {
  const { budget, spent, limit, unit } = reached;
  const hard = reached.level === "hard";
  const state = hard ? "is used up" : `is at ${format.percent(spent, limit)}%`;
  const figures = `${format.amount(spent, unit)} of ${format.limit(limit, unit)}`;
  return {
    text: format.printable(`tokenguard: ${budget} ${state} (${figures})`),
    urgent: hard,
    buttons: [
      { title: "Raise", deed: { command: "tokenguard.raise", argument: budget } },
      { title: "Dashboard", deed: { command: "tokenguard.dashboard" } },
    ],
  };
}
