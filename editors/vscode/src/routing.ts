// "Send this editor's agents through tokenguard": which editor this is, and where its settings are.

import { join } from "node:path";

/** What `tokenguard env --write EDITOR --json` tells. */
export interface Written {
  file: string;
  changed: boolean;
  set: Record<string, string>;
  notes: string[];
}

/** What `tokenguard env --undo EDITOR --json` tells. */
export interface Undone {
  file: string;
  changed: boolean;
  restored: boolean;
}

/** What `tokenguard env` calls an editor, by the name that it gives itself; the family's name for those it has none for. */
export function editorOf(appName: string): string {
  const name = appName.toLowerCase();
  if (name.includes("cursor")) return "cursor";
  if (name.includes("windsurf")) return "windsurf";
  return name.includes("codium") ? "vscodium" : "vscode";
}

/** The settings that hold here, by the folder in which the editor lets an extension keep what is its own.
 *
 * On a machine that is worked on from afar they are those of that machine: the person's own are elsewhere.
 */
export function settingsFile(globalStorage: string, remote: boolean): string {
  const user = join(globalStorage, "..", "..");
  return remote ? join(user, "..", "Machine", "settings.json") : join(user, "settings.json");
}

export function saysWritten(told: Written): string {
  const count = Object.keys(told.set).length;
  if (!told.changed) return `This editor's agents go through tokenguard already (${told.file}).`;
  return `This editor's agents go through tokenguard now: ${count} settings in ${told.file}. Open terminals keep what they have.`;
}

export function saysUndone(told: Undone): string {
  if (!told.changed) return "There is nothing to undo.";
  return told.restored
    ? `${told.file} is as it was, byte for byte.`
    : `${told.file} is without what was put in; your other changes stay.`;
}
