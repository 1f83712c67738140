// Follows the daemon: its events at once, its status whenever an event makes the last one old. Nobody here starts it.

import { DaemonError, type Door } from "./client";
import { EventReader, type DaemonEvent } from "./sse";
import type { Status } from "./shapes";
import { makesStale, type Seen } from "./state";

/** Statuses are asked for no more often than this, however much happens. */
export const LEAST_GAP = 150;
/** So long after the last event it is asked for once more: what a call cost is told before it is written down. */
export const ECHOES = [LEAST_GAP, 1_500];
/** And at least this often: an hour and a day go by without an event. */
export const AT_REST = 60_000;
/** Between attempts to find the daemon; the last again and again. */
export const PAUSES = [200, 500, 1_000, 2_000, 5_000, 15_000, 30_000];

export interface Timers {
  now(): number;
  /** Calls back after so many milliseconds, unless what it returns is called first. */
  after(milliseconds: number, call: () => void): () => void;
}

export interface Listener {
  changed(seen: Seen): void;
  heard(event: DaemonEvent, seen: Seen): void;
}

export class Feed {
  seen: Seen = {};
  private readonly stopped = new AbortController();
  private wake: (() => void) | undefined;
  private cancelStatus: (() => void) | undefined;
  private cancelEchoes: (() => void)[] = [];
  private tries = 0;
  private asking = false;
  private stale = false;
  private askedAt = -Infinity;

  constructor(
    private readonly door: Door,
    private readonly timers: Timers,
    private readonly listener: Listener,
  ) {}

  /** Follows until `stop`. */
  async follow(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      const events = new EventReader();
      try {
        await this.door.listen(
          "/v1/events",
          (text) => events.read(text).forEach((event) => this.hear(event)),
          () => {
            this.tries = 0;
            this.refresh();
          },
          this.stopped.signal,
        );
      } catch (error) {
        this.lose(said(error));
      }
      if (this.stopped.signal.aborted) return;
      this.tries += 1;
      await this.pause(PAUSES[Math.min(this.tries, PAUSES.length) - 1] ?? 0);
    }
  }

  stop(): void {
    this.stopped.abort();
    this.cancelStatus?.();
    this.echo([]);
    this.wake?.();
  }

  /** Look for the daemon now, and often again: something says that it has come. */
  retry(): void {
    this.tries = 0;
    this.wake?.();
  }

  /** Ask for the status, now or as soon as it may be asked for again. */
  refresh(): void {
    this.stale = true;
    if (this.asking) return;
    const wait = Math.max(0, this.askedAt + LEAST_GAP - this.timers.now());
    this.cancelStatus?.();
    this.cancelStatus = undefined;
    if (wait) this.cancelStatus = this.timers.after(wait, () => void this.ask());
    else void this.ask();
  }

  private hear(event: DaemonEvent): void {
    if (makesStale(event)) {
      this.refresh();
      this.echo(ECHOES);
    }
    this.listener.heard(event, this.seen);
  }

  private echo(pauses: readonly number[]): void {
    for (const cancel of this.cancelEchoes) cancel();
    this.cancelEchoes = pauses.map((pause) => this.timers.after(pause, () => this.refresh()));
  }

  private async ask(): Promise<void> {
    this.asking = true;
    this.stale = false;
    this.askedAt = this.timers.now();
    try {
      this.become({ status: (await this.door.get("/v1/status")) as Status });
    } catch (error) {
      this.lose(said(error));
    } finally {
      this.asking = false;
    }
    if (this.stopped.signal.aborted) return;
    if (this.stale) this.refresh();
    else this.cancelStatus = this.timers.after(AT_REST, () => void this.ask());
  }

  private lose(away: string): void {
    this.echo([]);
    this.cancelStatus?.();
    this.cancelStatus = undefined;
    if (this.seen.away !== away) this.become({ ...this.seen, away });
  }

  private become(seen: Seen): void {
    if (this.stopped.signal.aborted) return;
    this.seen = seen;
    this.listener.changed(seen);
  }

  private async pause(milliseconds: number): Promise<void> {
    await new Promise<void>((go) => {
      const cancel = this.timers.after(milliseconds, go);
      this.wake = () => {
        cancel();
        go();
      };
    });
    this.wake = undefined;
  }
}

function said(error: unknown): string {
  return error instanceof DaemonError ? error.message : String(error);
}
