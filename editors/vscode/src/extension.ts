// Builds everything, and takes it down. Nothing is asked of the daemon but what is shown, and nobody starts it unasked.

import { existsSync, watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import { commands, window, workspace as editor, type ExtensionContext } from "vscode";

import { Client } from "./client";
import { Commands } from "./commands";
import { addresses, Environment } from "./environment";
import { Feed, type Timers } from "./feed";
import { noticeOf, type Notice, type Wanted } from "./notices";
import { repositoryOf, socketPath, stateFolder } from "./places";
import { Program } from "./program";
import type { DaemonEvent } from "./sse";
import { Workspace, type Seen } from "./state";
import { StatusBar } from "./statusBar";
import { Trees } from "./tree";

const TIMERS: Timers = {
  now: () => Date.now(),
  after: (milliseconds, call) => {
    const timer = setTimeout(call, milliseconds);
    return () => clearTimeout(timer);
  },
};

const TERMINAL = "terminal.integrated.env";
const SYSTEM = { darwin: "osx", win32: "windows" }[process.platform as string] ?? "linux";

class Guarded {
  private readonly bar = new StatusBar();
  private readonly program = new Program(() => ({ command: setting("command"), home: setting("home") }));
  private readonly commands: Commands;
  private readonly trees: Trees;
  private readonly environment = new Environment(process.env);
  private workspace = openFolders();
  private client!: Client;
  private feed!: Feed;
  private watcher: FSWatcher | undefined;

  constructor(context: ExtensionContext) {
    this.commands = new Commands(
      {
        door: () => this.client,
        seen: () => this.feed.seen,
        workspace: () => this.workspace,
        program: this.program,
        retry: () => this.feed.retry(),
      },
      context,
    );
    this.trees = new Trees(
      () => this.client,
      () => this.workspace,
    );
    context.subscriptions.push(
      this,
      ...this.commands.register(),
      editor.onDidChangeWorkspaceFolders(() => {
        this.workspace = openFolders();
        this.show(this.feed.seen);
      }),
      editor.onDidChangeConfiguration((changed) => {
        if (changed.affectsConfiguration("tokenguard.home")) this.connect();
        if (changed.affectsConfiguration(TERMINAL)) this.environment.give(givenToTerminals());
      }),
    );
    this.environment.give(givenToTerminals());
    this.connect();
  }

  dispose(): void {
    this.feed.stop();
    this.watcher?.close();
    this.trees.dispose();
    this.bar.dispose();
    this.environment.give(new Map());
  }

  /** To the daemon of the folder that is set now. */
  private connect(): void {
    (this.feed as Feed | undefined)?.stop();
    const socket = socketPath(stateFolder(setting("home"), process.env));
    this.client = new Client(socket);
    const feed = new Feed(this.client, TIMERS, {
      changed: (seen) => {
        this.show(seen);
        if (seen.away !== undefined) this.watchFor(socket);
      },
      heard: (event, seen) => this.tell(event, seen),
    });
    this.feed = feed;
    this.show(feed.seen);
    void feed.follow();
  }

  /** The daemon is found at once when its socket appears, without looking again and again. */
  private watchFor(socket: string): void {
    this.watcher?.close();
    this.watcher = undefined;
    const folder = dirname(socket);
    if (!existsSync(folder)) return;
    try {
      this.watcher = watch(folder, () => existsSync(socket) && this.feed.retry());
      this.watcher.on("error", () => this.watcher?.close());
    } catch {
      // Where nothing can be watched, the daemon is found by the next attempt.
    }
  }

  private show(seen: Seen): void {
    if (seen.away === undefined) {
      this.watcher?.close();
      this.watcher = undefined;
    }
    this.bar.show(seen, this.workspace);
    this.trees.show(seen);
    void commands.executeCommand("setContext", "tokenguard.away", seen.away !== undefined);
  }

  private tell(event: DaemonEvent, seen: Seen): void {
    const notice = noticeOf(event, seen, this.workspace, setting("notices") as Wanted);
    if (notice) void this.ask(notice);
  }

  private async ask(notice: Notice): Promise<void> {
    // Editors let only errors with buttons stand until they are answered.
    const show = notice.urgent ? window.showErrorMessage : window.showWarningMessage;
    const titles = notice.buttons.map((button) => button.title);
    const chosen = await show(notice.text, ...titles);
    const button = notice.buttons.find((one) => one.title === chosen);
    if (button) await this.commands.do(button.deed);
  }
}

function setting(name: "command" | "home" | "notices"): string {
  return editor.getConfiguration("tokenguard").get<string>(name) ?? "";
}

/** By the person's own settings: a repository's must not tell extensions where their keys go. */
function givenToTerminals(): Map<string, string> {
  return addresses(editor.getConfiguration(TERMINAL).inspect(SYSTEM)?.globalValue);
}

/** The repositories of the folders that are open. */
function openFolders(): Workspace {
  const folders = (editor.workspaceFolders ?? []).filter((one) => one.uri.scheme === "file");
  const repositories = folders.flatMap((one) => repositoryOf(one.uri.fsPath) ?? []);
  return new Workspace([...new Set(repositories)]);
}

export function activate(context: ExtensionContext): void {
  new Guarded(context);
}
