import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { DaemonError } from "../src/client";
import { Program } from "../src/program";

const folder = mkdtempSync(join(tmpdir(), "tokenguard program-"));
after(() => rmSync(folder, { recursive: true }));

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const program = (command: string, home = ""): Program => new Program(() => ({ command, home }));

test("a name is looked for where commands are, a path is taken as it is", () => {
  const known = script("known", "true");
  mkdirSync(join(folder, "shadow", "known"), { recursive: true });
  process.env["PATH"] = `${folder}/shadow:${folder}:${process.env["PATH"]}`;
  assert.equal(program("known").path, known);
  assert.equal(program("nonesuch").path, "nonesuch");
  assert.equal(program("/opt/tokenguard").path, "/opt/tokenguard");
  assert.equal(program("~/bin/tokenguard").path, join(homedir(), "bin/tokenguard"));
});

test("a shell takes it as one word", () => {
  assert.equal(program("/opt/tokenguard").quoted, "/opt/tokenguard");
  assert.equal(program("/my programs/tokenguard").quoted, "'/my programs/tokenguard'");
  assert.equal(program("/it's/$(here)").quoted, "'/it'\\''s/$(here)'");
});

test("arguments arrive as they are, and the home that is set is told", async () => {
  const path = script("says", 'printf "%s|" "$TOKENGUARD_HOME" "$@"');
  assert.equal(await program(path, "/home of its own").run("a b", "$(c)"), "/home of its own|a b|$(c)|");
  assert.deepEqual(program(path).env, {});
});

test("what fails says why in its own words", async () => {
  const path = script("fails", "echo first >&2; echo 'tokenguard: it is busy; wait' >&2; exit 3");
  await assert.rejects(
    program(path).run(),
    (error) => error instanceof DaemonError && error.message === "it is busy; wait",
  );
  await assert.rejects(program("/nonesuch/tokenguard").run(), /was not found/);
});
