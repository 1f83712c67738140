import assert from "node:assert/strict";
import { test } from "node:test";

import { editorOf, saysUndone, saysWritten, settingsFile } from "../src/routing";

test("each editor is known by the name that it gives itself", () => {
  const names = [
    "Visual Studio Code",
    "Visual Studio Code - Insiders",
    "Cursor",
    "Windsurf",
    "VSCodium",
    "code-server",
  ];
  assert.deepEqual(names.map(editorOf), ["vscode", "vscode", "cursor", "windsurf", "vscodium", "vscode"]);
});

test("its settings are beside what it keeps for extensions, those of a remote machine in that machine's folder", () => {
  const own = "/home/u/.config/Code/User/globalStorage/tokenguard.tokenguard";
  assert.equal(settingsFile(own, false), "/home/u/.config/Code/User/settings.json");
  const far = "/home/u/.vscode-server/data/User/globalStorage/tokenguard.tokenguard";
  assert.equal(settingsFile(far, true), "/home/u/.vscode-server/data/Machine/settings.json");
});

test("what came of it", () => {
  const told = { file: "/s.json", changed: true, set: { a: "1", b: "2" }, notes: [] };
  assert.match(saysWritten(told), /2 settings in \/s\.json/);
  assert.match(saysWritten({ ...told, changed: false }), /already/);
  assert.match(saysUndone({ file: "/s.json", changed: true, restored: true }), /byte for byte/);
  assert.match(saysUndone({ file: "/s.json", changed: true, restored: false }), /your other changes stay/);
  assert.match(saysUndone({ file: "/s.json", changed: false, restored: false }), /nothing to undo/);
});
