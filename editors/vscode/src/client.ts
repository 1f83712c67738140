// The door to the daemon: HTTP on its unix socket.

import { request, type ClientRequest, type IncomingMessage } from "node:http";

import { isOurs } from "./places";

const WORKS_WITHIN = 30_000;
/** The daemon says something every 15 s; twice that, and it is gone without a word. */
const SILENT_AFTER = 35_000;

/** What the daemon, or the lack of one, says to a person. */
export class DaemonError extends Error {
  constructor(
    message: string,
    readonly hint = "",
  ) {
    super(message);
  }
}

export class NotRunning extends DaemonError {
  constructor() {
    super("the daemon is not running", "start it with: tokenguard daemon start");
  }
}

/** What asks the daemon, and listens to it. */
export interface Door {
  get(path: string, query?: Record<string, string>): Promise<unknown>;
  post(path: string, body: object): Promise<unknown>;
  /** Calls `take` with what an endpoint that stays open says, until the promise is settled or `signal` is raised. */
  listen(path: string, take: (text: string) => void, opened: () => void, signal: AbortSignal): Promise<void>;
}

export class Client implements Door {
  constructor(private readonly socket: string) {}

  get(path: string, query: Record<string, string> = {}): Promise<unknown> {
    const asked = new URLSearchParams(query).toString();
    return this.ask("GET", asked ? `${path}?${asked}` : path);
  }

  post(path: string, body: object): Promise<unknown> {
    return this.ask("POST", path, JSON.stringify(body));
  }

  async listen(path: string, take: (text: string) => void, opened: () => void, signal: AbortSignal): Promise<void> {
    const answer = await this.send("GET", path, "", SILENT_AFTER, signal);
    if (answer.statusCode !== 200) throw refusal(await body(answer), answer.statusCode);
    opened();
    answer.setEncoding("utf-8");
    await new Promise<void>((ended) => {
      answer.on("data", take);
      // However it ends, nothing more is told.
      answer.on("error", () => ended());
      answer.on("close", () => ended());
    });
  }

  private async ask(method: string, path: string, sent = ""): Promise<unknown> {
    const answer = await this.send(method, path, sent, WORKS_WITHIN);
    const text = await body(answer);
    if (answer.statusCode !== 200) throw refusal(text, answer.statusCode);
    try {
      return JSON.parse(text);
    } catch {
      throw new DaemonError("the daemon's answer is not JSON", "see: tokenguard daemon logs");
    }
  }

  private send(
    method: string,
    path: string,
    sent: string,
    timeout: number,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    return new Promise((answered, failed) => {
      if (!isOurs(this.socket)) {
        failed(new DaemonError("the folder of the daemon's socket belongs to another user"));
        return;
      }
      const headers = { "content-length": Buffer.byteLength(sent) };
      const asked: ClientRequest = request(
        { socketPath: this.socket, method, path, headers, timeout, agent: false, ...(signal && { signal }) },
        answered,
      );
      asked.on("timeout", () => asked.destroy(new DaemonError("the daemon does not answer")));
      asked.on("error", (error) => failed(translated(error)));
      asked.end(sent);
    });
  }
}

async function body(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of answer) pieces.push(piece as Buffer);
  } catch {
    throw new DaemonError("the daemon ended in the middle of an answer", "see: tokenguard daemon logs");
  }
  return Buffer.concat(pieces).toString("utf-8");
}

function refusal(text: string, status: number | undefined): DaemonError {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; hint: string } };
    return new DaemonError(error.message, error.hint);
  } catch {
    return new DaemonError(`the daemon answered with status ${status}`, "see: tokenguard daemon logs");
  }
}

function translated(error: NodeJS.ErrnoException): DaemonError {
  if (error instanceof DaemonError) return error;
  const gone = ["ENOENT", "ENOTDIR", "ECONNREFUSED", "ECONNRESET", "EPIPE"];
  if (gone.includes(error.code ?? "")) return new NotRunning();
  return new DaemonError(`the daemon cannot be reached: ${error.message}`);
}
