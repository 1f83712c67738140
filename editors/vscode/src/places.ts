// Where things are: the daemon's socket, and the repository that a folder belongs to. As the daemon itself says it.

import { createHash } from "node:crypto";
import { lstatSync, readFileSync, realpathSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

const LONGEST_SOCKET = 100;

/** The folder in which the daemon keeps its socket: the setting, `TOKENGUARD_HOME`, or the platform's. */
export function stateFolder(setting: string, env: Environment, platform: string = process.platform): string {
  const home = setting || env["TOKENGUARD_HOME"];
  if (home) return resolve(home.replace(/^~(?=$|\/)/, homedir()));
  const xdg = env["XDG_STATE_HOME"];
  if (xdg && isAbsolute(xdg)) return join(xdg, "tokenguard");
  return join(homedir(), platform === "darwin" ? "Library/Application Support" : ".local/state", "tokenguard");
}

/** The control socket of a state folder. That of a deep folder is below /tmp: a socket's path must be short. */
export function socketPath(folder: string): string {
  const path = join(folder, "daemon.sock");
  if (Buffer.byteLength(path) <= LONGEST_SOCKET) return path;
  const digest = createHash("sha256").update(path).digest("hex").slice(0, 16);
  return `/tmp/tokenguard-${process.getuid?.()}-${digest}/daemon.sock`;
}

/** Whether the folder of a socket is ours: below /tmp anybody could have made it first. */
export function isOurs(socket: string): boolean {
  const found = lstatSync(dirname(socket), { throwIfNoEntry: false });
  const uid = process.getuid?.();
  return found === undefined || (found.isDirectory() && (found.uid === uid || uid === 0));
}

/** The main working tree of the repository that a folder is in, as calls name it; undefined outside one. */
export function repositoryOf(folder: string): string | undefined {
  try {
    for (let top = realpathSync(folder); ; top = dirname(top)) {
      const git = gitFolder(top);
      if (git !== undefined) return mainTree(git, top);
      if (top === dirname(top)) return undefined;
    }
  } catch {
    return undefined;
  }
}

function gitFolder(tree: string): string | undefined {
  const entry = join(tree, ".git");
  if (isFile(join(entry, "HEAD"))) return entry;
  const pointer = text(entry);
  if (!pointer?.startsWith("gitdir: ")) return undefined;
  const folder = resolve(tree, pointer.slice("gitdir: ".length).replace(/\n+$/, ""));
  return isFile(join(folder, "HEAD")) ? realpathSync(folder) : undefined;
}

/** The tree that stands for the repository; a linked working tree names the common folder. */
function mainTree(git: string, tree: string): string {
  const common = text(join(git, "commondir"));
  if (common === undefined) return tree;
  const shared = realpathSync(resolve(git, common.replace(/\n+$/, "")));
  return basename(shared) === ".git" ? dirname(shared) : shared;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, "utf-8");
  } catch {
    return undefined;
  }
}
