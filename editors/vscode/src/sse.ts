// Server-sent events: text as it arrives in, events out.

export interface DaemonEvent {
  type: string;
  at_us: number;
  data: Record<string, unknown>;
}

export class EventReader {
  private rest = "";

  /** The events that this piece of text completes. */
  read(text: string): DaemonEvent[] {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.flatMap(event);
  }
}

function event(block: string): DaemonEvent[] {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  if (!lines.length) return [];
  try {
    const told: unknown = JSON.parse(lines.map((line) => line.slice("data:".length)).join("\n"));
    return isEvent(told) ? [told] : [];
  } catch {
    return []; // whatever it is, the next event is read again
  }
}

function isEvent(told: unknown): told is DaemonEvent {
  if (typeof told !== "object" || told === null) return false;
  const { type, data } = told as Partial<DaemonEvent>;
  return typeof type === "string" && typeof data === "object" && data !== null;
}
