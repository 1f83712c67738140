import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { isOurs, repositoryOf, socketPath, stateFolder } from "../src/places";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "tokenguard-places-")));
after(() => rmSync(folder, { recursive: true }));
const git = (...args: string[]): Buffer => execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@b", ...args]);

test("the setting comes first, then the variable, then the platform's folder", () => {
  assert.equal(stateFolder("/set", { TOKENGUARD_HOME: "/var" }), "/set");
  assert.equal(stateFolder("~/tg", {}), join(homedir(), "tg"));
  assert.equal(stateFolder("", { TOKENGUARD_HOME: "/var" }), "/var");
  assert.equal(stateFolder("", { XDG_STATE_HOME: "/state" }), "/state/tokenguard");
  assert.equal(stateFolder("", { XDG_STATE_HOME: "relative" }, "linux"), join(homedir(), ".local/state/tokenguard"));
  assert.equal(stateFolder("", {}, "darwin"), join(homedir(), "Library/Application Support/tokenguard"));
});

test("the socket of a deep folder is in a folder of its own", () => {
  assert.equal(socketPath("/home/u/.local/state/tokenguard"), "/home/u/.local/state/tokenguard/daemon.sock");
  const deep = socketPath(`/${"x".repeat(100)}`);
  assert.match(deep, new RegExp(`^/tmp/tokenguard-${process.getuid?.()}-[0-9a-f]{16}/daemon\\.sock$`));
});

test("a folder that is not there yet is nobody's", () => {
  assert.ok(isOurs(join(folder, "none/daemon.sock")));
  assert.ok(isOurs(join(folder, "daemon.sock")));
});

test("a folder belongs to the main working tree of its repository, also through links and linked working trees", () => {
  const web = join(folder, "web");
  git("init", "-q", web);
  git("-C", web, "commit", "-q", "--allow-empty", "-m", "one");
  git("-C", web, "worktree", "add", "-q", join(folder, "linked"));
  mkdirSync(join(web, "src/deep"), { recursive: true });
  symlinkSync(join(web, "src"), join(folder, "shortcut"));
  for (const inside of ["web", "web/src/deep", "linked", "shortcut/deep"]) {
    assert.equal(repositoryOf(join(folder, inside)), web, inside);
  }
  assert.equal(repositoryOf(folder), undefined);
  assert.equal(repositoryOf(join(folder, "none")), undefined);
});
