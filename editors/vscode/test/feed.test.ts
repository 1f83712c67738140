import assert from "node:assert/strict";
import { test } from "node:test";

import { DaemonError, NotRunning, type Door } from "../src/client";
import { AT_REST, ECHOES, Feed, LEAST_GAP, PAUSES, type Timers } from "../src/feed";
import type { Seen } from "../src/state";
import { status } from "./told";

/** A clock that goes when it is told to. */
class Clock implements Timers {
  at = 0;
  waiting: { at: number; call: () => void }[] = [];

  now(): number {
    return this.at;
  }

  after(milliseconds: number, call: () => void): () => void {
    const timer = { at: this.at + milliseconds, call };
    this.waiting.push(timer);
    return () => (this.waiting = this.waiting.filter((one) => one !== timer));
  }

  async go(milliseconds: number): Promise<void> {
    const end = this.at + milliseconds;
    for (;;) {
      await settled();
      const next = this.waiting.filter((one) => one.at <= end).sort((one, other) => one.at - other.at)[0];
      if (!next) break;
      this.waiting = this.waiting.filter((one) => one !== next);
      this.at = next.at;
      next.call();
    }
    this.at = end;
  }
}

/** A daemon that is there or not, and counts what it is asked. */
class Daemon implements Door {
  running = false;
  mute = false;
  asked = 0;
  tried = 0;
  private say: ((text: string) => void) | undefined;
  private end: (() => void) | undefined;

  async get(): Promise<unknown> {
    this.asked += 1;
    if (!this.running) throw new NotRunning();
    if (this.mute) throw new DaemonError("the daemon does not answer");
    return status();
  }

  async post(): Promise<unknown> {
    return {};
  }

  async listen(_: string, take: (text: string) => void, opened: () => void, signal: AbortSignal): Promise<void> {
    this.tried += 1;
    if (!this.running) throw new NotRunning();
    this.say = take;
    opened();
    await new Promise<void>((ended) => {
      this.end = ended;
      signal.addEventListener("abort", () => ended());
    });
  }

  tell(type: string): void {
    this.say?.(`data: ${JSON.stringify({ type, at_us: 0, data: {} })}\n\n`);
  }

  die(): void {
    this.running = false;
    this.end?.();
  }
}

const settled = (): Promise<void> => new Promise((go) => setImmediate(go));

function begin(running: boolean) {
  const clock = new Clock();
  const daemon = new Daemon();
  daemon.running = running;
  const shown: Seen[] = [];
  const heard: string[] = [];
  const feed = new Feed(daemon, clock, {
    changed: (seen) => shown.push(seen),
    heard: (event) => heard.push(event.type),
  });
  const ended = feed.follow();
  return { clock, daemon, feed, shown, heard, ended };
}

test("the status is there at once, and anew as soon as a call has ended", async () => {
  const { clock, daemon, feed, shown, heard } = begin(true);
  await clock.go(1_000);
  assert.deepEqual([daemon.asked, shown.length, shown[0]?.away], [1, 1, undefined]);
  daemon.tell("call.settled");
  await settled();
  assert.deepEqual([daemon.asked, heard], [2, ["call.settled"]]);
  feed.stop();
});

test("it asks again after the last event: what a call cost is written down only after it was told", async () => {
  const { clock, daemon, feed } = begin(true);
  await clock.go(1_000);
  daemon.tell("call.settled");
  await clock.go(10_000);
  assert.equal(daemon.asked, 1 + 1 + ECHOES.length);
  feed.stop();
});

test("however much happens, it asks only so often, and misses nothing at the end", async () => {
  const { clock, daemon, feed } = begin(true);
  await clock.go(1_000);
  for (let count = 0; count < 100; count += 1) {
    daemon.tell("call.settled");
    await clock.go(10);
  }
  await clock.go(2 * Math.max(...ECHOES));
  assert.ok(
    daemon.asked >= 6 && daemon.asked <= 1 + 1 + Math.ceil(1_000 / LEAST_GAP) + ECHOES.length,
    String(daemon.asked),
  );
  const asked = daemon.asked;
  await clock.go(AT_REST / 2);
  assert.equal(daemon.asked, asked);
  feed.stop();
});

test("when nothing happens it asks once a minute", async () => {
  const { clock, daemon, feed } = begin(true);
  await clock.go(10 * AT_REST);
  assert.ok(daemon.asked >= 10 && daemon.asked <= 11, String(daemon.asked));
  assert.ok(AT_REST >= 30_000);
  feed.stop();
});

test("what changes no sums is heard, and nothing is asked", async () => {
  const { clock, daemon, feed, heard } = begin(true);
  await clock.go(1_000);
  daemon.tell("call.progress");
  await clock.go(1_000);
  assert.deepEqual([daemon.asked, heard], [1, ["call.progress"]]);
  feed.stop();
});

test("a daemon that is absent is looked for less and less often, and said to be absent once", async () => {
  const { clock, daemon, feed, shown } = begin(false);
  await clock.go(600_000);
  assert.deepEqual(
    shown.map((seen) => seen.away),
    ["the daemon is not running"],
  );
  assert.ok(daemon.tried <= PAUSES.length + 600_000 / 30_000, String(daemon.tried));
  assert.equal(daemon.asked, 0);
  feed.stop();
});

test("when something says that it has come, it is found at once", async () => {
  const { clock, daemon, feed, shown } = begin(false);
  await clock.go(300_000);
  daemon.running = true;
  feed.retry();
  await clock.go(1);
  assert.equal(shown.at(-1)?.away, undefined);
  feed.stop();
});

test("when it has come, and does not answer yet, it is looked for often again", async () => {
  const { clock, daemon, feed, shown } = begin(false);
  await clock.go(300_000);
  feed.retry();
  await clock.go(100);
  daemon.running = true;
  await clock.go(1_000);
  assert.equal(shown.at(-1)?.away, undefined);
  feed.stop();
});

test("after a restart all is as before; meanwhile the last numbers stay, and are marked", async () => {
  const { clock, daemon, feed, shown } = begin(true);
  await clock.go(1_000);
  daemon.die();
  await clock.go(1_000);
  assert.deepEqual([shown.at(-1)?.away, shown.at(-1)?.status !== undefined], ["the daemon is not running", true]);
  daemon.running = true;
  await clock.go(2_000);
  assert.equal(shown.at(-1)?.away, undefined);
  const asked = daemon.asked;
  daemon.tell("call.settled");
  await clock.go(LEAST_GAP - 1);
  assert.equal(daemon.asked, asked + 1);
  feed.stop();
});

test("a status that did not come once is asked for again, though nothing happens", async () => {
  const { clock, daemon, feed, shown } = begin(true);
  await clock.go(1_000);
  daemon.mute = true;
  await clock.go(AT_REST);
  assert.equal(shown.at(-1)?.away, "the daemon does not answer");
  daemon.mute = false;
  await clock.go(AT_REST);
  assert.equal(shown.at(-1)?.away, undefined);
  feed.stop();
});

test("after it was stopped it neither asks nor tells", async () => {
  const { clock, daemon, feed, shown, ended } = begin(true);
  await clock.go(1_000);
  feed.stop();
  await ended;
  const before = [daemon.asked, shown.length];
  await clock.go(10 * AT_REST);
  assert.deepEqual([daemon.asked, shown.length], before);
});
