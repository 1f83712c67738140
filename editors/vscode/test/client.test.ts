import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";

import { Client, DaemonError, NotRunning } from "../src/client";

let server: Server | undefined;
const folder = mkdtempSync(join(tmpdir(), "tokenguard-client-"));
const socket = join(folder, "daemon.sock");
process.on("exit", () => rmSync(folder, { recursive: true }));

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(answer: RequestListener): Promise<Client> {
  server = createServer(answer);
  await new Promise<void>((ready) => server?.listen(socket, ready));
  return new Client(socket);
}

test("questions and orders are JSON over HTTP", async () => {
  const client = await serve((asked, answer) => {
    const pieces: Buffer[] = [];
    asked.on("data", (piece: Buffer) => pieces.push(piece));
    asked.on("end", () =>
      answer.end(JSON.stringify({ at: `${asked.method} ${asked.url}`, sent: String(Buffer.concat(pieces)) })),
    );
  });
  const query = { by: "commit", repo: "/src/a b" };
  assert.deepEqual(await client.get("/v1/report", query), {
    at: "GET /v1/report?by=commit&repo=%2Fsrc%2Fa+b",
    sent: "",
  });
  assert.deepEqual(await client.post("/v1/holds/7f2c", { reason: "größer" }), {
    at: "POST /v1/holds/7f2c",
    sent: '{"reason":"größer"}',
  });
});

test("a refusal is in the daemon's own words", async () => {
  const client = await serve((_, answer) => {
    answer.writeHead(400).end('{"error":{"message":"no call 7f2c is waiting","hint":"see tokenguard status"}}');
  });
  const refused = (error: DaemonError): boolean => error.message.startsWith("no call") && error.hint.startsWith("see");
  await assert.rejects(client.post("/v1/holds/7f2c", {}), refused);
});

test("what is no JSON is said to be none", async () => {
  const client = await serve((asked, answer) => answer.writeHead(asked.url === "/bad" ? 500 : 200).end("<html>"));
  await assert.rejects(client.get("/ok"), /is not JSON/);
  await assert.rejects(client.get("/bad"), /status 500/);
});

test("without a daemon it says that none runs", async () => {
  await assert.rejects(new Client(join(folder, "none.sock")).get("/v1/status"), NotRunning);
});

test("listening goes on until the daemon ends, and starts no earlier than it answers", async () => {
  const client = await serve((_, answer) => {
    answer.writeHead(200);
    answer.write("data: größ");
    answer.end("er\n\n");
  });
  const said: string[] = [];
  await client.listen(
    "/v1/events",
    (text) => said.push(text),
    () => said.push("opened "),
    new AbortController().signal,
  );
  assert.equal(said.join(""), "opened data: größer\n\n");
});

test("a daemon that dies in the middle ends the listening", async () => {
  const client = await serve((_, answer) => {
    answer.writeHead(200);
    answer.write("data: ", () => answer.destroy());
  });
  await client.listen(
    "/v1/events",
    () => undefined,
    () => undefined,
    new AbortController().signal,
  );
});

test("listening stops when it is told to", async () => {
  const client = await serve((_, answer) => answer.writeHead(200).write(": still here\n\n"));
  const stop = new AbortController();
  await client.listen(
    "/v1/events",
    () => stop.abort(),
    () => undefined,
    stop.signal,
  );
});

test("a door that is closed is no stream", async () => {
  const client = await serve((_, answer) => answer.writeHead(404).end());
  await assert.rejects(
    client.listen(
      "/v1/events",
      () => undefined,
      () => undefined,
      new AbortController().signal,
    ),
    /status 404/,
  );
});
