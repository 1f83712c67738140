// The `tokenguard` command: where it is, and running it.

import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

import { DaemonError } from "./client";

const ENDS_WITHIN = 60_000;
/** Where installers put commands for one person: an editor that was started from a desktop may not look there. */
const OF_ONE_PERSON = [join(homedir(), ".local", "bin"), "/opt/homebrew/bin", "/usr/local/bin"];

export class Program {
  /** `command` and `home` are the settings of that name; they are read each time, since they may change. */
  constructor(private readonly settings: () => { command: string; home: string }) {}

  /** What its processes have in their environment besides ours. */
  get env(): Record<string, string> {
    const { home } = this.settings();
    return home ? { TOKENGUARD_HOME: home } : {};
  }

  /** Its path, or what was set where there is nothing of that name. */
  get path(): string {
    const { command } = this.settings();
    if (command.includes("/")) return command.replace(/^~(?=\/)/, homedir());
    const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...OF_ONE_PERSON];
    return folders.map((folder) => join(folder, command)).find(isExecutable) ?? command;
  }

  /** As a shell takes it. */
  get quoted(): string {
    return /^[\w./@%+=:,-]+$/.test(this.path) ? this.path : `'${this.path.replaceAll("'", "'\\''")}'`;
  }

  /** What it prints. Raises `DaemonError` with its own words where it fails. */
  run(...args: string[]): Promise<string> {
    return new Promise((done, failed) => {
      const env = { ...process.env, ...this.env };
      execFile(this.path, args, { env, timeout: ENDS_WITHIN, cwd: homedir() }, (error, said, complaint) => {
        if (!error) done(said);
        else if (error.code === "ENOENT") {
          failed(new DaemonError(`${this.path} was not found`, "install it, or set tokenguard.command to its path"));
        } else failed(new DaemonError(lastLine(complaint) || error.message));
      });
    });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function lastLine(text: string): string {
  return (text.trim().split("\n").pop() ?? "").replace(/^tokenguard: /, "");
}
