import assert from "node:assert/strict";
import { test } from "node:test";

import { escape, hover, LINKED } from "../src/hover";
import { Workspace } from "../src/state";
import { budget, hold, session, status } from "./told";

const WEB = new Workspace(["/src/web"]);
const NOW = new Date("2026-11-21T10:42:00Z");
const plain = (text: string): string => text.replaceAll("\\", "");

test("budgets, official windows, and the sessions of this window", () => {
  const told = status({
    budgets: [budget({ forecast: { full_at: "2026-11-21T13:05:00Z" } })],
    windows: [{ provider: "anthropic", name: "five_hour", used_percent: 70.4, resets_at: "2026-11-29T11:54:00Z" }],
    sessions: [session({ your_turn: true }), session({ id: "s2", repo: "/src/api", cost_nanos: 1_070_000_000 })],
  });
  const text = plain(hover({ status: told }, WEB, NOW));
  assert.match(text, /\$14\.82 today · \$3\.10\/h/);
  assert.match(text, /\| web\/day \| \$16\.40 \| \$20\.00 \| 82% \| warn \| full ≈\d\d:\d\d \|/);
  assert.match(text, /\| Claude 5 h \|  \|  \| 70% \|  \| resets Nov 29 \|/);
  assert.match(text, /\| claude \| feat\/login \| 41 \| \$6\.21 \| your turn \|/);
  assert.match(text, /1 session elsewhere: \$1\.07/);
});

test("a call that waits says what it is, why, and how long", () => {
  const text = hover({ status: status({ holds: [hold()] }) }, WEB, NOW);
  assert.match(plain(text), /claude web · opus-5\.5 · next call ≈\$3\.44.*4:31 left: this call re-reads/);
  assert.match(text, /\[Answer\]\(command:tokenguard\.answer\)/);
});

test("an absent daemon: what it means, what was last, and how to start it", () => {
  const text = plain(hover({ status: status(), away: "the daemon is not running" }, WEB, NOW));
  assert.match(text, /the daemon is not running/);
  assert.match(text, /Nothing is measured or held to budgets until it runs/);
  assert.match(text, /When it was last heard: \$14\.82 today/);
  assert.match(text, /command:tokenguard\.start/);
});

test("without sessions it says so", () => {
  assert.match(hover({ status: status({ sessions: [] }) }, WEB, NOW), /No session runs in this workspace/);
});

test("no name from elsewhere becomes a link, an icon, a cell or a line", () => {
  const odd = "[x](command:evil) | $(bug) **b** <img>\n# h `c` ~~s~~ & 1. - +";
  const text = hover({ status: status({ sessions: [session({ branch: odd, task: odd, agent: odd })] }) }, WEB, NOW);
  assert.ok(!/(?<!\\)\]\(command:evil/.test(text) && !/(?<!\\)\$\(bug/.test(text) && !text.includes("<img>"));
  const row = text.split("\n").find((line) => line.includes("evil"));
  assert.equal(row?.match(/(?<!\\)\|/g)?.length, 6);
});

test("what is escaped reads as it was", () => {
  assert.equal(plain(escape("feat/login_2 (a|b)")), "feat/login_2 (a|b)");
});

test("links lead to commands that may be run", () => {
  const texts = [hover({ status: status({ holds: [hold()] }) }, WEB, NOW), hover({ away: "gone" }, WEB, NOW)];
  const linked = texts.flatMap((text) => [...text.matchAll(/\(command:([\w.]+)/g)].map((found) => found[1] ?? ""));
  assert.ok(linked.length >= 6);
  assert.deepEqual(
    linked.filter((command) => !LINKED.includes(command)),
    [],
  );
});
