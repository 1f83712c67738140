// Numbers, times and names as all of tokenguard says them. `test/sayings.json` holds both sides to it.

import type { Hold, Level, Totals, Unit } from "./shapes";

const NANOS = 1_000_000_000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** What is said of a level beside its colour. */
export const LEVEL_WORDS: Record<Level, string> = { ok: "", info: "info", warn: "warn", soft: "soft", hard: "used up" };

/** `$6.21`; below a dollar to a tenth of a cent, `$0.193`. `about` puts `≈` before what is not exact. */
export function usd(nanos: number, about = false): string {
  const sign = nanos < 0 ? "-" : "";
  const size = Math.abs(nanos);
  if (size > 0 && size < NANOS / 2000) return `${sign}<$0.001`;
  const places = size === 0 || size >= NANOS ? 2 : 3;
  return `${about ? "≈" : ""}${sign}$${rounded(size, places)}`;
}

/** What sums come to, with `≈` where they are not exact. */
export function cost(totals: Totals): string {
  return usd(totals.cost_nanos, (totals.confidence ?? "exact") !== "exact" || (totals.unpriced ?? 0) > 0);
}

/** Half of the last place is rounded up. */
function rounded(nanos: number, places: number): string {
  const parts = 10 ** places;
  const count = Number((BigInt(nanos) + BigInt(NANOS / parts / 2)) / BigInt(NANOS / parts));
  return `${thousands(Math.floor(count / parts))}.${String(count % parts).padStart(places, "0")}`;
}

function thousands(whole: number): string {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `902`, `12.4k`, `118k`, `3.1M`. */
export function tokens(count: number): string {
  const size = Math.abs(count);
  for (const [least, unit, letter] of [
    [999_500_000, 1e9, "B"],
    [999_500, 1e6, "M"],
    [1_000, 1e3, "k"],
  ] as const) {
    if (size >= least) return `${evenly(count / unit, size >= 99.95 * unit ? 0 : 1)}${letter}`;
  }
  return String(count);
}

/** With so many decimals; what lies in the middle goes to the even side, unlike `toFixed`. */
function evenly(value: number, places: 0 | 1): string {
  const scaled = Math.abs(value) * 10 ** places;
  const below = Math.floor(scaled);
  // Only quarters and halves are in the middle as binary numbers too; others only look like it.
  const inTheMiddle = scaled - below === 0.5 && Number.isInteger(value * 4);
  if (!inTheMiddle) return value.toFixed(places);
  const even = below % 2 === 0 ? below : below + 1;
  return ((Math.sign(value) * even) / 10 ** places).toFixed(places);
}

/** A value in its unit: `$6.21`, `2.0M tokens`, `300 calls`. */
export function amount(value: number, unit: Unit): string {
  if (unit === "usd") return usd(value);
  if (unit === "tokens") return `${tokens(value)} tokens`;
  if (unit === "percent") return `${value}%`;
  return value === 1 ? "1 call" : `${value} calls`;
}

/** A limit that somebody set, to its last digit: `$20.00`, `$0.0001`. */
export function limit(value: number, unit: Unit): string {
  if (unit !== "usd") return amount(value, unit);
  const part = String(value % NANOS)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `$${thousands(Math.floor(value / NANOS))}.${part.padEnd(2, "0")}`;
}

/** Whole percents, rounded down, so that 100 means used up; of a limit of zero, anything is. */
export function percent(part: number, whole: number): number {
  return whole ? Number((BigInt(part) * 100n) / BigInt(whole)) : part ? 100 : 0;
}

/** `41 calls`, `1 call`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** `claude-opus-5-5-20261001` as people say it: `opus-5.5`. */
export function shortModel(model: string): string {
  const name = model.slice(model.lastIndexOf("/") + 1).replace(/[-@](20\d{6}|20\d\d-\d\d-\d\d)$/, "");
  const at = name.indexOf("claude-");
  return at < 0 ? name : name.slice(at + "claude-".length).replace(/\b(\d)-(\d)\b/g, "$1.$2");
}

/** What waits, in few words: `≈$3.44 for opus-5.5`, or what an agent asks for. */
export function asked(hold: Hold, between: string): string {
  if (hold.wants == null) return `${usd(hold.estimate_nanos, true)}${between}${shortModel(hold.model)}`;
  return `${amount(hold.wants, hold.unit ?? "usd")} more`;
}

/** The last part of a repository's path; empty for none. */
export function folderName(path: string | null | undefined): string {
  const trimmed = (path ?? "").replace(/\/+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** A provider's own window as people say it: `Claude 5 h`, `Claude 7 d opus`. */
export function windowName(provider: string, name: string): string {
  const plans: Record<string, string> = { anthropic: "Claude", chatgpt: "Codex" };
  let said = name;
  for (const [span, short] of [
    ["five_hour", "5 h"],
    ["seven_day", "7 d"],
    ["thirty_day", "30 d"],
  ] as const) {
    said = said.replaceAll(span, short);
  }
  return `${plans[provider] ?? provider} ${said.replaceAll("_", " ")}`;
}

/** Text that came from elsewhere, without what does not print. */
export function printable(text: string): string {
  return text.replace(/(?! )[\p{C}\p{Z}]/gu, "\uFFFD");
}

/** `14:05`; `Nov 29` where that is a day or more away. */
export function moment(at: Date, now: Date): string {
  if (Math.abs(at.getTime() - now.getTime()) < 86_400_000) {
    return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
  }
  return `${MONTHS[at.getMonth()]} ${at.getDate()}`;
}

/** `4:31` within the hour, `1 h 12 m` within the day, else the date. */
export function until(then: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((then.getTime() - now.getTime()) / 1_000));
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (seconds < 86_400) {
    return `${Math.floor(seconds / 3_600)} h ${String(Math.floor((seconds % 3_600) / 60)).padStart(2, "0")} m`;
  }
  return moment(then, now);
}
