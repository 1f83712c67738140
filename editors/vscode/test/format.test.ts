import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as format from "../src/format";

type Say = (...of: never[]) => unknown;
interface Saying {
  name: string;
  of: never[];
  said: unknown;
}

const SAY: Record<string, Say> = { ...format, "usd about": (nanos: number) => format.usd(nanos, true) } as never;
// The same file is held against the program's own words by the tests in Python.
const SAYINGS = JSON.parse(readFileSync(join(__dirname, "../../test/sayings.json"), "utf-8")) as Saying[];

for (const { name, of, said } of SAYINGS) {
  test(`${name} of ${JSON.stringify(of)}`, () => assert.equal(SAY[name]?.(...of), said));
}

test("sums are marked where they are not exact", () => {
  const sums = { calls: 1, cost_nanos: 6_210_000_000 };
  assert.equal(format.cost({ ...sums, confidence: "exact", unpriced: 0 }), "$6.21");
  assert.equal(format.cost({ ...sums, confidence: "estimated" }), "≈$6.21");
  assert.equal(format.cost({ ...sums, unpriced: 1 }), "≈$6.21");
});

test("instants are short, and dates where they are far away", () => {
  const now = new Date(2026, 10, 21, 10, 42);
  assert.equal(format.moment(new Date(2026, 10, 21, 14, 5), now), "14:05");
  assert.equal(format.moment(new Date(2026, 10, 22, 10, 41), now), "10:41");
  assert.equal(format.moment(new Date(2026, 10, 29), now), "Nov 29");
});

test("what is left is told by how long that is", () => {
  const now = new Date(2026, 10, 21, 10, 42);
  const after = (seconds: number): string => format.until(new Date(now.getTime() + seconds * 1_000), now);
  assert.deepEqual([after(-5), after(271), after(3_600), after(4_320)], ["0:00", "4:31", "1 h 00 m", "1 h 12 m"]);
  assert.equal(after(8 * 86_400), "Nov 29");
});

test("a call that waits has a model, what an agent asks for an amount", () => {
  const hold = { id: "7f2c", session: "x", agent: "claude", repo: null, reason: "", expires_at: "" };
  const call = { ...hold, model: "claude-opus-5-5", estimate_nanos: 3_440_000_000, unit: "usd" as const, wants: null };
  assert.equal(format.asked(call, " for "), "≈$3.44 for opus-5.5");
  const asks = { ...hold, model: "", estimate_nanos: 0, unit: "tokens" as const, wants: 2_000_000 };
  assert.equal(format.asked(asks, " for "), `${format.amount(2_000_000, "tokens")} more`);
});
