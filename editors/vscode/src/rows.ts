// What the trees hold: calls that wait and sessions in one, commits in the other.

import * as format from "./format";
import { described } from "./notices";
import type { CommitRow, Hold, Report, Session, SubAgent } from "./shapes";
import { holds, type Seen, type Workspace } from "./state";

export interface Row {
  /** The same for the same thing, so that it stays where it is, and open or closed as it was. */
  id: string;
  label: string;
  /** Beside the label, paler. */
  beside: string;
  tooltip: string;
  icon: string;
  below: Row[];
  open?: boolean;
  hold?: Hold;
}

export function sessionRows(seen: Seen, workspace: Workspace): Row[] {
  if (seen.status === undefined || seen.away !== undefined) return [];
  const { here, elsewhere } = workspace.sessions(seen.status);
  const others = nested(elsewhere, false);
  return [
    ...holds(seen.status).map(waiting),
    ...nested(here, workspace.repositories.length === 1),
    ...(others.length ? [group("elsewhere", "Elsewhere", others, elsewhere)] : []),
  ];
}

/** The commits of a repository that cost something, the newest first; before them what no commit has taken yet. */
export function commitRows(report: Report): Row[] {
  const at = (row: CommitRow): number => (row.commit === null ? Infinity : Date.parse(row.committed_at ?? "") || 0);
  return [...report.rows].sort((one, other) => at(other) - at(one)).map((row) => commit(row, report));
}

function waiting(hold: Hold): Row {
  const about = format.asked(hold, " ");
  const label = [hold.agent, format.folderName(hold.repo)].filter(Boolean).join(" ");
  const row = { id: `hold ${hold.id}`, label: `${label} waits`, beside: about, tooltip: described(hold) };
  return { ...printed(row), icon: "bell-dot", below: [], hold };
}

/** Each session, with those that were started in it and its sub-agents below it. `inOne`: all in one repository. */
function nested(sessions: readonly Session[], inOne: boolean): Row[] {
  const known = new Set(sessions.map((one) => one.id));
  const under = (parent: string | undefined): Row[] =>
    sessions
      .filter((one) => (one.parent && known.has(one.parent) ? one.parent : undefined) === parent)
      .map((one) => {
        const subs = (one.sub_agents ?? []).map((sub) => subAgent(one, sub));
        return session(one, inOne ? "" : format.folderName(one.repo), [...under(one.id), ...subs]);
      });
  return under(undefined);
}

function session(one: Session, folder: string, below: Row[]): Row {
  const place = [folder, one.branch].filter(Boolean).join(" ");
  const state = one.state === "running" ? (one.your_turn ? "your turn" : "") : one.state;
  const parts = [format.cost(one), state, place, one.task ?? ""];
  const notional = one.notional_nanos ? `, ${format.usd(one.notional_nanos)} notional` : "";
  const tooltip = `${one.agent} ${place}: ${format.cost(one)}${notional} in ${format.counted(one.calls, "call")}`;
  const row = { id: `session ${one.id}`, label: one.agent, beside: parts.filter(Boolean).join(" · "), tooltip };
  return { ...printed(row), icon: one.in_flight ? "sync" : "circle-outline", below, open: true };
}

function subAgent(of: Session, sub: SubAgent): Row {
  const about = [format.cost(sub), format.shortModel(sub.model), format.counted(sub.calls, "call")].join(" · ");
  const row = { id: `sub ${of.id} ${sub.id}`, label: sub.type ?? sub.id.slice(0, 8), beside: about, tooltip: about };
  return { ...printed(row), icon: "type-hierarchy-sub", below: [] };
}

function group(id: string, label: string, below: Row[], sessions: readonly Session[]): Row {
  const beside = format.counted(sessions.length, "session");
  return { id, label, beside, tooltip: "Sessions in other repositories", icon: "folder", below, open: false };
}

function commit(row: CommitRow, report: Report): Row {
  const whole = report.total.cost_nanos;
  const share = whole ? ` · ${format.percent(row.cost_nanos, whole)}% of 30 days` : "";
  const calls = format.counted(row.calls, "call");
  const label = row.commit === null ? "Not committed yet" : (row.subject ?? row.commit.slice(0, 8));
  const said = {
    id: `commit ${row.commit ?? ""}`,
    label,
    beside: format.cost(row),
    tooltip: `${[row.commit?.slice(0, 8), label].filter(Boolean).join(" ")}: ${format.cost(row)} in ${calls}${share}`,
  };
  return { ...printed(said), icon: row.commit === null ? "edit" : "git-commit", below: [] };
}

function printed<T extends Pick<Row, "id" | "label" | "beside" | "tooltip">>(row: T): T {
  const { label, beside, tooltip } = row;
  return {
    ...row,
    label: format.printable(label),
    beside: format.printable(beside),
    tooltip: format.printable(tooltip),
  };
}
