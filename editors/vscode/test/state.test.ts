import assert from "node:assert/strict";
import { test } from "node:test";

import { holds, makesStale, Workspace } from "../src/state";
import { budget, hold, session, status } from "./told";

const WEB = new Workspace(["/src/web"]);
const labels = (workspace: Workspace, ...budgets: ReturnType<typeof budget>[]): string[] =>
  workspace.budgets(status({ budgets })).map((one) => one.label);

test("budgets of other repositories, branches and sessions do not concern a window", () => {
  const sessions = [session(), session({ id: "s2", repo: "/src/api" })];
  for (const key of ["/src/web", "/src/web:main", "s1", "", "claude-opus-5-5", "alice"]) {
    assert.ok(WEB.counts(key, sessions), key);
  }
  for (const key of ["/src/api", "/src/webs", "/src/webs:main", "/src/api:main", "s2"]) {
    assert.ok(!WEB.counts(key, sessions), key);
  }
});

test("everything concerns a window without a repository", () => {
  const nowhere = new Workspace([]);
  assert.deepEqual(labels(nowhere, budget({ label: "api/day", key: "/src/api" })), ["api/day"]);
  assert.equal(nowhere.sessions(status({ sessions: [session({ repo: null })] })).here.length, 1);
});

test("what binds first stands first: by its level, then by how much is used", () => {
  const full = budget({ label: "full", spent: 19_000_000_000, level: "info" });
  const soft = budget({ label: "soft", spent: 12_000_000_000, level: "soft" });
  const less = budget({ label: "less", spent: 18_000_000_000, level: "info" });
  const none = budget({ label: "none", limit: 0, spent: 0, level: "hard" });
  assert.deepEqual(labels(WEB, less, full, soft, none), ["none", "soft", "full", "less"]);
});

test("sessions are those of the window's repositories, and others", () => {
  const found = WEB.sessions(status({ sessions: [session(), session({ id: "s2", repo: "/src/api" })] }));
  assert.deepEqual([found.here.map((one) => one.id), found.elsewhere.map((one) => one.id)], [["s1"], ["s2"]]);
});

test("the call that is refused next stands first", () => {
  const first = hold({ id: "a", expires_at: "2026-11-21T10:00:00Z" });
  const later = hold({ id: "b", expires_at: "2026-11-21T11:00:00Z" });
  const told = status({ holds: [later, first] });
  assert.deepEqual(
    holds(told).map((one) => one.id),
    ["a", "b"],
  );
  assert.deepEqual(
    told.holds.map((one) => one.id),
    ["b", "a"],
  );
});

test("a call that has ended changes sums, one that goes on does not", () => {
  const event = (type: string) => ({ type, at_us: 0, data: {} });
  assert.ok(makesStale(event("call.settled")));
  assert.ok(!makesStale(event("call.progress")));
  assert.ok(!makesStale(event("of.a.newer.daemon")));
});
