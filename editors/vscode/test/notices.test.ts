import assert from "node:assert/strict";
import { test } from "node:test";

import { answers, noticeOf, type Wanted } from "../src/notices";
import type { Hold, Reached } from "../src/shapes";
import { Workspace } from "../src/state";
import { hold, session, status } from "./told";

const WEB = new Workspace(["/src/web"]);
const SEEN = { status: status({ sessions: [session(), session({ id: "s2", repo: "/src/api" })] }) };

function told(type: string, data: object, wanted: Wanted = "workspace") {
  return noticeOf({ type, at_us: 0, data: data as Record<string, unknown> }, SEEN, WEB, wanted);
}

function reached(of: Partial<Reached>): Reached {
  const usual = { budget: "web/day", key: "/src/web", level: "soft" as const, unit: "usd" as const };
  return { ...usual, spent: 18_400_000_000, limit: 20_000_000_000, ...of };
}

test("soft and hard are told, what is below is quiet", () => {
  assert.equal(told("budget.level", reached({}))?.text, "tokenguard: web/day is at 92% ($18.40 of $20.00)");
  const hard = told("budget.level", reached({ level: "hard", spent: 20_000_000_000 }));
  assert.deepEqual([hard?.text, hard?.urgent], ["tokenguard: web/day is used up ($20.00 of $20.00)", true]);
  assert.equal(told("budget.level", reached({ level: "warn" })), undefined);
  assert.equal(told("budget.level", reached({ level: "info" })), undefined);
  assert.equal(told("call.settled", {}), undefined);
});

test("of other windows' work nothing is told, unless it is wanted", () => {
  const others = reached({ key: "/src/api", budget: "api/day" });
  assert.equal(told("budget.level", others), undefined);
  assert.ok(told("budget.level", others, "all"));
  assert.equal(told("budget.level", reached({ key: "s2" })), undefined);
  assert.ok(told("budget.level", reached({ key: "" })));
  assert.equal(told("hold.asked", hold({ repo: "/src/api" })), undefined);
  assert.ok(told("hold.asked", hold({ repo: "/src/api" }), "all"));
  assert.equal(told("hold.asked", hold(), "off"), undefined);
});

test("a call that waits: who, how much, why, and the answers", () => {
  const notice = told("hold.asked", hold());
  const why = "This call re-reads 340k uncached tokens, about 3.44 USD";
  assert.equal(notice?.text, `tokenguard: claude web waits for you: ≈$3.44 for opus-5.5. ${why}`);
  assert.deepEqual(
    notice?.buttons.map((button) => button.title),
    ["Allow", "+$5", "Cheaper: sonnet-5 ≈$0.690", "Deny"],
  );
});

test("each answer is what the daemon takes", () => {
  const bodies = answers(hold()).map((button) => "body" in button.deed && button.deed.body);
  assert.deepEqual(bodies, [
    { answer: "approve" },
    { answer: "approve", amount: "$5" },
    { answer: "cheaper" },
    { answer: "deny" },
  ]);
  assert.ok(answers(hold()).every((button) => "path" in button.deed && button.deed.path === "/v1/holds/7f2c"));
});

test("where no budget is the reason nothing can be raised, and where no cheaper model is known none is offered", () => {
  const titles = (of: Partial<Hold>): string[] => answers(hold(of)).map((button) => button.title);
  assert.deepEqual(titles({ unit: null, cheaper: null }), ["Allow", "Deny"]);
  assert.deepEqual(titles({ unit: "tokens", cheaper: null }), ["Allow", "+1M tokens", "Deny"]);
});
