// The two trees of the side bar: sessions, and commits with what they cost.

import { EventEmitter, ThemeIcon, TreeItem, TreeItemCollapsibleState, window } from "vscode";
import type { Event, TreeDataProvider, TreeView } from "vscode";

import type { Door } from "./client";
import { folderName } from "./format";
import { commitRows, sessionRows, type Row } from "./rows";
import type { Report } from "./shapes";
import { holds, type Seen, type Workspace } from "./state";

/** Sums of commits that have changed are asked for no more often than this. */
const COMMITS_AGAIN = 5_000;

class Rows implements TreeDataProvider<Row> {
  private readonly emitter = new EventEmitter<undefined>();
  readonly onDidChangeTreeData: Event<undefined> = this.emitter.event;
  private rows: Row[] = [];

  put(rows: Row[]): void {
    if (JSON.stringify(rows) === JSON.stringify(this.rows)) return;
    this.rows = rows;
    this.emitter.fire(undefined);
  }

  getChildren(row?: Row): Row[] {
    return row ? row.below : this.rows;
  }

  getTreeItem(row: Row): TreeItem {
    const { Collapsed, Expanded, None } = TreeItemCollapsibleState;
    const item = new TreeItem(row.label, row.below.length ? (row.open ? Expanded : Collapsed) : None);
    item.id = row.id;
    item.description = row.beside;
    item.tooltip = row.tooltip;
    item.iconPath = new ThemeIcon(row.icon);
    if (row.hold) {
      item.contextValue = "hold";
      item.command = { command: "tokenguard.answer", title: "Answer", arguments: [row] };
    }
    return item;
  }

  dispose(): void {
    this.emitter.dispose();
  }
}

export class Trees {
  private readonly sessions = new Rows();
  private readonly commits = new Rows();
  private readonly sessionView: TreeView<Row>;
  private readonly commitView: TreeView<Row>;
  private timer: NodeJS.Timeout | undefined;
  private askedAt = 0;
  private seen: Seen = {};

  constructor(
    private readonly door: () => Door,
    private readonly workspace: () => Workspace,
  ) {
    this.sessionView = window.createTreeView("tokenguard.sessions", { treeDataProvider: this.sessions });
    this.commitView = window.createTreeView("tokenguard.commits", { treeDataProvider: this.commits });
    this.commitView.onDidChangeVisibility(() => this.askSoon());
  }

  show(seen: Seen): void {
    this.seen = seen;
    this.sessions.put(sessionRows(seen, this.workspace()));
    const waiting = seen.status && seen.away === undefined ? holds(seen.status).length : 0;
    this.sessionView.badge = waiting ? { value: waiting, tooltip: "calls that wait for you" } : undefined;
    this.askSoon();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const one of [this.sessionView, this.commitView, this.sessions, this.commits]) one.dispose();
  }

  /** Only what is looked at is asked for. */
  private askSoon(): void {
    if (!this.commitView.visible || this.timer || this.seen.away !== undefined) return;
    const wait = Math.max(0, this.askedAt + COMMITS_AGAIN - Date.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.ask();
    }, wait);
  }

  private async ask(): Promise<void> {
    this.askedAt = Date.now();
    const { repositories } = this.workspace();
    try {
      const told = await Promise.all(
        repositories.map((repo) => this.door().get("/v1/report", { by: "commit", since: "30d", repo })),
      );
      const rows = told.map((one) => commitRows(one as Report));
      this.commits.put(
        rows.length === 1 ? (rows[0] ?? []) : repositories.map((repo, at) => group(repo, rows[at] ?? [])),
      );
      this.commitView.message = "";
    } catch (error) {
      this.commitView.message = error instanceof Error ? error.message : String(error);
    }
  }
}

function group(repo: string, below: Row[]): Row {
  // The same commit may be in several clones.
  const apart = below.map((row) => ({ ...row, id: `${repo} ${row.id}` }));
  return { id: repo, label: folderName(repo), beside: "", tooltip: repo, icon: "repo", below: apart, open: true };
}
