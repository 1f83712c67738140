import assert from "node:assert/strict";
import { test } from "node:test";

import { commitRows, sessionRows } from "../src/rows";
import { Workspace } from "../src/state";
import { hold, session, status } from "./told";

const WEB = new Workspace(["/src/web"]);

test("calls that wait, sessions with what was started in them, and those of other repositories together", () => {
  const sub = { id: "a1", type: "explorer", model: "claude-haiku-5-5", calls: 12, cost_nanos: 190_000_000 };
  const sessions = [
    session({ sub_agents: [sub] }),
    session({ id: "s2", parent: "s1", agent: "codex" }),
    session({ id: "s3", repo: "/src/api" }),
  ];
  const rows = sessionRows({ status: status({ sessions, holds: [hold()] }) }, WEB);
  assert.deepEqual(
    rows.map((row) => row.label),
    ["claude web waits", "claude", "Elsewhere"],
  );
  assert.equal(rows[0]?.hold?.id, "7f2c");
  assert.equal(rows[1]?.beside, "$6.21 · feat/login");
  assert.deepEqual(
    rows[1]?.below.map((row) => row.label),
    ["codex", "explorer"],
  );
  assert.equal(rows[1]?.below[1]?.beside, "$0.190 · haiku-5.5 · 12 calls");
  assert.deepEqual(
    rows[2]?.below.map((row) => [row.id, row.beside]),
    [["session s3", "$6.21 · api feat/login"]],
  );
});

test("a session whose parent is elsewhere is still shown", () => {
  const rows = sessionRows({ status: status({ sessions: [session({ parent: "gone" })] }) }, WEB);
  assert.equal(rows.length, 1);
});

test("nothing stands as if it ran while the daemon is away", () => {
  assert.deepEqual(sessionRows({ status: status(), away: "the daemon is not running" }, WEB), []);
});

test("commits, the newest first, and before them what is not committed yet", () => {
  const of = (commit: string | null, committed_at: string | null, subject: string | null) => ({
    ...{ commit, committed_at, subject, calls: 4, cost_nanos: 138_000_000, confidence: "exact" },
  });
  const rows = commitRows({
    rows: [
      of("1b303f02aa", "2026-11-20T23:30:00-05:00", "Check"),
      of("2304d8d6bb", "2026-11-21T03:00:00+01:00", "Add"),
      of(null, null, null),
    ],
    total: { calls: 12, cost_nanos: 414_000_000 },
  });
  assert.deepEqual(
    rows.map((row) => row.label),
    ["Not committed yet", "Check", "Add"],
  );
  assert.deepEqual(
    rows.map((row) => row.beside),
    ["$0.138", "$0.138", "$0.138"],
  );
  assert.equal(rows[1]?.tooltip, "1b303f02 Check: $0.138 in 4 calls · 33% of 30 days");
});
