// What a person can do here. Each command says what became of it.

import { commands, env, TerminalLocation, UIKind, window, workspace as editor } from "vscode";
import type { Disposable, ExtensionContext, QuickPickItem, Terminal } from "vscode";

import { DaemonError, type Door } from "./client";
import * as format from "./format";
import { answers, described, STEPS, type Button, type Deed } from "./notices";
import type { Program } from "./program";
import { editorOf, saysUndone, saysWritten, settingsFile, type Undone, type Written } from "./routing";
import type { Row } from "./rows";
import type { Budget, Hold } from "./shapes";
import { holds, type Seen, type Workspace } from "./state";

export interface Parts {
  door(): Door;
  seen(): Seen;
  workspace(): Workspace;
  program: Program;
  /** The daemon may have come. */
  retry(): void;
}

export class Commands {
  private dashboard: Terminal | undefined;

  constructor(
    private readonly parts: Parts,
    private readonly context: ExtensionContext,
  ) {}

  register(): Disposable[] {
    const all: Record<string, (argument?: unknown) => Promise<void> | void> = {
      dashboard: () => this.showDashboard(),
      report: () => this.inShell("tokenguard report", "report --by commit,model --repo ."),
      doctor: () => this.inShell("tokenguard doctor", "doctor"),
      run: () => this.runAgent(),
      raise: (label) => this.raise(typeof label === "string" ? label : undefined),
      answer: (row) => this.answer((row as Row | undefined)?.hold),
      allow: (row) => this.answerWith((row as Row).hold, "approve"),
      deny: (row) => this.answerWith((row as Row).hold, "deny"),
      route: () => this.route(),
      unroute: () => this.unroute(),
      start: (now) => this.start(now === true),
    };
    return Object.entries(all).map(([name, call]) =>
      commands.registerCommand(`tokenguard.${name}`, (argument?: unknown) => this.told(() => call(argument))),
    );
  }

  /** Does what a button says. */
  async do(deed: Deed): Promise<void> {
    await this.told(async () => {
      if ("command" in deed) await commands.executeCommand(deed.command, deed.argument);
      else await this.parts.door().post(deed.path, deed.body);
    });
  }

  /** Whatever a command raises, in words. */
  private async told(call: () => Promise<void> | void): Promise<void> {
    try {
      await call();
    } catch (error) {
      const hint = error instanceof DaemonError && error.hint ? `; ${error.hint}` : "";
      void window.showErrorMessage(`tokenguard: ${error instanceof Error ? error.message : String(error)}${hint}`);
    }
  }

  private showDashboard(): void {
    if (this.dashboard === undefined || this.dashboard.exitStatus !== undefined) {
      const { path, env: more } = this.parts.program;
      const where = { location: TerminalLocation.Editor };
      this.dashboard = window.createTerminal({
        name: "tokenguard",
        shellPath: path,
        shellArgs: ["tui"],
        env: more,
        ...where,
      });
    }
    this.dashboard.show();
  }

  /** In a shell, so that it can be read, and called again, after it has ended. */
  private inShell(name: string, words: string): void {
    const open = window.terminals.find((one) => one.name === name && one.exitStatus === undefined);
    const terminal = open ?? window.createTerminal({ name, env: this.parts.program.env });
    terminal.show();
    terminal.sendText(`${this.parts.program.quoted} ${words}`);
  }

  private async runAgent(): Promise<void> {
    const told = JSON.parse(await this.parts.program.run("agents", "list", "--json")) as {
      agents: { name: string; title: string; path: string | null; guarded: string }[];
    };
    const here = told.agents.filter((one) => one.path !== null);
    if (!here.length) throw new DaemonError("no agent that is known is installed", "see: tokenguard agents list");
    const items = here.map((one) => ({ label: one.name, description: one.title, detail: one.guarded }));
    const agent = await window.showQuickPick(items, { placeHolder: "Run an agent, guarded" });
    if (agent) this.inShell(`tokenguard run ${agent.label}`, `run ${agent.label}`);
  }

