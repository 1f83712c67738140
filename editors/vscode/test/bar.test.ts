import assert from "node:assert/strict";
import { test } from "node:test";

import { bar } from "../src/bar";
import { Workspace } from "../src/state";
import { budget, hold, status } from "./told";

const WEB = new Workspace(["/src/web"]);
const sums = { calls: 3, confidence: "exact", unpriced: 0 };

test("today, its pace, and the budget that binds first with its level in words", () => {
  const said = bar({ status: status() }, WEB);
  assert.equal(said.text, "$(shield) $14.82 today · $3.10/h · web/day 82% warn");
  assert.deepEqual([said.level, said.command], ["warn", "tokenguard.dashboard"]);
});

test("without budgets and without spending there is nothing but today", () => {
  const nothing = { ...sums, cost_nanos: 0 };
  const said = bar({ status: status({ budgets: [], totals: { today: nothing, hour: nothing } }) }, WEB);
  assert.deepEqual([said.text, said.level], ["$(shield) $0.00 today", "ok"]);
});

test("what a subscription covers stands apart", () => {
  const today = { ...sums, cost_nanos: 0, notional_nanos: 3_100_000_000 };
  assert.equal(
    bar({ status: status({ budgets: [], totals: { today } }) }, WEB).text,
    "$(shield) $0.00 today, $3.10 notional",
  );
});

test("a budget over a provider's window is a share of a share", () => {
  const official = budget({ label: "claude", key: "", unit: "percent", spent: 70, limit: 90, level: "ok" });
  assert.match(bar({ status: status({ budgets: [official] }) }, WEB).text, /claude 70% of 90%$/);
});

test("a call that waits comes before all else, unless it is of another window", () => {
  const said = bar({ status: status({ holds: [hold()] }) }, WEB);
  assert.match(said.text, /^\$\(bell-dot\) 1 call waiting · \$14\.82 today/);
  assert.deepEqual([said.level, said.command], ["waiting", "tokenguard.answer"]);
  assert.equal(bar({ status: status({ holds: [hold({ repo: "/src/api" })] }) }, WEB).level, "warn");
});

test("it is plain about a daemon that is absent, and shows no numbers as if they were of now", () => {
  const said = bar({ status: status(), away: "the daemon is not running" }, WEB);
  assert.equal(said.text, "$(circle-slash) tokenguard is not running");
  assert.deepEqual([said.level, said.command], ["away", "tokenguard.start"]);
  assert.match(bar({ away: "the daemon does not answer" }, WEB).text, /tokenguard does not answer$/);
});

test("before anything is known it claims nothing", () => {
  assert.equal(bar({}, WEB).text, "$(shield) tokenguard");
});

test("the name of a budget writes no icon, and nothing that does not print", () => {
  const odd = budget({ label: "a\u0007b" });
  assert.ok(bar({ status: status({ budgets: [odd] }) }, WEB).text.includes("a\uFFFDb"));
});
