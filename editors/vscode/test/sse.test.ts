import assert from "node:assert/strict";
import { test } from "node:test";

import { EventReader } from "../src/sse";

const ONE = 'event: call.settled\ndata: {"type":"call.settled","at_us":1,"data":{"id":7}}\n\n';
const OTHER = 'event: lost\ndata: {"type":"lost","at_us":2,"data":{"count":3}}\n\n';

test("events come out whole, however the text is cut", () => {
  for (let cut = 1; cut < ONE.length; cut += 1) {
    const reader = new EventReader();
    const events = [...reader.read(ONE.slice(0, cut)), ...reader.read(ONE.slice(cut) + OTHER)];
    assert.deepEqual(
      events.map((event) => event.type),
      ["call.settled", "lost"],
    );
  }
});

test("heartbeats say nothing", () => {
  assert.deepEqual(new EventReader().read(": still here\n\n"), []);
});

test("what is no event is passed over, and the next one is read", () => {
  const reader = new EventReader();
  for (const odd of [
    "data: {\n\n",
    "data: 5\n\n",
    "data: null\n\n",
    'data: {"type":"x"}\n\n',
    'data: {"data":{}}\n\n',
  ]) {
    assert.deepEqual(reader.read(odd), []);
  }
  assert.equal(reader.read(ONE).length, 1);
});