  private async raise(label: string | undefined): Promise<void> {
    const status = this.parts.seen().status;
    const budgets = status ? this.parts.workspace().budgets(status) : [];
    const budget = budgets.find((one) => one.label === label) ?? (await pickBudget(budgets));
    if (!budget) return;
    const amount = await window.showInputBox({
      title: `Raise ${budget.label}`,
      prompt: "By how much",
      value: STEPS[budget.unit].replace("$", ""),
    });
    if (!amount) return;
    const reason = await window.showInputBox({ title: `Raise ${budget.label}`, prompt: "Why: it is written down" });
    if (!reason) return;
    await this.parts.door().post("/v1/budgets/raise", { name: budget.label, amount, reason });
    void window.showInformationMessage(`tokenguard: ${budget.label} is raised by ${amount} until its window ends.`);
  }

  private async answer(given: Hold | undefined): Promise<void> {
    const status = this.parts.seen().status;
    const waiting = status ? holds(status) : [];
    const hold = given ?? (await pickHold(waiting));
    if (!hold) {
      if (!waiting.length) void window.showInformationMessage("tokenguard: no call waits for an answer.");
      return;
    }
    const items = answers(hold).map((button) => ({ label: button.title, button }));
    const chosen = await window.showQuickPick<{ label: string; button: Button }>(items, {
      placeHolder: described(hold),
    });
    if (chosen) await this.do(chosen.button.deed);
  }

  private async answerWith(hold: Hold | undefined, answer: "approve" | "deny"): Promise<void> {
    if (hold) await this.parts.door().post(`/v1/holds/${encodeURIComponent(hold.id)}`, { answer });
  }

  private async route(): Promise<void> {
    const told = JSON.parse(await this.env("--write")) as Written;
    const chosen = await window.showInformationMessage(saysWritten(told), "Undo", "Show the settings", "What else");
    if (chosen === "Undo") await this.unroute();
    if (chosen === "Show the settings") await window.showTextDocument(await editor.openTextDocument(told.file));
    if (chosen === "What else") void window.showInformationMessage(told.notes.join("\n"), { modal: true });
  }

  private async unroute(): Promise<void> {
    void window.showInformationMessage(saysUndone(JSON.parse(await this.env("--undo")) as Undone));
  }

  private env(how: "--write" | "--undo"): Promise<string> {
    const remote = env.remoteName !== undefined && env.uiKind === UIKind.Desktop;
    const file = settingsFile(this.context.globalStorageUri.fsPath, remote);
    return this.parts.program.run("env", how, editorOf(env.appName), "--file", file, "--json");
  }

  private async start(now: boolean): Promise<void> {
    if (this.parts.seen().away === undefined) {
      void window.showInformationMessage("tokenguard: the daemon runs.");
      return;
    }
    if (!now) {
      const why = `tokenguard: ${this.parts.seen().away}. Nothing is measured or held to budgets until it runs.`;
      const chosen = await window.showWarningMessage(why, "Start it", "Doctor");
      if (chosen === "Doctor") this.inShell("tokenguard doctor", "doctor");
      if (chosen !== "Start it") return;
    }
    await this.parts.program.run("daemon", "start");
    this.parts.retry();
  }
}

async function pickBudget(budgets: readonly Budget[]): Promise<Budget | undefined> {
  if (!budgets.length)
    throw new DaemonError("there is no budget here", "set one: tokenguard budget set day --limit 20");
  const items = budgets.map((budget): QuickPickItem & { budget: Budget } => ({
    label: budget.label,
    description: `${format.amount(budget.spent, budget.unit)} of ${format.limit(budget.limit, budget.unit)}`,
    budget,
  }));
  return (await window.showQuickPick(items, { placeHolder: "Which budget" }))?.budget;
}

async function pickHold(waiting: readonly Hold[]): Promise<Hold | undefined> {
  if (waiting.length < 2) return waiting[0];
  const items = waiting.map((hold) => ({ label: described(hold), hold }));
  return (await window.showQuickPick(items, { placeHolder: "Which call" }))?.hold;
}
